"""Our node against a scripted broker of its own kind: trainings and outcomes by (train_key, generation)."""
import json
import os
import queue
import re
import socket
import threading
import time

import pytest

from harness import Process, make_dataset, wait_for

TRAIN = {"type": "SERVER TRAIN", "modelName": "m", "modelType": "resnet", "epochs": 1, "batchSize": 4,
         "learningRate": 0.001, "imageSize": 32, "noCheckpoint": True, "weights": "none", "job": "1"}


class Line:
    """One registered connection; pings are answered, everything else waits to be looked at."""

    def __init__(self, sock):
        self.sock, self.messages = sock, queue.Queue()
        self.reader = sock.makefile("rb")
        self.hello = json.loads(self.reader.readline())
        self.send({"type": "SERVER ACK", "protocol": 1, "version": "0", "features": ["progress", "jobs"]})
        threading.Thread(target=self._read, daemon=True).start()
        self.info = self.expect("NODE INFO")

    def _read(self):
        try:
            for text in self.reader:
                message = json.loads(text)
                if message["type"] == "CLIENT PING":
                    self.send({"type": "SERVER PONG"})
                else:
                    self.messages.put(message)
        except OSError:
            pass

    def send(self, message):
        self.sock.sendall(json.dumps(message).encode() + b"\n")

    def expect(self, kind, seconds=60, **members):
        """The next message that is like this; what comes before it is passed over, but no other outcome."""
        end = time.monotonic() + seconds
        while True:
            message = self.messages.get(timeout=max(0.01, end - time.monotonic()))
            if message["type"] == kind and all(message.get(name) == value for name, value in members.items()):
                return message
            assert message["type"] not in ("TRAINING_COMPLETED", "TRAINING FAILED"), message

    def train(self, generation, **changes):
        self.send({**TRAIN, "generation": generation, "train_key": "train:1", **changes})

    def about(self, kind, generation, key="train:1"):
        self.send({"type": kind, "train_key": key, "generation": generation})


@pytest.fixture
def broker():
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(20)
    yield server
    server.close()


@pytest.fixture
def start(cluster, broker):
    """Starts node0 and returns its connection."""
    make_dataset(cluster.folder / "images", train=4, test=1)

    def begin():
        cluster.nodes["node0"] = Process(cluster.folder, "node0", "node", "--name", "node0", "--port",
                                         broker.getsockname()[1], "--threads", 1)
        return Line(broker.accept()[0])

    return begin


def test_a_node_has_a_secret_for_good_and_an_instance_for_a_process(start, cluster):
    first = start().hello
    assert {"heartbeat", "generations"} <= set(first["features"])
    assert re.fullmatch("[0-9a-f]{64}", first["secret"])
    assert os.stat(cluster.folder / "node0/secret").st_mode & 0o777 == 0o600
    cluster.nodes["node0"].kill()
    again = start().hello
    assert again["secret"] == first["secret"] and again["instance"] != first["instance"]
    assert first["secret"] not in cluster.nodes["node0"].text()


def test_a_training_is_told_of_at_once_with_who_was_given_it(start):
    line = start()
    line.train(1)
    told = line.expect("TRAINING PROGRESS")
    assert (told["epoch"], told["epochs"], told["message"]) == (0, 1, "preparing")
    assert (told["generation"], told["job"], told["instance"]) == (1, "1", line.hello["instance"])
    done = line.expect("TRAINING_COMPLETED")
    assert (done["generation"], done["instance"]) == (1, line.hello["instance"])
    assert line.expect("NEW MODEL ADDED")["new_model"] == "m"
    line.train(1)  # the first answer was lost
    assert line.expect("TRAINING_COMPLETED") == done


def test_a_later_attempt_replaces_an_earlier_one(start):
    line = start()
    line.train(1, epochs=500)
    line.expect("TRAINING PROGRESS", generation=1, epoch=1)
    line.train(2, epochs=500)
    line.expect("TRAINING PROGRESS", generation=2, epoch=1)
    line.train(1)
    assert line.expect("TRAINING FAILED", generation=1)["message"].startswith("superseded")
    line.about("SERVER CANCEL", 1)
    assert line.expect("TRAINING FAILED", generation=1)["message"] == "the node has no such job"
    line.expect("TRAINING PROGRESS", generation=2)  # none of this ended it
    line.send({"type": "NODE INFO"})
    jobs = line.expect("NODE INFO")["jobs"]
    assert [(job["generation"], job["state"], job["instance"]) for job in jobs] == \
        [(2, "running", line.hello["instance"])]
    line.about("SERVER CANCEL", 2)
    assert line.expect("TRAINING FAILED", generation=2)["cancelled"] is True


def test_an_outcome_outlives_its_process_and_is_dropped_by_its_own_acknowledgement(start, cluster):
    line = start()
    kept = cluster.folder / "node0/jobs/train:1@3.json"
    line.train(3)
    done = line.expect("TRAINING_COMPLETED")
    assert kept.exists()
    line.about("SERVER JOB ACK", 2)
    line.about("SERVER JOB ACK", 3, key="train:2")
    cluster.nodes["node0"].kill()
    again = start()
    job, = again.info["jobs"]
    assert (job["generation"], job["state"], job["instance"]) == (3, "completed", line.hello["instance"])
    assert again.expect("TRAINING_COMPLETED") == done
    again.about("SERVER JOB ACK", 3)
    wait_for("the outcome to be dropped", lambda: not kept.exists())
    again.send({"type": "NODE INFO"})
    assert again.expect("NODE INFO")["jobs"] == []


def test_an_outcome_that_cannot_be_kept_is_told_and_kept_when_it_can(start, cluster):
    line = start()
    kept = cluster.folder / "node0/jobs/train:1@1.json"
    kept.mkdir()
    line.train(1)
    line.expect("TRAINING_COMPLETED")
    assert "is not kept" in cluster.nodes["node0"].text()
    kept.rmdir()
    wait_for("the outcome to be kept", lambda: kept.is_file(), 40)
    line.about("SERVER JOB ACK", 1)
    wait_for("the outcome to be dropped", lambda: not kept.exists())


def test_two_trainings_wait_for_each_other_and_end_with_their_node(start, cluster):
    line = start()
    line.train(1, epochs=500)
    line.expect("TRAINING PROGRESS", epoch=1)
    line.train(1, train_key="train:2", modelName="n")
    told = line.expect("TRAINING PROGRESS", train_key="train:2")
    assert told["message"] == "waits for the training before it"
    cluster.nodes["node0"].process.terminate()
    for key in ("train:1", "train:2"):
        assert line.expect("TRAINING FAILED", train_key=key)["message"] == "node 'node0' was stopped"
    assert cluster.nodes["node0"].process.wait(5) == 0
    assert sorted(path.name for path in (cluster.folder / "node0/jobs").iterdir()) == \
        ["train:1@1.json", "train:2@1.json"]
