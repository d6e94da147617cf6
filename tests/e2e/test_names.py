"""Whose name it is: of the node that has it, by a secret that it keeps beside its models."""
import hashlib
import json
import shutil

import pytest

import legacy
from harness import Process, make_dataset, wait_for

SECRETS = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("one", "other")}
BELONGS = "the name 'n' belongs to another node: dcls client forget n"


@pytest.fixture
def broker(cluster):
    return cluster.start_broker()


def greet(port, name, secret=None, instance="i", features=()):
    """A connection on which a dcls node's CLIENT CONNECT went out."""
    stream = legacy.connect(port)
    stream.send({"type": "CLIENT CONNECT", "name": name, "protocol": 1, "instance": instance,
                 "features": list(features), **({"secret": SECRETS[secret]} if secret else {})})
    return stream


def register(port, name, secret=None, instance="i", features=()):
    stream = greet(port, name, secret, instance, features)
    stream.expect("SERVER ACK")
    stream.send({"type": "NODE INFO", "name": name, "models": [], "modelInfo": [], "jobs": []})
    return stream


def hear(stream, kind, seconds=15):
    """The next message of that type; what comes before it is passed over."""
    message = stream.next(seconds)
    while message and message["type"] != kind:
        message = stream.next(seconds)
    assert message, kind
    return message


def assert_refused(stream, why=BELONGS):
    assert hear(stream, "ERROR")["message"] == why
    assert stream.next() is None
    stream.close()


def train_at(broker, stream, name):
    """A training that the node has been given, and has begun."""
    job = broker.train(modelName=f"of-{name}", node=name, imageSize=32)
    given = hear(stream, "SERVER TRAIN")
    stream.send({"type": "TRAINING PROGRESS", "name": name, "train_key": given["train_key"], "job": job,
                 "generation": given["generation"], "instance": "i", "epoch": 1, "epochs": 1, "batch": 0, "batches": 9})
    broker.wait_job(job, "running")
    return job


TRAINS = ["train", "progress", "cancel", "resume", "option:imageSize", "option:seed", "option:noCheckpoint",
          "type:resnet", "generations", "heartbeat"]


def test_a_node_that_is_gone_without_a_training_leaves_its_name(broker):
    first = register(broker.port, "n", "one")
    assert_refused(greet(broker.port, "n", "other"))
    assert_refused(greet(broker.port, "n"))
    stranger = legacy.connect(broker.port)
    stranger.send({"type": "CLIENT CONNECT", "name": "n"})
    assert_refused(stranger)
    assert broker.node_names() == ["n"]
    first.close()
    wait_for("the name free", lambda: not broker.node_names())
    second = register(broker.port, "n", "other")
    assert broker.node_names() == ["n"]
    second.close()


def test_a_node_with_a_training_keeps_its_name_over_a_restart_of_the_broker_until_it_is_forgotten(broker):
    node = register(broker.port, "n", "one", features=TRAINS)
    job = train_at(broker, node, "n")
    status, _, body = broker.request("DELETE", "/nodes/n")
    assert status == 409 and json.loads(body) == {"error": "node 'n' is connected: its name is its own"}
    node.close()
    wait_for("the node gone", lambda: not broker.node_names())
    assert_refused(greet(broker.port, "n", "other"))
    broker.broker.kill()
    broker.start_broker()
    assert broker.job(job)["state"] == "running"
    assert_refused(greet(broker.port, "n", "other"))
    assert_refused(greet(broker.port, "n"))
    assert broker.client("forget", "n").stdout == f"job '{job}' has failed\nnode 'n' is forgotten\n"
    ended = broker.job(job)
    assert ended["state"] == "failed" and ended["error"] == "node 'n' was forgotten", ended
    other = register(broker.port, "n", "other", features=TRAINS)
    assert broker.node_names() == ["n"]
    other.close()
    # Durable before it was answered.
    broker.broker.kill()
    broker.start_broker()
    assert broker.job(job)["state"] == "failed"
    register(broker.port, "n", "one").close()


def test_who_has_the_secret_comes_back_to_its_name_as_another_process(broker):
    node = register(broker.port, "n", "one", features=TRAINS)
    train_at(broker, node, "n")
    node.close()
    wait_for("the node gone", lambda: not broker.node_names())
    again = register(broker.port, "n", "one", instance="j", features=TRAINS)
    assert broker.node_names() == ["n"]
    again.close()


def test_forget_tells_what_it_did_as_json_and_knows_no_unknown_node(broker):
    node = register(broker.port, "n", "one", features=TRAINS)
    job = train_at(broker, node, "n")
    node.close()
    wait_for("the node gone", lambda: not broker.node_names())
    done = broker.client("forget", "n", "--json")
    assert json.loads(done.stdout) == {"node": "n", "forgotten": True, "jobs": [job]}
    status, _, body = broker.request("DELETE", "/nodes/n")
    assert status == 404 and json.loads(body) == {"error": "Node 'n' not found"}
    failed = broker.client("forget", "n", check=False)
    assert failed.returncode == 1 and "'n'" in failed.stderr and not failed.stdout


def test_a_secret_is_neither_logged_nor_shown_nor_stored(cluster):
    broker = cluster.start_broker(environment={"DCLS_LOG": "debug"})
    node = register(broker.port, "n", "one", features=TRAINS)
    train_at(broker, node, "n")
    assert_refused(greet(broker.port, "n", "other"))
    shown = [broker.request("GET", path)[2] for path in ("/nodes", "/jobs", "/jobs/1", "/models", "/healthz")]
    node.close()
    broker.broker.stop()
    kept = [path.read_bytes() for path in (broker.folder / "state").rglob("*") if path.is_file()]
    logged = broker.broker.log_path.read_bytes()
    for secret in SECRETS.values():
        assert not any(secret.encode() in text for text in [*shown, *kept, logged])
    of_secret = hashlib.sha256(SECRETS["one"].encode()).hexdigest().encode()
    assert not any(of_secret in text for text in [*shown, logged])


def test_nodes_beyond_max_nodes_are_told_so_and_come_in_when_there_is_room(cluster):
    broker = cluster.start_broker("--max-nodes", 1)
    first = register(broker.port, "n", "one")
    for _ in range(20):
        assert_refused(greet(broker.port, "m", "other"),
                       "the broker has as many nodes as it takes: see its --max-nodes")
    assert broker.broker.text().count("--max-nodes") == 1
    waiting = Process(broker.folder, "late", "node", "--name", "late", "--port", broker.port, "--threads", 1)
    broker.started.append(waiting)
    wait_for("the refusal", lambda: "as many nodes as it takes" in waiting.text())
    first.close()
    wait_for("room for it", lambda: broker.node_names() == ["late"], 30)


def test_the_second_of_two_nodes_of_one_name_is_refused_until_the_first_is_forgotten(running, tmp_path_factory):
    """Two real ones, in folders of their own; the first dies in a training."""
    other = tmp_path_factory.mktemp("other")
    make_dataset(other / "images")
    job = running.train(modelName="m", epochs=1000)
    running.wait_job(job, "running")
    second = Process(other, "twin", "node", "--name", "node0", "--port", running.port, "--threads", 1)
    running.started.append(second)
    wait_for("the refusal", lambda: "belongs to another node: dcls client forget node0" in second.text())
    assert running.client("forget", "node0", check=False).returncode == 1
    running.nodes["node0"].kill()
    wait_for("node0 gone", lambda: not running.node_names())
    assert running.client("forget", "node0").returncode == 0
    wait_for("the second let in", lambda: running.node_names() == ["node0"], 30)
    assert running.job(job)["state"] == "failed"
    assert running.wait_job(running.train(modelName="m"))["state"] == "completed"
    assert (other / "node0/models/m/m.pth").exists()


def test_a_node_without_a_lasting_folder_has_its_name_again_when_it_comes_back(running):
    """As a container does: all that it kept is gone, its secret too."""
    running.nodes["node0"].stop()
    shutil.rmtree(running.folder / "node0")
    wait_for("node0 gone", lambda: not running.node_names())
    running.start_node("node0")
    assert running.wait_job(running.train(modelName="m"))["state"] == "completed"
    running.nodes["node0"].kill()  # nor does it need to say goodbye
    shutil.rmtree(running.folder / "node0")
    running.start_node("node0", wait=False)
    wait_for("node0 back", lambda: running.nodes["node0"].alive() and running.node_names() == ["node0"], 30)
