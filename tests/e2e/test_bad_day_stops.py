"""Processes that stand still for 20 s (SIGSTOP), as on a machine that swaps or sleeps: the job ends well."""
import os
import signal
import time

import pytest

from bad_day import assert_acknowledged, assert_nothing_is_left, assert_works, running_on, start
from harness import worker_of
from raw_node import RawNode

STOPPED_SECONDS = 20
SILENT_SECONDS = 10  # beyond which a node that says nothing is taken for gone
EPOCHS = 12


@pytest.mark.parametrize("role", ["worker", "node", "broker"])
def test_a_job_ends_well_although_a_process_stands_still_for_a_while(cluster, role):
    start(cluster)
    job = cluster.train(modelName="m", epochs=EPOCHS)
    running_on(cluster, job)
    pid = {"worker": lambda: worker_of(cluster.nodes["node0"])[0], "node": lambda: cluster.nodes["node0"].process.pid,
           "broker": lambda: cluster.broker.process.pid}[role]()
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(STOPPED_SECONDS)
        if role == "node":
            assert "node 'node0' is away" in cluster.job(job)["reason"]
        if role != "broker":
            assert cluster.job(job)["state"] == "running"
    finally:
        os.kill(pid, signal.SIGCONT)
    done = cluster.wait_job(job, seconds=120)
    assert done["state"] == "completed", done
    assert [result["epoch"] for result in done["results"]] == list(range(1, EPOCHS + 1))
    assert_works(cluster)
    assert_acknowledged(cluster)
    assert_nothing_is_left(cluster)


def test_a_broker_that_stood_still_takes_no_node_for_gone(cluster):
    cluster.start_broker()
    node = RawNode(cluster.port, "node0")
    os.kill(cluster.broker.process.pid, signal.SIGSTOP)
    time.sleep(SILENT_SECONDS)
    os.kill(cluster.broker.process.pid, signal.SIGCONT)
    node.expect_nothing(2 * SILENT_SECONDS / 3)  # not even the end
    assert [entry["name"] for entry in cluster.get("/nodes")["nodes"]] == ["node0"]
