"""Processes that are killed (kill -9), at any moment of a job: what was acknowledged is there, and all goes on."""
import os
import signal

import pytest

from bad_day import LONG, assert_acknowledged, assert_nothing_is_left, assert_works, processes_in, running_on, start
from call_faults import CallFaults
from harness import make_dataset, wait_for, worker_of


def test_a_worker_that_is_killed_leaves_nothing_behind(cluster):
    start(cluster)
    job = cluster.train(modelName="m", noCheckpoint=False, **LONG)
    running_on(cluster, job)
    for pid in worker_of(cluster.nodes["node0"]):
        os.kill(pid, signal.SIGKILL)
    failed = cluster.wait_job(job)
    assert failed["state"] == "failed" and "SIGKILL" in failed["error"], failed
    assert_works(cluster, "m")
    assert_acknowledged(cluster)
    assert_nothing_is_left(cluster)


def test_a_node_that_is_killed_takes_its_workers_along_and_works_when_it_is_back(cluster):
    start(cluster)
    job = cluster.train(modelName="m", noCheckpoint=False, **LONG)
    running_on(cluster, job)
    cluster.nodes["node0"].kill()
    wait_for("its workers end", lambda: processes_in(cluster.folder) == [cluster.broker.process.pid])
    cluster.start_node("node0", wait=False)
    failed = cluster.wait_job(job)
    assert failed["state"] == "failed" and "no longer has it" in failed["error"], failed
    assert_works(cluster, "m")
    assert_acknowledged(cluster)
    assert_nothing_is_left(cluster)


# Each moment is before a call of the broker's, counted from when the training's last epoch has begun: of what it
# reads from the node, of the commit, of what it answers to the node and to clients.
@pytest.mark.parametrize("call, nths", [("pwrite64", (1, 3)), ("fdatasync", (1, 2)), ("writev", (1, 4)),
                                        ("epoll_wait", (6,))])
def test_a_broker_that_is_killed_when_a_training_ends_has_its_end_when_it_is_back(cluster, call, nths):
    faults = CallFaults()
    make_dataset(cluster.folder / "images")
    cluster.start_broker(within=faults.within)
    cluster.start_node("node0")
    for nth in nths:
        outcomes = cluster.folder / "node0/jobs"
        job = cluster.train(modelName=f"m{nth}", epochs=3)
        running_on(cluster, job)
        faults.kill(call, nth)
        wait_for(f"the broker dies before {call} {nth}", lambda: not cluster.broker.alive(), 60)
        faults = CallFaults()
        cluster.start_broker(within=faults.within)
        done = cluster.wait_job(job)
        assert done["state"] == "completed", done
        assert [result["epoch"] for result in done["results"]] == [1, 2, 3]
        wait_for("the model is listed", lambda: f"m{nth}" in [m["name"] for m in cluster.get("/models")["models"]])
        wait_for("the outcome is acknowledged", lambda: not list(outcomes.glob("*.json")), 30)
    assert_works(cluster, f"m{nths[-1]}")
    assert_nothing_is_left(cluster)


@pytest.mark.parametrize("call, nths", [("rename", (1,)), ("fsync", (1, 2)), ("write", (2,)),
                                        ("writev", (2, 4))])
def test_a_node_that_is_killed_when_a_training_ends_has_the_model_or_the_job_has_failed(cluster, call, nths):
    make_dataset(cluster.folder / "images")
    cluster.start_broker()
    for nth in nths:
        faults = CallFaults()
        cluster.start_node("node0", within=faults.within)
        job = cluster.train(modelName=f"m{nth}", epochs=3)
        running_on(cluster, job)
        faults.kill(call, nth)
        wait_for(f"the node dies before {call} {nth}", lambda: not cluster.nodes["node0"].alive(), 60)
        cluster.start_node("node0", wait=False)
        ended = cluster.wait_job(job)
        wait_for("node0 is back", lambda: "node0" in cluster.node_names())
        if ended["state"] == "completed":
            cluster.client("infer", "--model", f"m{nth}", "images/test/red/0.png")
        else:
            assert ended["state"] == "failed" and "no longer has it" in ended["error"], ended
        assert_acknowledged(cluster)
        cluster.nodes["node0"].stop()
    assert_nothing_is_left(cluster)
