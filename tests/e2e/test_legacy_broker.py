"""Our node against a broker that behaves as the existing Python broker."""
import json
import time

import legacy
import pytest
from harness import Process, make_dataset, wait_for

TRAIN = {"type": "SERVER TRAIN", "modelName": "m1", "modelType": "resnet", "epochs": 1, "batchSize": 8,
         "learningRate": 0.001, "train_key": "train:1795410898271"}


@pytest.fixture
def broker():
    made = legacy.LegacyBroker()
    yield made
    made.close()


@pytest.fixture
def node(cluster, broker):
    """A node with a tiny dataset that dials the scripted broker."""
    make_dataset(cluster.folder / "images", train=2, test=1)
    cluster.nodes["node0"] = Process(cluster.folder, "node0", "node", "--name", "node0", "--port", broker.port,
                                     "--threads", 2)
    return cluster.nodes["node0"]


@pytest.fixture
def link(node, broker):
    stream, hello, info = broker.register()
    assert hello["name"] == "node0"
    assert info == {"type": "NODE INFO", "name": "node0", "models": []}
    return stream


def train(link, **changes):
    """One training at the existing system's image size; returns TRAINING_COMPLETED and NEW MODEL ADDED."""
    link.send({**TRAIN, **changes})
    return link.expect("TRAINING_COMPLETED", 180), link.expect("NEW MODEL ADDED")


def test_every_message_to_a_legacy_broker_fits_its_one_read(link):
    link.send({"type": "NODE INFO"})
    assert link.expect("NODE INFO") == {"type": "NODE INFO", "name": "node0", "models": []}
    assert all(len(read) < 4096 and read.endswith(b"\n") for read in link.reads)


def test_server_ping_is_answered_and_its_ack_taken(link):
    link.send({"type": "SERVER PING"})
    assert link.next() == {"type": "CLIENT PONG", "name": "node0"}
    link.send({"type": "SERVER ACK"})
    link.send({"type": "SERVER PING"})
    assert link.next() == {"type": "CLIENT PONG", "name": "node0"}


def test_training_inference_and_get_json_as_the_existing_broker_asks(link, cluster):
    done, added = train(link)
    assert done["name"] == "node0" and done["model_name"] == "m1" and done["train_key"] == TRAIN["train_key"]
    assert list(done) == ["type", "name", "train_key", "model_name", "data"]
    data = done["data"]
    assert (data["model_path"], data["report_path"], data["output_file"]) == (
        "models/m1/m1.pth", "models/m1/m1.json", "models/m1/m1.txt")
    lines = data["output_contents"].splitlines()
    assert lines[0].startswith("Epoch [1/1], Train Loss: ") and lines[0].endswith(" seconds")
    assert lines[1].startswith("Notice: ImageNet weights cannot be had, so training starts at random: ")
    assert lines[-3].startswith("Model saved as ") and lines[-2].startswith("Total training time: ")
    assert lines[-1] == "Report saved to models/m1/m1.json"
    assert added == {"type": "NEW MODEL ADDED", "name": "node0", "new_model": "m1", "models": ["m1"]}
    folder = cluster.folder / "node0" / "models" / "m1"
    assert sorted(f.name for f in folder.iterdir()) == ["classes.txt", "m1.json", "m1.pth", "m1.txt", "m1_answers.json"]
    assert (folder / "classes.txt").read_text().split() == ["blue", "green", "red"]

    link.send({"type": "GET_JSON", "name": "node0", "json_name": "m1"})
    report = link.expect("JSON_RESPONSE")
    assert report["json_name"] == "m1" and report["name"] == "node0"
    assert report["data"]["arguments"] == {
        "data_dir": "./images", "base_model": "resnet", "epochs": 1, "batch_size": 8, "learning_rate": 0.001,
        "model_save_path": "models/m1/m1.pth", "report": "models/m1/m1.json", "output_file": "models/m1/m1.txt"}
    assert list(report["data"]["results"][0]) == ["epoch", "train_loss", "train_accuracy", "test_loss",
                                                  "test_accuracy", "epoch_time_seconds"]
    assert report["data"]["model_save_path"] == str(folder / "m1.pth")

    link.send({"type": "SERVER INFERENCE", "inference_key": "inference:1", "image_path": "images/test/red/0.png",
               "model_name": "m1"})
    answer = link.expect("JSON_RESPONSE")
    assert answer["inference_key"] == "inference:1"
    output = answer["data"]["output"]
    assert answer["data"]["image"] == "images/test/red/0.png"
    assert answer["data"]["predicted_class"] == output[0][0]
    assert sorted(name for name, _ in output) == ["blue", "green", "red"]
    assert [p for _, p in output] == sorted((p for _, p in output), reverse=True)
    assert abs(sum(p for _, p in output) - 1) < 1e-3
    assert {"image_path", "model_path", "base_model", "class_names_path", "report"} == set(answer["data"]["arguments"])
    assert all(len(read) < 4096 for read in link.reads)


def test_texts_that_a_legacy_broker_passes_on_from_its_page_are_numbers(link):
    done, _ = train(link, epochs="2", batchSize=" 4 ", learningRate="0.0005")
    assert "\nEpoch [2/2], Train Loss: " in done["data"]["output_contents"]
    link.send({"type": "GET_JSON", "name": "node0", "json_name": "m1"})
    report = link.expect("JSON_RESPONSE")["data"]
    assert {name: report["arguments"][name] for name in ("epochs", "batch_size", "learning_rate")} == \
        {"epochs": 2, "batch_size": 4, "learning_rate": 0.0005}


@pytest.mark.parametrize("field,text", [("epochs", "2.5"), ("epochs", ""), ("batchSize", "abc"), ("batchSize", "0x10"),
                                        ("learningRate", "1e999"), ("learningRate", "nan")])
def test_a_text_that_is_no_number_is_an_error_that_names_the_field(link, field, text):
    link.send({**TRAIN, field: text})
    assert f"'{field}' is " in link.expect("ERROR")["message"]
    link.send({"type": "SERVER PING"})
    assert link.next() == {"type": "CLIENT PONG", "name": "node0"}


@pytest.mark.parametrize("wanted,answer", [
    ({"type": "GET_JSON", "name": "node0", "json_name": "none"},
     {"type": "ERROR", "name": "node0", "json_name": "none", "message": "File 'models/none/none.json' not found"}),
])
def test_a_report_that_is_not_there_is_an_error_in_the_known_words(link, wanted, answer):
    link.send(wanted)
    assert link.expect("ERROR") == answer


@pytest.mark.parametrize("changes", [{"image_path": "images/none.jpg"}, {"model_name": "none"},
                                     {"image_path": "images/../../../etc/passwd"}, {"image_path": "/etc/passwd"}])
def test_an_inference_that_cannot_be_is_an_error_with_its_key(link, changes):
    link.send({"type": "SERVER INFERENCE", "inference_key": "inference:7", "image_path": "images/test/red/0.png",
               "model_name": "m1", **changes})
    error = link.expect("ERROR", 30)
    assert error["inference_key"] == "inference:7" and error["message"]


def test_a_training_that_cannot_be_is_an_error_and_the_node_lives(link):
    link.send({**TRAIN, "modelType": "alexnet"})
    assert "alexnet" in link.expect("ERROR", 30)["message"]
    link.send({"type": "SERVER PING"})
    assert link.next() == {"type": "CLIENT PONG", "name": "node0"}


def test_commands_cut_at_every_boundary_are_understood(link):
    two = legacy.line({"type": "SERVER PING"}) + legacy.line({"type": "NODE INFO"})
    for cut in range(1, len(two)):
        link.send_bytes(two[:cut])
        time.sleep(0.002)
        link.send_bytes(two[cut:])
        assert link.expect("CLIENT PONG") == {"type": "CLIENT PONG", "name": "node0"}
        link.send({"type": "SERVER ACK"})
        link.expect("NODE INFO")


def test_two_messages_to_a_legacy_broker_never_share_a_read(link):
    for _ in range(4):
        link.send({"type": "NODE INFO"})
    for _ in range(4):
        link.expect("NODE INFO")
    assert all(read.count(b"\n") == 1 for read in link.reads)


def test_the_node_comes_back_after_its_broker_was_away(link, broker, node):
    link.close()
    stream, hello, info = broker.register(30)
    assert (hello["name"], info["models"]) == ("node0", [])
    assert node.alive()
    stream.close()


def test_a_stopped_node_says_goodbye(link, node, broker):
    node.process.terminate()
    wait_for("the node's end", lambda: not node.alive())
    said = [json.loads(text) for text in iter(lambda: link.lines.get(timeout=5), None)]
    if not any(m["type"] == "CLIENT DISCONNECT" for m in said):
        farewell = broker.accept(5)
        assert farewell.expect("CLIENT DISCONNECT")["name"] == "node0"
