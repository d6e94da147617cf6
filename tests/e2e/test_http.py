"""The HTTP API: endpoints, confinement, blobs, event streams, and what bad requests get."""
import concurrent.futures
import hashlib
import http.client
import json
import os
import pathlib
import re
import socket
import time
import urllib.parse

import pytest
from harness import PATIENCE, make_dataset, wait_for
from raw_node import RawNode


@pytest.fixture(scope="module")
def served(trained):
    """The trained cluster, with traps around its image folder."""
    images = trained.folder / "images"
    (trained.folder / "secret.png").write_bytes((images / "test/red/0.png").read_bytes())
    (images / "test/red/notes.txt").write_text("not an image")
    (images / "out.png").symlink_to(trained.folder / "secret.png")
    (images / "up").symlink_to(trained.folder)
    return trained


def error_of(answer):
    status, _, body = answer
    return status, json.loads(body)["error"]


def blob(data):
    return hashlib.sha256(data).hexdigest()


# images

def test_images_are_listed_with_the_reference_spelling(served):
    images = served.get("/images")["images"]
    assert "./images/test/red/0.png" in images
    assert not any("notes" in image or "secret" in image for image in images)


def test_all_who_ask_for_the_images_at_once_cost_as_much_as_two(cluster):
    folder = cluster.folder / "images"
    folder.mkdir()
    for i in range(20000):
        (folder / f"{i}.png").touch()
    cluster.start_broker()

    def cpu():
        fields = pathlib.Path(f"/proc/{cluster.broker.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    assert len(cluster.get("/images")["images"]) == 20000
    start = cpu()
    cluster.get("/images")
    one = cpu() - start
    start = cpu()
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda _: cluster.request("GET", "/images")[::2], range(24)))
    assert all(answer == answers[0] and answer[0] == 200 for answer in answers)
    # Who comes while one runs waits for the next; sending is cheap.
    assert cpu() - start < 12 * one + 5, one
    (folder / "new.png").touch()
    assert "./images/new.png" in cluster.get("/images")["images"]


@pytest.mark.parametrize("path", ["./images/test/red/0.png", "images/test/red/0.png"])
def test_an_image_is_served_as_it_is(served, path):
    status, headers, body = served.request("GET", "/image?imagePath=" + urllib.parse.quote(path))
    assert status == 200 and body == (served.folder / "images/test/red/0.png").read_bytes()
    assert headers["Content-Type"] == "image/png"


@pytest.mark.parametrize("path", [
    "../secret.png", "images/../secret.png", "./images/../../secret.png", "/etc/passwd", "images/out.png",
    "images/up/secret.png", "images/%2e%2e/secret.png", "images/test/red/notes.txt", "images//etc/passwd",
    "images/test/red", "images/", "", "images/test/red/0.png\0.txt", "images\\..\\secret.png", "secret.png",
    "images/..%c0%af..%c0%afsecret.png",
])
@pytest.mark.parametrize("twice", [False, True])
def test_no_path_link_or_encoding_leaves_the_image_folder(served, path, twice):
    quoted = urllib.parse.quote(path, safe="")
    if twice:
        quoted = urllib.parse.quote(quoted, safe="")
    assert error_of(served.request("GET", "/image?imagePath=" + quoted)) == (404, "Image not found")


# inference

def test_inference_by_path_as_the_reference_asks(served):
    status, _, body = served.request("POST", "/inference", {
        "node": "node0", "imagePath": "./images/test/green/0.png", "modelName": "colours"})
    report = json.loads(body)
    assert status == 200 and report["predicted_class"] == "green"
    assert report["image"] == "./images/test/green/0.png" and len(report["output"]) == 3


def test_an_uploaded_image_is_classified_raw_and_as_a_form(served):
    image = (served.folder / "images/test/blue/0.png").read_bytes()
    status, _, body = served.request("POST", "/inference?model=colours&top=1", image, {"Content-Type": "image/png"})
    report = json.loads(body)
    assert (status, report["predicted_class"], len(report["output"])) == (200, "blue", 1), report
    form = (b"--xyz\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n"
            b"Content-Type: image/png\r\n\r\n" + image + b"\r\n--xyz--\r\n")
    status, _, body = served.request("POST", "/inference", form,
                                     {"Content-Type": "multipart/form-data; boundary=xyz"})
    assert status == 200 and json.loads(body)["predicted_class"] == "blue"


def test_an_inference_tells_in_its_headers_who_answered_and_how_long_it_took(served):
    image = (served.folder / "images/test/blue/0.png").read_bytes()
    asked = [("/inference?model=colours", image, "image/png"), ("/inference?model=colours", b"none", "image/png"),
             ("/inference", {"imagePath": "images/test/red/0.png", "node": "node0"}, "application/json")]
    for path, body, kind in asked:
        status, headers, _ = served.request("POST", path, body, {"Content-Type": kind})
        assert (status == 200) == (body != b"none") and headers["X-Dcls-Node"] == "node0"
        took = re.fullmatch(r"node;dur=(\d+\.\d)", headers["Server-Timing"])
        assert took and 0 < float(took[1]) < 15000, headers["Server-Timing"]
    status, headers, _ = served.request("POST", "/inference?model=none", image, {"Content-Type": "image/png"})
    assert status == 404 and headers["X-Dcls-Node"] is None and headers["Server-Timing"] is None


def test_nothing_of_an_uploaded_image_is_written_by_the_broker(served):
    image = (served.folder / "images/test/red/0.png").read_bytes() + b"one that was not there before"
    state = lambda: {path: path.stat().st_mtime_ns for path in (served.folder / "state/blobs").rglob("*")}
    before = state(), (served.folder / "state/blobs").stat().st_mtime_ns
    status, _, body = served.request("POST", "/inference?model=colours", image, {"Content-Type": "image/png"})
    assert status == 200 and json.loads(body)["image"] == f"sha256:{blob(image)}"
    assert (state(), (served.folder / "state/blobs").stat().st_mtime_ns) == before
    assert served.request("GET", f"/blobs/{blob(image)}")[0] == 404


@pytest.mark.parametrize("body", [b"", b"no image at all", b"\xff\xd8\xff" + b"x" * 100,
                                  b"\x89PNG\r\n\x1a\n" + b"\0" * 50], ids=range(4))
def test_what_is_no_image_is_refused_and_the_worker_lives(served, body):
    status, error = error_of(served.request("POST", "/inference?model=colours", body, {"Content-Type": "image/png"}))
    assert status >= 400 and error
    assert served.request("POST", "/inference", {"imagePath": "images/test/red/0.png"})[0] == 200


@pytest.mark.parametrize("body,status,culprit", [
    ({"imagePath": "images/test/red/0.png", "modelName": "none"}, 404, "none"),
    ({"imagePath": "images/test/red/0.png", "modelName": "colours", "node": "none"}, 404, "none"),
    ({"modelName": "colours"}, 400, "imagePath"),
    ({"imagePath": "images/none.png", "modelName": "colours"}, None, "none.png"),
])
def test_inference_errors_name_the_culprit(served, body, status, culprit):
    found, error = error_of(served.request("POST", "/inference", body))
    assert (status is None or found == status) and found >= 400 and culprit in error, (found, error)


# training

@pytest.mark.parametrize("change,status,culprit", [
    ({"modelType": None}, 400, "modelType"), ({"modelType": "../x"}, 400, "../x"),
    ({"modelType": "alexnet"}, 409, "they offer resnet, resnet34, resnet50, mobilenet, efficientnet"),
    ({"modelName": "../x"}, 400, "../x"), ({"epochs": 0}, 400, "epochs"), ({"epochs": "many"}, 400, "epochs"),
    ({"batchSize": -1}, 400, "batchSize"), ({"learningRate": -1}, 400, "learningRate"),
    ({"imageSize": 10 ** 9}, 400, "imageSize"), ({"optimizer": "lion"}, 400, "lion"),
    ({"noSuchOption": 1}, 400, "noSuchOption"), ({"node": "none"}, 404, "none"),
    ({"weights": "sha256:" + "0" * 64}, None, "0000"),
])
def test_a_training_that_cannot_be_is_refused_by_name(served, change, status, culprit):
    body = {"modelType": "resnet", "modelName": "x", **change}
    body = {key: value for key, value in body.items() if value is not None}
    found, error = error_of(served.request("POST", "/train", body, {"Prefer": "respond-async"}))
    assert (status is None or found == status) and 400 <= found < 500 and culprit in error, (found, error)


def test_unknown_node_is_the_reference_error(served):
    assert error_of(served.request("POST", "/train", {
        "node": "x", "modelName": "m1", "modelType": "resnet", "epochs": 1})) == (404, "Node 'x' not found")


def test_blocking_train_answers_with_the_data_object(running):
    status, _, body = running.request("POST", "/train", {
        "node": "node0", "modelName": "m1", "modelType": "resnet", "epochs": 1, "batchSize": 8,
        "learningRate": 0.001, "imageSize": 32}, timeout=120)
    data = json.loads(body)
    assert status == 200 and data["model_path"] == "models/m1/m1.pth" and "Epoch [1/1]" in data["output_contents"]
    report = running.get("/get_json?node=node0&json=m1")
    assert report["results"][0]["epoch"] == 1 and report["image_size"] == 32


def test_what_a_form_for_a_training_needs_is_told(served, cluster):
    told = served.get("/options")
    options = {option["name"]: option for option in told["options"]}
    assert told["types"][0] == "resnet" and "efficientnet" in told["types"] and told["maxNodes"] == 1
    assert options["epochs"] == {"name": "epochs", "flag": "--epochs", "kind": "integer", "min": 1, "max": 100000,
                                 "default": "10", "help": "passes over the training images", "group": "first"}
    assert options["optimizer"]["choices"] == ["adam", "sgd"] and options["optimizer"]["kind"] == "choice"
    assert options["weights"]["placeholder"] and options["weights"]["kind"] == "text"
    assert (options["freeze"]["kind"], options["freeze"]["default"]) == ("boolean", "false")
    assert {option["group"] for option in options.values()} == {"first", "optimiser", "data", "start"}
    in_help = served.client("train", "--help").stdout
    assert all(option["flag"] in in_help and option["help"] for option in options.values())
    assert cluster.start_broker().get("/options")["types"] == []  # no node is there that trains


# requests that are no good

@pytest.mark.parametrize("method,path,status", [
    ("GET", "/none", 404), ("POST", "/nodes", 405), ("PUT", "/train", 405), ("GET", "/jobs/999999", 404),
    ("DELETE", "/jobs/999999", 404), ("GET", "/jobs/x/y", 404), ("DELETE", "/models/none", 404),
    ("GET", "/models/none/none.pth", 404), ("GET", "/blobs/xyz", 400), ("GET", "/blobs/" + "0" * 64, 404),
    ("GET", "/jobs/../../etc/passwd", 404),
])
def test_unknown_things_are_json_errors_with_the_right_status(served, method, path, status):
    assert error_of(served.request(method, path))[0] == status


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'{"epochs":' + b"[" * 100000],
                         ids=range(6))
def test_bodies_that_are_no_json_object_are_refused(served, body):
    for path in ("/train", "/inference"):
        status, error = error_of(served.request("POST", path, body, {"Content-Type": "application/json"}))
        assert status == 400 and error
    assert served.get("/healthz")["status"] == "ok"


def test_a_body_over_the_limit_is_refused_without_being_taken(served):
    answer = socket.create_connection(("127.0.0.1", served.api_port), timeout=10)
    answer.sendall(b"POST /train HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n")
    assert b" 413 " in answer.recv(4096).split(b"\r\n")[0] + b" "
    answer.close()
    assert served.get("/healthz")["status"] == "ok"


def test_clients_that_leave_midway_harm_nothing(served):
    for request in (b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /imag",
                    b"GET /models/colours/colours.pth HTTP/1.1\r\nHost: localhost\r\n\r\n",
                    b"POST /inference HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{"):
        for _ in range(10):
            peer = socket.create_connection(("127.0.0.1", served.api_port), timeout=10)
            peer.sendall(request)
            peer.close()
    assert served.get("/healthz")["status"] == "ok"


# blobs, datasets, models

def test_a_blob_is_uploaded_in_pieces_checked_and_served_with_ranges(served):
    data = os.urandom(100000)
    name = blob(data)
    put = lambda offset, end: served.request("PUT", f"/blobs/{name}?offset={offset}&size={len(data)}",
                                             data[offset:end])
    assert put(0, 40000)[0] in (200, 201)
    assert served.get(f"/blobs/{name}?stat=1") == {"sha256": name, "size": 40000, "complete": False}
    assert served.request("GET", f"/blobs/{name}")[0] == 404
    status, _, body = put(50000, 60000)
    assert status == 409 and json.loads(body)["size"] == 40000
    assert json.loads(put(40000, 100000)[2])["complete"] is True
    assert served.request("GET", f"/blobs/{name}")[2] == data
    status, headers, body = served.request("GET", f"/blobs/{name}", headers={"Range": "bytes=10-19"})
    assert (status, body, headers["Content-Range"]) == (206, data[10:20], "bytes 10-19/100000")
    assert served.request("GET", f"/blobs/{name}", headers={"Range": "bytes=99990-"})[2] == data[99990:]
    assert served.request("GET", f"/blobs/{name}", headers={"Range": "bytes=100000-"})[0] == 416
    assert headers["ETag"] == f'"{name}"'
    for tag, wanted in ((headers["ETag"], (206, data[10:])), ('"another"', (200, data))):
        status, _, body = served.request("GET", f"/blobs/{name}", headers={"Range": "bytes=10-", "If-Range": tag})
        assert (status, body) == wanted


def test_a_blob_with_another_hash_is_dropped(served):
    name = blob(b"what it should be")
    status, error = error_of(served.request("PUT", f"/blobs/{name}?offset=0&size=5", b"other"))
    assert 400 <= status < 500 and error
    assert served.request("GET", f"/blobs/{name}")[0] == 404
    assert served.get(f"/blobs/{name}?stat=1")["size"] == 0


def test_the_dataset_is_a_manifest_whose_files_are_blobs(served):
    files = served.get("/dataset")["files"]
    entry = next(f for f in files if f["path"] == "test/red/0.png")
    data = (served.folder / "images/test/red/0.png").read_bytes()
    assert entry == {"path": "test/red/0.png", "size": len(data), "sha256": blob(data)}
    assert served.request("GET", "/blobs/" + entry["sha256"])[2] == data
    assert not any(f["path"].startswith(("up/", "out")) for f in files)


def test_a_model_is_downloaded_whole(served):
    model = next(m for m in served.get("/models")["models"] if m["name"] == "colours")
    assert model["nodes"] == ["node0"] and model["classes"] == ["blue", "green", "red"]
    status, _, body = served.request("GET", "/models/colours/colours.pth")
    assert status == 200 and blob(body) == model["sha256"] and len(body) == model["bytes"]
    assert body == (served.folder / "node0/models/colours/colours.pth").read_bytes()


# events

class Events:
    """A server-sent event stream read by hand."""

    def __init__(self, cluster, path, last=None):
        self.http = http.client.HTTPConnection("127.0.0.1", cluster.api_port, timeout=30 * PATIENCE)
        self.http.request("GET", path, headers={"Last-Event-ID": last} if last else {})
        self.answer = self.http.getresponse()
        assert self.answer.status == 200, self.answer.read()
        assert self.answer.headers["Content-Type"].startswith("text/event-stream")

    def __iter__(self):
        event, last = {}, None  # an event without an id leaves the last one
        for text in self.answer:
            text = text.decode().rstrip("\n")
            if text:
                key, _, value = text.partition(":")
                event[key] = value.strip()
            elif "data" in event:
                last = event.get("id", last)
                yield event["event"], last, json.loads(event["data"])
                event = {}
            else:
                event = {}


def test_a_jobs_stream_shows_batches_and_epochs_and_ends_with_it(running):
    job = running.train(modelName="m", epochs=3)
    seen = list(Events(running, f"/jobs/{job}/events"))
    assert all(kind == "job" and data["id"] == job for kind, _, data in seen)
    assert seen[-1][2]["state"] == "completed"
    told = [data["result"]["epoch"] for _, _, data in seen if "result" in data]
    assert sorted(set(told)) == [1, 2, 3] and told == sorted(told)
    assert not any("results" in data for _, _, data in seen)
    assert [result["epoch"] for result in running.job(job)["results"]] == [1, 2, 3]
    assert any(data["batch"] for _, _, data in seen if data["state"] == "running")
    ids = [int(i) for _, i, _ in seen]
    assert ids == sorted(ids)


def test_what_a_job_was_asked_for_with_is_told_of_one_alone(running):
    job = running.train(modelName="m", optimizer="sgd", imageSize=48)
    asked = {"epochs": 1, "batchSize": 4, "learningRate": 0.001, "optimizer": "sgd", "imageSize": 48, "seed": 1,
             "noCheckpoint": True}
    assert running.job(job)["options"] == asked
    seen = [data for _, _, data in Events(running, f"/jobs/{job}/events")]
    assert not any("options" in data for data in [*seen, *running.get("/jobs")["jobs"]])
    assert running.job(job)["options"] == asked


def test_the_event_stream_resumes_after_the_last_event_seen(running):
    stream = Events(running, "/events")
    job = running.train(modelName="m", epochs=3)
    for kind, last, data in stream:
        if kind == "job" and data["state"] == "running":
            break
    stream.http.close()
    running.wait_job(job)
    for kind, identity, data in Events(running, "/events", last):
        assert int(identity) > int(last)
        if kind == "job" and data["state"] == "completed":
            break


def test_nodes_that_come_and_go_are_events(running):
    stream = Events(running, "/events")
    running.start_node("node9")
    names = set()
    for kind, _, data in stream:
        if kind == "node":
            names.add(data.get("name"))
            if "node9" in names:
                break


def test_how_busy_nodes_are_is_told_at_most_once_a_second_and_only_of_those_that_changed(running):
    raw = RawNode(running.port, "raw")
    still = RawNode(running.port, "still")
    assert "load" in raw.greeting["features"]
    raw.send("CLIENT PING", load={"cpu": 37.5, "memoryUsed": 4294967296, "queue": 2})
    raw.send("CLIENT PING", load={"cpu": 1e99, "memoryUsed": "much", "queue": -1})  # nonsense is passed over
    wait_for("the node's load", lambda: snapshot_of_loads(running).get("raw", {}).get("queue") == 2)
    loads = snapshot_of_loads(running)
    assert loads["raw"] == {"name": "raw", "cpu": 37.5, "memoryUsed": 4294967296, "queue": 2, "inferences": 0,
                            "inferencesPending": 0, "bytes": loads["raw"]["bytes"]}
    assert loads["still"].keys() == {"name", "inferences", "inferencesPending", "bytes"} and len(loads) == 3
    stream, times, seen = Events(running, "/events"), [], {}
    start = time.monotonic()
    for kind, _, data in stream:
        if kind != "load":
            continue
        times.append(time.monotonic())
        for node in data["nodes"]:
            seen.setdefault(node["name"], []).append(node)
        raw.send("CLIENT PING", load={"cpu": len(times), "memoryUsed": 0, "queue": 0})
        # Of the real node, once it was pinged and has measured.
        if len(seen.get("node0", [])) > 1 and len(times) > 5:
            break
        assert time.monotonic() - start < 30 * PATIENCE
    # The snapshot's, then one a second.
    assert times[-1] - times[1] > 0.9 * (len(times) - 2)
    assert 0 <= seen["node0"][-1]["cpu"] <= 100 and seen["node0"][-1]["memoryUsed"] > 1 << 20
    assert len(seen["still"]) == 1 and len(seen["raw"]) > 3
    raw.close(), still.close()


def test_answers_are_counted_for_their_node_and_pings_are_no_bytes(served):
    before = snapshot_of_loads(served)["node0"]
    assert served.request("POST", "/inference", {"imagePath": "images/test/red/0.png"})[0] == 200
    wait_for("it is counted", lambda: snapshot_of_loads(served)["node0"]["inferences"] == before["inferences"] + 1)
    after = snapshot_of_loads(served)["node0"]
    assert after["bytes"] > before["bytes"] and after["inferencesPending"] == 0
    time.sleep(4)  # a ping each way, at least
    assert snapshot_of_loads(served)["node0"]["bytes"] == after["bytes"]


def snapshot_of_loads(cluster):
    stream = Events(cluster, "/events")
    try:
        return {node["name"]: node for node in next(data for kind, _, data in stream if kind == "load")["nodes"]}
    finally:
        stream.http.close()


def test_a_quiet_stream_gets_a_comment(served):
    stream = Events(served, "/events")
    start = time.monotonic()
    while time.monotonic() - start < 25 * PATIENCE:
        if stream.answer.readline().startswith(b":"):
            return
    raise AssertionError("no comment in 25 s")


def test_many_slow_readers_do_not_hold_up_the_rest(served):
    readers = []
    for _ in range(50):
        peer = socket.create_connection(("127.0.0.1", served.api_port), timeout=10)
        peer.sendall(b"GET /models/colours/colours.pth HTTP/1.1\r\nHost: localhost\r\n\r\n")
        readers.append(peer)
    wait_for("an answer", lambda: served.get("/healthz")["status"] == "ok", 5)
    assert served.request("POST", "/inference", {"imagePath": "images/test/red/0.png"})[0] == 200
    for peer in readers:
        peer.close()
