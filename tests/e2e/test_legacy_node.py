"""Our broker against nodes that behave as the existing Python node."""
import concurrent.futures
import json
import threading
import time

import legacy
import pytest
from harness import wait_for

DATA = {"model_path": "models/m1/m1.pth", "report_path": "models/m1/m1.json", "output_file": "models/m1/m1.txt",
        "output_contents": "Epoch [1/1], Train Loss: 1.0, Train Accuracy: 50.00%\n"}


@pytest.fixture
def broker(cluster):
    return cluster.start_broker()


def in_thread(function, *arguments, **options):
    """Runs a blocking request; returns a function that waits for its result."""
    box = []
    thread = threading.Thread(target=lambda: box.append(function(*arguments, **options)))
    thread.start()

    def result():
        thread.join(60)
        assert box, "no answer"
        return box[0]
    return result


def node_models(cluster, name):
    return next((n["models"] for n in cluster.get("/nodes")["nodes"] if n["name"] == name), None)


def test_a_legacy_node_registers_and_is_listed_with_its_models(broker):
    node = legacy.legacy_node(broker.port, "py0", ["m1", "m2"])
    wait_for("models", lambda: node_models(broker, "py0") == ["m1", "m2"])
    assert broker.get("/nodes")["nodes"] == [{"name": "py0", "models": ["m1", "m2"]}]
    node.close()
    wait_for("the node gone", lambda: broker.get("/nodes")["nodes"] == [])


def test_a_silent_legacy_node_stays_and_is_sent_nothing_unasked(broker):
    node = legacy.legacy_node(broker.port, "py0")
    assert node.quiet(8)
    assert broker.node_names() == ["py0"]


def test_client_ping_is_answered(broker):
    node = legacy.legacy_node(broker.port, "py0")
    node.send({"type": "CLIENT PING", "name": "py0"})
    assert node.next() == {"type": "SERVER PONG"}
    node.send({"type": "CLIENT PONG", "name": "py0"})
    assert node.next() == {"type": "SERVER ACK"}


def test_disconnect_comes_on_a_fresh_connection_without_newline(broker):
    node = legacy.legacy_node(broker.port, "py0")
    wait_for("py0", lambda: broker.node_names() == ["py0"])
    assert legacy.disconnect(broker.port, "py0") == {"type": "SERVER ACK"}
    wait_for("the node gone", lambda: broker.node_names() == [])
    node.close()


def test_training_goes_out_in_one_short_write_and_blocks_until_completed(broker):
    node = legacy.legacy_node(broker.port, "py0")
    answer = in_thread(broker.request, "POST", "/train", {"node": "py0", "modelName": "m1", "modelType": "mobilenet",
                                                          "epochs": 1, "batchSize": 32, "learningRate": 0.01})
    wanted = node.expect("SERVER TRAIN")
    assert list(wanted) == ["type", "modelName", "modelType", "epochs", "batchSize", "learningRate", "train_key"]
    assert wanted == {"type": "SERVER TRAIN", "modelName": "m1", "modelType": "mobilenet", "epochs": 1,
                      "batchSize": 32, "learningRate": 0.01, "train_key": wanted["train_key"]}
    assert wanted["train_key"].startswith("train:")
    node.send({"type": "TRAINING_COMPLETED", "name": "py0", "train_key": wanted["train_key"], "model_name": "m1",
               "data": DATA})
    node.send({"type": "NEW MODEL ADDED", "name": "py0", "new_model": "m1", "models": ["m1"]})
    status, _, body = answer()
    assert (status, json.loads(body)) == (200, DATA)
    wait_for("the model", lambda: node_models(broker, "py0") == ["m1"])


def test_the_other_spelling_of_training_completed_is_accepted(broker):
    node = legacy.legacy_node(broker.port, "py0")
    answer = in_thread(broker.request, "POST", "/train", {"node": "py0", "modelName": "m1", "modelType": "resnet",
                                                          "epochs": 1, "batchSize": 32, "learningRate": 0.01})
    key = node.expect("SERVER TRAIN")["train_key"]
    node.send({"type": "TRAINING COMPLETED", "name": "py0", "train_key": key, "model_name": "m1", "data": DATA})
    assert json.loads(answer()[2]) == DATA


def test_an_option_that_a_legacy_node_lacks_is_refused_by_name(broker):
    node = legacy.legacy_node(broker.port, "py0")
    wait_for("py0", lambda: broker.node_names() == ["py0"])
    status, _, body = broker.request("POST", "/train", {"node": "py0", "modelName": "m1", "modelType": "resnet",
                                                        "epochs": 1, "imageSize": 64})
    assert status == 409 and "imageSize" in json.loads(body)["error"]
    assert node.quiet(0.5)


def test_inference_is_routed_and_its_report_passed_on(broker):
    node = legacy.legacy_node(broker.port, "py0", ["m1"])
    wait_for("py0", lambda: broker.node_names() == ["py0"])
    answer = in_thread(broker.request, "POST", "/inference", {"node": "py0", "imagePath": "images/test/cow/3.jpg",
                                                              "modelName": "m1"})
    wanted = node.expect("SERVER INFERENCE")
    assert wanted == {"type": "SERVER INFERENCE", "inference_key": wanted["inference_key"],
                      "image_path": "images/test/cow/3.jpg", "model_name": "m1"}
    report = {"image": "images/test/cow/3.jpg", "predicted_class": "cow", "output": [["cow", 0.9], ["dog", 0.1]]}
    node.send({"type": "JSON_RESPONSE", "inference_key": wanted["inference_key"], "data": report})
    status, _, body = answer()
    assert (status, json.loads(body)) == (200, report)


def test_an_inference_error_reaches_the_client(broker):
    node = legacy.legacy_node(broker.port, "py0", ["m1"])
    wait_for("py0", lambda: broker.node_names() == ["py0"])
    answer = in_thread(broker.request, "POST", "/inference", {"node": "py0", "imagePath": "images/x.jpg",
                                                              "modelName": "m1"})
    key = node.expect("SERVER INFERENCE")["inference_key"]
    node.send({"type": "ERROR", "message": "Inference report not found", "inference_key": key})
    status, _, body = answer()
    assert status >= 500 and "Inference report not found" in json.loads(body)["error"]


def test_get_json_is_fetched_from_the_node(broker):
    node = legacy.legacy_node(broker.port, "py0", ["m1"])
    wait_for("py0", lambda: broker.node_names() == ["py0"])
    answer = in_thread(broker.request, "GET", "/get_json?node=py0&json=m1")
    assert node.expect("GET_JSON") == {"type": "GET_JSON", "name": "py0", "json_name": "m1"}
    node.send({"type": "JSON_RESPONSE", "name": "py0", "json_name": "m1", "data": {"epochs": 1}})
    status, _, body = answer()
    assert (status, json.loads(body)) == (200, {"epochs": 1})
    status, _, body = broker.request("GET", "/get_json?node=py0")
    assert (status, json.loads(body)) == (400, {"error": "Missing 'node' or 'json' parameter"})


def test_a_report_of_a_python_node_whose_training_diverged_is_passed_on_as_json(broker):
    """json.dumps writes NaN and Infinity, which a browser takes for no JSON."""
    node = legacy.legacy_node(broker.port, "py0", ["m1"])
    wait_for("py0", lambda: broker.node_names() == ["py0"])
    answer = in_thread(broker.request, "GET", "/get_json?node=py0&json=m1")
    node.expect("GET_JSON")
    results = [{"test_loss": float("nan"), "train_loss": float("-inf"), "log": 'a "NaN" \\'}, float("inf")]
    node.send({"type": "JSON_RESPONSE", "name": "py0", "json_name": "m1", "data": {"results": results}})
    status, _, body = answer()
    results = [{"test_loss": None, "train_loss": None, "log": 'a "NaN" \\'}, None]
    assert (status, json.loads(body)) == (200, {"results": results})


def test_get_json_times_out_after_five_seconds(broker):
    node = legacy.legacy_node(broker.port, "py0", ["m1"])
    wait_for("py0", lambda: broker.node_names() == ["py0"])
    start = time.monotonic()
    status, _, body = broker.request("GET", "/get_json?node=py0&json=m1")
    assert status == 504 and "error" in json.loads(body)
    assert time.monotonic() - start >= 4.5
    assert node.expect("GET_JSON")["json_name"] == "m1"


def test_messages_to_a_legacy_node_are_never_joined(broker):
    """It loses what does not come in one read, and answers one at a time: two requests may not share a write."""
    node = legacy.legacy_node(broker.port, "py0", ["m1"])
    wait_for("py0", lambda: broker.node_names() == ["py0"])
    answers = [in_thread(broker.request, "POST", "/inference",
                         {"node": "py0", "imagePath": f"images/{i}.jpg", "modelName": "m1"}) for i in range(5)]
    seen = set()
    for _ in range(5):
        wanted = node.expect("SERVER INFERENCE")
        assert node.lines.empty()
        seen.add(wanted["image_path"])
        node.send({"type": "JSON_RESPONSE", "inference_key": wanted["inference_key"],
                   "data": {"image": wanted["image_path"]}})
    assert {json.loads(answer()[2])["image"] for answer in answers} == seen == {f"images/{i}.jpg" for i in range(5)}
    assert all(read.count(b"\n") == 1 and len(read) < 4096 for read in node.reads)


def test_a_stream_cut_at_every_boundary_is_understood(broker):
    """CONNECT, NODE INFO and PING, split once at every place, then one byte at a time."""
    def burst_of(name):
        return legacy.line({"type": "CLIENT CONNECT", "name": name}) \
            + legacy.line({"type": "NODE INFO", "name": name, "models": ["m1"], "note": "é{[\"}"}) \
            + legacy.line({"type": "CLIENT PING", "name": name})

    def split(cut):
        burst, stream = burst_of(f"py{cut:03}"), legacy.connect(broker.port)
        stream.send_bytes(burst[:cut])
        time.sleep(0.002)
        stream.send_bytes(burst[cut:])
        assert stream.expect("SERVER ACK") == {"type": "SERVER ACK"}
        assert stream.expect("SERVER PONG") == {"type": "SERVER PONG"}
        stream.close()

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(split, range(1, len(burst_of("py000")))))
    burst = burst_of("py0")
    stream = legacy.connect(broker.port)
    for byte in burst:
        stream.send_bytes(bytes([byte]))
    stream.expect("SERVER ACK")
    stream.expect("SERVER PONG")
    wait_for("the models", lambda: node_models(broker, "py0") == ["m1"])


@pytest.mark.parametrize("text", [
    b"no json\n", b"[]\n", b"{}\n", b'{"type": 5}\n', b'{"type": "NO SUCH TYPE"}\n', b'{"type": "CLIENT CONNECT"}\n',
    b'{"type": "CLIENT CONNECT", "name": "../x"}\n', b'{"type": "CLIENT CONNECT", "name": ""}\n',
    b'{"type": "NODE INFO", "name": "py0", "models": "m"}\n', b"[" * 100000 + b"\n", b'{"a":' * 50000 + b"\n",
    b'{"type": "CLIENT PING", "name": "' + b"x" * 2000000 + b'"}\n', b"\xff\xfe\x00\n",
    b'{"type": "SERVER ACK"}\n', b'{"type": "TRAINING_COMPLETED", "name": "py0", "train_key": "train:1"}\n',
], ids=range(15))
def test_what_is_no_message_gets_an_error_and_the_broker_lives(broker, text):
    stream = legacy.connect(broker.port)
    try:
        stream.send_bytes(text)
    except OSError:
        pass  # refused before it was sent whole
    message = stream.next()
    assert message is None or message["type"] == "ERROR" and message["message"], message
    assert message is not None or len(text) > 1000000, "a short one must be told why"
    stream.close()
    assert broker.get("/healthz")["status"] == "ok"


def test_a_second_connection_of_one_legacy_name_replaces_the_first(broker):
    first = legacy.legacy_node(broker.port, "py0", ["old"])
    second = legacy.legacy_node(broker.port, "py0", ["new"])
    wait_for("the newer one", lambda: node_models(broker, "py0") == ["new"])
    assert first.next() is None
    second.send({"type": "CLIENT PING", "name": "py0"})
    assert second.next() == {"type": "SERVER PONG"}
