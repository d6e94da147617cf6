"""Deleting a model: what a node refuses, what it does when it is back, and one that never answers."""
import contextlib
import json
import signal
import threading
import time

from call_faults import BUILD
from harness import PATIENCE, Process, make_dataset, wait_for
from legacy import LegacyBroker, WholeStream, connect


def models(cluster):
    return {(model["name"], *model["nodes"]) for model in cluster.get("/models")["models"]}


def removals(cluster):
    return [(entry["model"], entry["node"]) for entry in cluster.get("/models").get("removals", [])]


def stop_node(cluster, name):
    cluster.nodes.pop(name).stop()
    wait_for(f"{name} gone", lambda: name not in cluster.node_names())


def test_a_model_that_a_file_system_keeps_is_still_there_and_the_reason_is_told(strangers):
    make_dataset(strangers.folder / "images")
    strangers.start_broker()
    strangers.start_node("node0")
    strangers.wait_job(strangers.train(modelName="m", noCheckpoint=False))
    models_dir = strangers.folder / "node0/models"
    model = models_dir / "m"
    models_dir.chmod(0o555)
    try:
        refused = strangers.client("rm", "m", check=False)
        status, _, body = strangers.request("DELETE", "/models/m")
    finally:
        models_dir.chmod(0o755)
    assert refused.returncode == 1 and refused.stdout == "", refused
    assert "dcls: node 'node0' did not remove model 'm': cannot remove 'models/m" in refused.stderr
    assert "Permission denied" in refused.stderr and refused.stderr.count("\n") == 1
    answer = json.loads(body)
    assert (status, answer["removed"], answer["nodes"], answer["failed"][0]["node"]) == (502, False, [], "node0")
    assert models(strangers) == {("m", "node0")} and (model / "m.pth").exists()
    strangers.client("infer", "images/test/red/0.png", "--model", "m")
    assert strangers.client("rm", "m").stdout == "node0: model 'm' is deleted\n"
    assert not model.exists() and models(strangers) == set()


def test_a_model_of_which_a_file_cannot_be_deleted_is_removed_and_never_listed_in_parts(strangers):
    make_dataset(strangers.folder / "images")
    strangers.start_broker()
    strangers.start_node("node0")
    strangers.wait_job(strangers.train(modelName="m"))
    models_dir = strangers.folder / "node0/models"
    (models_dir / "m/kept").mkdir()
    (models_dir / "m/kept/file").write_text("kept")
    (models_dir / "m/kept").chmod(0o555)
    try:
        assert strangers.client("rm", "m").stdout == "node0: model 'm' is deleted\n"
        assert not (models_dir / "m").exists() and models(strangers) == set()
    finally:
        for kept in models_dir.glob(".m.dcls-tmp-*/kept"):
            kept.chmod(0o755)


def test_a_node_that_was_away_removes_what_it_had_and_nothing_newer(cluster):
    make_dataset(cluster.folder / "images")
    cluster.start_broker()
    cluster.start_node("node0")
    cluster.wait_job(cluster.train(modelName="m"))
    cluster.wait_job(cluster.train(modelName="kept"))
    old = cluster.folder / "node0/models/m"
    stop_node(cluster, "node0")
    status, _, body = cluster.request("DELETE", "/models/m")
    assert (status, json.loads(body)) == (202, {"model": "m", "removed": False, "nodes": [], "pending": ["node0"]})
    assert models(cluster) == {("kept",)} and removals(cluster) == [("m", "node0")]
    assert cluster.client("rm", "m").stdout == "node0: model 'm' will be deleted when the node is back\n"
    cluster.start_node("node1")
    cluster.wait_job(cluster.train(modelName="m", seed=5))
    cluster.broker.stop()
    cluster.start_broker()
    assert removals(cluster) == [("m", "node0")] and old.exists()
    wait_for("node1 is back", lambda: "node1" in cluster.node_names())
    cluster.start_node("node0")
    wait_for("the removal", lambda: removals(cluster) == [])
    assert not old.exists() and (cluster.folder / "node0/models/kept/kept.pth").exists()
    wait_for("both nodes' models", lambda: models(cluster) == {("m", "node1"), ("kept", "node0")})
    cluster.client("infer", "images/test/red/0.png", "--model", "m")
    # What the store holds now is no promise any more.
    cluster.broker.stop()
    cluster.start_broker()
    wait_for("both nodes' models", lambda: models(cluster) == {("m", "node1"), ("kept", "node0")})


def test_a_node_that_dies_before_it_answers_removes_the_model_when_it_is_back(running):
    running.wait_job(running.train(modelName="m"))
    node, answers = running.nodes.pop("node0"), []
    node.process.send_signal(signal.SIGSTOP)
    asking = threading.Thread(target=lambda: answers.append(running.request("DELETE", "/models/m")))
    asking.start()
    time.sleep(0.5)
    assert not answers
    node.kill()
    asking.join(20 * PATIENCE)
    status, _, body = answers[0]
    assert (status, json.loads(body)["pending"]) == (202, ["node0"])
    assert models(running) == set()
    running.start_node("node0")
    wait_for("the removal", lambda: removals(running) == [])
    assert not (running.folder / "node0/models/m").exists() and models(running) == set()


class Scripted:
    """A node that answers pings, and removals as it is told: by None not at all."""

    def __init__(self, cluster, name, model, answer):
        self.name, self.answer, self.asked = name, answer, []
        self.stream = connect(cluster.port)
        self.say("CLIENT CONNECT", protocol=1, features=["remove", "removed"])
        self.say("NODE INFO", models=[model], modelInfo=[{"name": model, "sha256": "ab" * 32}], jobs=[])
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        wait_for(f"{name}'s model", lambda: any(name in nodes for _, *nodes in models(cluster)))

    def say(self, kind, **members):
        self.stream.send({"type": kind, "name": self.name, **members})

    def run(self):
        while (message := self.stream.next(600)) is not None:
            if message["type"] == "SERVER PING":
                self.say("CLIENT PONG")
            if message["type"] == "SERVER REMOVE":
                self.asked.append(message)
                if self.answer:
                    self.say(self.answer, model_name=message["model_name"], modelSha256=message["modelSha256"])

    def close(self):
        self.stream.close()
        self.thread.join(10)


def test_a_node_that_never_answers_is_named_after_a_while(cluster):
    cluster.start_broker()
    mute, obedient = Scripted(cluster, "mute", "m", None), Scripted(cluster, "obedient", "m", "MODEL REMOVED")
    try:
        status, _, body = cluster.request("DELETE", "/models/m")
        answer = json.loads(body)
        assert status == 504 and answer["nodes"] == ["obedient"]
        assert answer["failed"] == [{"node": "mute", "reason": "it did not answer within 10 s"}]
        assert answer["error"] == "node 'mute' did not remove model 'm': it did not answer within 10 s; " \
                                  "it is removed at 'obedient'"
        assert models(cluster) == {("m", "mute")} and removals(cluster) == []
        assert [message["modelSha256"] for message in mute.asked + obedient.asked] == ["ab" * 32] * 2
    finally:
        mute.close()
        obedient.close()


@contextlib.contextmanager
def held_node(cluster):
    """A node with a model 'first', whose disk hangs until the file is removed, and the line of a scripted broker."""
    broker, hold = LegacyBroker(), cluster.folder / "hold"
    first = cluster.folder / "node0/models/first"
    first.mkdir(parents=True)
    (first / "first.pth").write_text("weights")
    node = cluster.nodes["node0"] = Process(
        cluster.folder, "node0", "node", "--name", "node0", "--port", broker.port,
        environment={"LD_PRELOAD": str(BUILD / "tests/shim/hold.so"), "DCLS_HOLD": str(hold),
                     "ASAN_OPTIONS": "verify_asan_link_order=0"})
    stream = broker.accept(kind=WholeStream)
    stream.expect("CLIENT CONNECT")
    stream.send({"type": "SERVER ACK", "protocol": 1, "features": ["removed"], "apiPort": 1})
    assert stream.expect("NODE INFO")["models"] == ["first"]
    hold.touch()
    try:
        yield node, stream, hold
    finally:
        hold.unlink(missing_ok=True)
        broker.close()


def remove(stream, model, digest):
    stream.send({"type": "SERVER REMOVE", "model_name": model, "modelSha256": digest * 32})


def is_alive(stream):
    """The node has taken all that was sent, and there is nothing else to be read."""
    stream.send({"type": "SERVER PING"})
    stream.expect("CLIENT PONG")


def test_removals_that_wait_are_done_once_and_then_the_node_tells_its_models_once(cluster):
    most, refused = 1024, 3
    with held_node(cluster) as (_, stream, hold):
        stream.send({"type": "SERVER REMOVE", "model_name": "first"})
        asked = [(f"m{i // 2}", ("ab", "cd")[i % 2]) for i in range(most - 1)]  # two models of each name
        for model, digest in asked + asked:
            remove(stream, model, digest)
        for i in range(refused):
            remove(stream, f"more{i}", "ab")
            assert stream.expect("REMOVE FAILED")["message"] == f"the node is busy: {most} removals wait"
        is_alive(stream)
        hold.unlink()
        assert stream.expect("MODEL REMOVED")["model_name"] == "first"
        for model, digest in asked:
            answer = stream.expect("MODEL REMOVED")
            assert (answer["model_name"], answer["modelSha256"]) == (model, digest * 32)
        assert stream.expect("NODE INFO")["models"] == []
        remove(stream, "more0", "ab")
        assert stream.expect("MODEL REMOVED")["model_name"] == "more0"
        assert stream.expect("NODE INFO")["models"] == []
        is_alive(stream)


def test_a_node_ends_beside_a_removal_that_hangs(cluster):
    with held_node(cluster) as (node, stream, hold):
        stream.send({"type": "SERVER REMOVE", "model_name": "first"})
        wait_for("a removal that hangs", lambda: hold.read_text())
        assert node.stop() == 0, node.text()
        assert "a thread did not end within" in node.text()


def test_a_reason_tells_no_path_of_the_node(cluster):
    with held_node(cluster) as (_, stream, _):
        (cluster.folder / "node0/models/loop").mkdir()
        (cluster.folder / "node0/models/loop/loop.pth").symlink_to("loop.pth")
        reason = "cannot read 'models/loop/loop.pth': Too many levels of symbolic links"
        stream.send({"type": "SERVER PUSH", "model_name": "loop"})
        assert stream.expect("ERROR")["message"] == reason
        remove(stream, "loop", "ab")
        assert stream.expect("REMOVE FAILED")["message"] == reason
