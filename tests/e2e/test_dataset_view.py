"""What a node trains on and what its models answered, as a browser asks for it: counts, pictures, answers by page."""
import gzip
import json
import os
import shutil
import signal
import struct
import threading
import time
from urllib.parse import quote

import legacy
import pytest
from harness import make_dataset, wait_for
from raw_node import FEATURES, RawNode

MARKUP = "<img src=x onerror=alert(1)>.jpg"


def image(cluster, node="node0", headers=None, **query):
    """(status, headers, bytes)"""
    return cluster.request("GET", f"/nodes/{node}/image?" + "&".join(f"{k}={v}" for k, v in query.items()),
                           headers=headers)


def refused(answer, status, text):
    assert answer[0] == status, answer
    assert text in json.loads(answer[2])["error"], answer[2]


def size_of(jpeg):
    """(width, height) of a JPEG, by its frame header."""
    assert jpeg[:2] == b"\xff\xd8" and jpeg[-2:] == b"\xff\xd9", jpeg[:20]
    at = 2
    while jpeg[at + 1] not in (0xC0, 0xC2):
        at += 2 + struct.unpack(">H", jpeg[at + 2:at + 4])[0]
    return struct.unpack(">HH", jpeg[at + 5:at + 9])[::-1]


def write_idx(path, sizes, content):
    with gzip.open(path, "wb") as file:
        file.write(struct.pack(f">HBB{len(sizes)}I", 0, 8, len(sizes), *sizes) + content)


def make_idx(folder, train=40, test=12):
    """Images of 4 by 8 pixels in two classes, dark and bright."""
    folder.mkdir()
    for name, count in (("train", train), ("t10k", test)):
        labels = bytes(i % 2 for i in range(count))
        write_idx(folder / f"{name}-labels-idx1-ubyte.gz", [count], labels)
        write_idx(folder / f"{name}-images-idx3-ubyte.gz", [count, 4, 8],
                  b"".join(bytes([40 + 170 * label]) * 32 for label in labels))
    (folder / "classes.txt").write_text("dark\nbright\n")


@pytest.fixture
def viewed(cluster):
    """A broker and node0 with a folder of its own."""
    make_dataset(cluster.folder / "node0/images", train=9)
    cluster.start_broker()
    cluster.start_node("node0")
    return cluster


def test_a_folder_is_told_with_its_classes_its_samples_and_what_is_amiss(viewed):
    images = viewed.folder / "node0/images"
    shutil.copy(images / "train/red/0.png", images / "train/red" / MARKUP)
    shutil.copy(images / "train/red/0.png", os.fsencode(images / "train/red") + b"/caf\xe9.png")
    for bad in range(20):  # far more than a training would take
        (images / f"train/blue/bad{bad:02}.jpg").write_bytes(b"no image")
    (images / "train/empty").mkdir()
    told = viewed.get("/nodes/node0/dataset")
    assert (told["node"], told["source"], told["kind"]) == ("node0", "node", "folders")
    assert told["classes"] == ["blue", "green", "red"]
    train, test = told["splits"]
    assert (train["name"], train["images"], test["name"], test["images"]) == ("train", 28, "test", 12)
    assert [(entry["name"], entry["images"]) for entry in train["classes"]] == [("blue", 9), ("green", 9), ("red", 10)]
    assert [len(entry["samples"]) for entry in train["classes"]] == [6, 6, 6]
    assert train["classes"][1]["samples"][0] == 9 and max(train["classes"][1]["samples"]) < 18
    assert [entry["samples"] for entry in test["classes"]] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert told["unreadable"]["count"] == 20
    assert told["unreadable"]["first"][0]["path"] == "train/blue/bad00.jpg"
    left_out = {entry["path"]: entry["reason"] for entry in told["leftOut"]["first"]}
    assert left_out == {"train/empty": "holds no images", "train/red/caf\\xe9.png": "its name is not UTF-8"}
    assert len(told["fingerprint"]) == 64
    (images / "test/red/9.png").write_bytes((images / "test/red/0.png").read_bytes())
    assert wait_for("another fingerprint", lambda: viewed.get("/nodes/node0/dataset")["fingerprint"] !=
                    told["fingerprint"])


def test_a_folder_that_is_gone_is_told_without_where_it_was(cluster):
    kids = cluster.folder / "home/ann/kids"
    make_dataset(kids)
    cluster.start_broker()
    cluster.start_node("node0", "--data-dir", kids)
    assert cluster.get("/nodes/node0/dataset")["kind"] == "folders"
    kids.rename(cluster.folder / "home/ann/away")
    text = wait_for("it is looked for", lambda: (lambda status, _, body: body.decode() if status == 502 else None)(
        *cluster.request("GET", "/nodes/node0/dataset")))
    assert "there is no dataset folder 'images'" in text and "ann" not in text
    job = cluster.wait_job(cluster.train(modelName="kids"))
    assert job["state"] == "failed" and "'images'" in job["error"] and "ann" not in job["error"], job
    assert "ann/kids" in cluster.nodes["node0"].text()


def test_an_image_is_a_small_jpeg_that_a_browser_may_keep(viewed):
    status, headers, jpeg = image(viewed, split="train", index=0, width=16)
    assert (status, headers["Content-Type"], size_of(jpeg)) == (200, "image/jpeg", (16, 16))
    assert headers["Cache-Control"] == "private, max-age=60"
    assert image(viewed, split="train", index=0, width=16, headers={"If-None-Match": headers["ETag"]})[0] == 304
    assert size_of(image(viewed, split="test", index=11, width=1024)[2]) == (32, 32)  # never enlarged
    assert image(viewed, split="test", index=11)[2] != jpeg


def test_what_no_image_is_is_refused_with_the_reason(viewed):
    refused(image(viewed, split="train", index=27, width=64), 404, "there are 27 images to train on")
    refused(image(viewed, split="test", index=10**8, width=64), 404, "none of index 100000000")
    for query in ({"index": 1}, {"split": "val", "index": 1}, {"split": "train"}, {"split": "train", "index": -1},
                  {"split": "train", "index": "1x"}, {"split": "train", "index": 1, "width": 15},
                  {"split": "train", "index": 1, "width": 1025}, {"split": "train", "index": "9" * 30}):
        assert image(viewed, **query)[0] == 400, query
    refused(image(viewed, node="nobody", split="train", index=1), 404, "Node 'nobody' not found")
    refused(viewed.request("GET", "/nodes/nobody/dataset"), 404, "Node 'nobody' not found")
    assert image(viewed, split="train", index=0)[0] == 200
    blue = viewed.folder / "node0/images/train/blue"
    (blue / "0.png").unlink()
    refused(image(viewed, split="train", index=0), 404, "'train/blue/0.png' is not there any more")
    (blue / "1.png").write_bytes((blue / "1.png").read_bytes()[:60])
    refused(image(viewed, split="train", index=1), 422, "'train/blue/1.png'")
    assert str(viewed.folder) not in json.loads(image(viewed, split="train", index=1)[2])["error"]
    shutil.rmtree(viewed.folder / "node0/images")
    time.sleep(1.1)
    assert viewed.request("GET", "/nodes/node0/dataset")[0] in (404, 502)


def test_idx_files_are_shown_as_folders_are(cluster):
    make_idx(cluster.folder / "idx")
    cluster.start_broker()
    cluster.start_node("node0", "--data-dir", cluster.folder / "idx")
    told = cluster.get("/nodes/node0/dataset")
    assert (told["kind"], told["classes"]) == ("idx", ["dark", "bright"])
    assert [split["images"] for split in told["splits"]] == [40, 12]
    assert told["splits"][1]["classes"][1] == {"name": "bright", "images": 6, "samples": [1, 3, 5, 7, 9, 11]}
    dark, bright = (image(cluster, split="test", index=index)[2] for index in (0, 1))
    assert size_of(dark) == (8, 4) and dark != bright


def test_a_dataset_that_was_fetched_is_shown_too(cluster):
    make_dataset(cluster.folder / "images", train=9)
    cluster.start_broker()
    away = cluster.folder / "away"
    away.mkdir()
    cluster.start_node("node0", folder=away)
    refused(cluster.request("GET", "/nodes/node0/dataset"), 404, "has no dataset yet")
    assert cluster.wait_job(cluster.train(modelName="m"))["state"] == "completed"
    told = cluster.get("/nodes/node0/dataset")
    assert (told["source"], told["splits"][0]["images"]) == ("broker", 27)
    assert image(cluster, split="train", index=3)[0] == 200
    assert cluster.get("/models/m/answers")["stale"] is False


def test_answers_are_those_of_the_report(viewed):
    job = viewed.wait_job(viewed.train(modelName="m"))
    assert job["state"] == "completed", job
    report = viewed.get("/models/m/report")
    names = [entry["class"] for entry in report["per_class"]]
    everything = viewed.get("/models/m/answers?limit=1000")
    assert (everything["model"], everything["node"], everything["split"]) == ("m", "node0", "test")
    assert (everything["count"], everything["leftOut"], everything["stale"]) == (12, 0, False)
    assert everything["fingerprint"] == viewed.get("/nodes/node0/dataset")["fingerprint"]
    for row, label in enumerate(names):
        for column, predicted in enumerate(names):
            cell = viewed.get(f"/models/m/answers?label={label}&predicted={predicted}")
            assert cell["count"] == report["confusion_matrix"][row][column] == len(cell["answers"])
    sure = [answer["top"][0][1] for answer in everything["answers"]]
    assert sure == sorted(sure, reverse=True)
    for answer in everything["answers"]:
        assert answer["predicted"] == answer["top"][0][0] and len(answer["top"]) == 3
        assert abs(sum(share for _, share in answer["top"]) - 1) < 1e-4  # of three classes that is all
        assert answer["path"].startswith(f"test/{answer['label']}/")
    wrong = viewed.get("/models/m/answers?wrong=1")
    assert wrong["answers"] == [a for a in everything["answers"] if a["label"] != a["predicted"]]
    page = viewed.get("/models/m/answers?limit=5&offset=4")
    assert page["count"] == 12 and page["answers"] == everything["answers"][4:9]
    assert viewed.get("/models/m/answers?offset=12")["answers"] == []
    assert viewed.get("/models/m/answers?label=" + quote(MARKUP))["count"] == 0
    for query in ("limit=0", "limit=1001", "offset=-1", "wrong=2", "label=" + "x" * 300):
        assert viewed.request("GET", "/models/m/answers?" + query)[0] == 400, query
    # Each photo is the one that its index leads to.
    answer = everything["answers"][0]
    assert image(viewed, split=everything["split"], index=answer["index"])[0] == 200
    (viewed.folder / "node0/images/test/red/0.png").unlink()
    wait_for("stale answers", lambda: viewed.get("/models/m/answers")["stale"])
    assert viewed.get("/models/m/answers")["count"] == 12


def test_answers_on_images_that_were_held_out_lead_to_them(viewed):
    shutil.rmtree(viewed.folder / "node0/images/test")
    viewed.wait_job(viewed.train(modelName="m", validationSplit=0.3))
    told = viewed.get("/models/m/answers")
    assert (told["split"], told["count"], told["stale"]) == ("train", 9, False)
    samples = {index: entry["name"] for entry in viewed.get("/nodes/node0/dataset")["splits"][0]["classes"]
               for index in entry["samples"]}
    assert all(samples.get(a["index"], a["label"]) == a["label"] for a in told["answers"])


def test_models_without_answers_say_so_and_answers_go_with_their_model(viewed):
    refused(viewed.request("GET", "/models/m/answers"), 404, "no connected node has a model 'm'")
    viewed.wait_job(viewed.train(modelName="m"))
    file = viewed.folder / "node0/models/m/m_answers.json"
    file.write_text(file.read_text()[:100])
    refused(viewed.request("GET", "/models/m/answers"), 502, "")
    file.write_text('{"split": "test", "fingerprint": "", "classes": ["a"], "answers": [[0], 7, [0, 5, [9], [1]]]}')
    assert viewed.get("/models/m/answers")["count"] == 0
    file.unlink()
    refused(viewed.request("GET", "/models/m/answers"), 404, "has no answers of model 'm'")
    viewed.wait_job(viewed.train(modelName="m"))
    assert viewed.get("/models/m/answers")["count"] == 12
    viewed.client("rm", "m")
    assert not (viewed.folder / "node0/models/m").exists()


def test_a_node_that_shows_no_thumbnails_tells_neither_images_nor_paths(cluster):
    make_dataset(cluster.folder / "node0/images", train=9)
    cluster.start_broker()
    cluster.start_node("node0", "--no-thumbnails")
    refused(cluster.request("GET", "/nodes/node0/dataset"), 409, "--no-thumbnails")
    refused(image(cluster, split="train", index=0), 409, "--no-thumbnails")
    cluster.wait_job(cluster.train(modelName="m"))
    told = cluster.get("/models/m/answers")
    assert told["count"] == 12 and not any("path" in answer for answer in told["answers"])


def test_a_legacy_node_is_never_asked(cluster):
    cluster.start_broker()
    node = legacy.legacy_node(cluster.port, "old", ["m"])
    wait_for("its model", lambda: "m" in json.dumps(cluster.get("/nodes")))
    refused(cluster.request("GET", "/nodes/old/dataset"), 409, "does not show its images")
    refused(image(cluster, node="old", split="train", index=0), 409, "does not show its images")
    refused(cluster.request("GET", "/models/m/answers"), 409, "keeps no answers")
    node.quiet(0.5)
    node.close()


def test_a_node_that_goes_or_answers_nonsense_is_told(cluster):
    cluster.start_broker()
    node = RawNode(cluster.port, "n", features=[*FEATURES, "thumbnails", "answers"], models=["m"])
    wait_for("its registration", lambda: "n" in cluster.node_names())
    answers = []

    def ask(path):
        thread = threading.Thread(target=lambda: answers.append(cluster.request("GET", path)))
        thread.start()
        return thread

    asking = ask("/nodes/n/image?split=test&index=3&width=64")
    question = node.expect("GET_IMAGE")
    assert (question["split"], question["index"], question["width"]) == ("test", 3, 64)
    node.send("VIEW", view_key="view:1", data={"jpeg": "AAAA"})  # of another question
    node.send("VIEW", view_key=question["view_key"], data={"jpeg": "no base64"})
    asking.join()
    refused(answers.pop(), 502, "sent no image")
    asking = ask("/nodes/n/dataset")
    question = node.expect("GET_DATASET")
    node.send("VIEW FAILED", view_key=question["view_key"], status=422, message="<b>so</b>")
    asking.join()
    refused(answers.pop(), 422, "<b>so</b>")
    asking = ask("/models/m/answers?wrong=1&label=a")
    assert node.expect("GET_ANSWERS")["wrong"] is True
    node.close()
    asking.join()
    refused(answers.pop(), 502, "node 'n' was lost")


def test_a_killed_helper_costs_one_question(viewed):
    assert image(viewed, split="train", index=0)[0] == 200
    pid = viewed.nodes["node0"].process.pid
    children = open(f"/proc/{pid}/task/{pid}/children").read().split()
    for child in children:
        if b"helper" in open(f"/proc/{child}/cmdline", "rb").read():
            os.kill(int(child), signal.SIGKILL)
    assert image(viewed, split="train", index=1)[0] in (200, 502)
    assert image(viewed, split="train", index=1)[0] == 200
