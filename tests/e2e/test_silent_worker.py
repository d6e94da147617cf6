"""Workers that are stopped: who waits is told, and whatever they owe is had from somewhere else."""
import json
import os
import re
import signal
import time

from harness import wait_for, worker_of
from test_cluster import LONG, running_on


def stop_worker(cluster):
    pid, = worker_of(cluster.nodes["node0"])
    os.kill(pid, signal.SIGSTOP)
    return pid


def test_a_worker_that_is_stopped_for_20_seconds_is_told_of_and_trains_on(running):
    job = running.train(modelName="m", **LONG)
    running_on(running, job)
    stopped, pid = time.monotonic(), stop_worker(running)
    told = wait_for("word of the silence", lambda: running.job(job).get("reason"), 20)
    assert re.fullmatch(r"its worker has not answered for 1[5-9] s", told), told
    time.sleep(max(0.0, stopped + 20 - time.monotonic()))
    before = running.job(job)
    os.kill(pid, signal.SIGCONT)
    wait_for("word of the training", lambda: not running.job(job).get("reason"))
    wait_for("further batches", lambda: (lambda j: (j["epoch"], j["batch"]) > (before["epoch"], before["batch"]))(
        running.job(job)))
    assert running.job(job)["state"] == "running" and worker_of(running.nodes["node0"]) == [pid]
    running.client("cancel", job)
    assert running.wait_job(job)["state"] == "cancelled"


def test_a_worker_that_is_stopped_is_cancelled_all_the_same(running):
    job = running.train(modelName="m", **LONG)
    running_on(running, job)
    pid = stop_worker(running)
    running.client("cancel", job)
    assert running.wait_job(job, seconds=20)["state"] == "cancelled"
    wait_for("the worker's end", lambda: not os.path.exists(f"/proc/{pid}"))
    assert running.wait_job(running.train(modelName="m"))["state"] == "completed"


def test_an_inference_worker_that_is_stopped_is_replaced(running):
    assert running.wait_job(running.train(modelName="m", epochs=10))["state"] == "completed"
    photo = running.folder / "images/test/green/0.png"
    running.client("infer", photo)
    wait_for("the training's worker to be gone", lambda: len(worker_of(running.nodes["node0"])) == 1)
    stopped = stop_worker(running)
    wait_for("the worker's end", lambda: not os.path.exists(f"/proc/{stopped}"), 25)
    assert "inference worker did not answer for 15 s" in running.nodes["node0"].text()
    answer, = json.loads(running.client("infer", photo, "--json").stdout)
    assert answer["predicted_class"] == "green"
