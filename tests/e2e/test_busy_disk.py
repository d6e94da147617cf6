"""What takes a node long in its folders keeps it from nothing else: it answers meanwhile."""
import fcntl
import os
import threading
import time

from harness import PATIENCE, wait_for

IMAGE = {"imagePath": "images/test/red/0.png"}


def infer(cluster, model):
    status, _, body = cluster.request("POST", "/inference", {**IMAGE, "modelName": model})
    assert status == 200, body


def held(cluster):
    return {(model["name"], *model["nodes"]) for model in cluster.get("/models")["models"]}


def test_a_node_answers_while_a_model_waits_to_be_removed(running):
    running.wait_job(running.train(modelName="m"))
    running.wait_job(running.train(modelName="kept"))
    infer(running, "kept")
    answers = []
    asking = threading.Thread(target=lambda: answers.append(running.request("DELETE", "/models/m")))
    models = os.open(running.folder / "node0/models", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(models, fcntl.LOCK_EX)  # as a worker does that is replacing one; a removal waits for it for 5 s
        asking.start()
        time.sleep(0.5)
        infer(running, "kept")
        assert asking.is_alive()
        asking.join(20 * PATIENCE)
    finally:
        os.close(models)
    assert answers[0][0] == 502 and b"another process is changing" in answers[0][2], answers
    assert running.client("rm", "m").stdout == "node0: model 'm' is deleted\n"


def test_a_node_answers_while_it_reads_models_that_were_copied_in(running):
    running.wait_job(running.train(modelName="m"))
    running.broker.stop()
    copied = running.folder / "node0/models/copied"
    copied.mkdir()
    with open(copied / "copied.pth", "wb") as weights:
        weights.truncate(64 << 30)  # of nothing: it takes no room, but to read it takes a while
    (running.folder / "node0/models/small").mkdir()
    (running.folder / "node0/models/small/small.pth").write_bytes(b"weights")
    running.start_broker()
    wait_for("the node", lambda: ("m", "node0") in held(running))
    infer(running, "m")
    running.wait_job(running.train(modelName="m"))
    assert held(running) == {("m", "node0")}
    (copied / "copied.pth").unlink()
    running.nodes.pop("node0").stop()
    running.start_node("node0")
    wait_for("what was copied in", lambda: ("small", "node0") in held(running))
