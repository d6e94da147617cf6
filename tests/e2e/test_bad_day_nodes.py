"""Nodes that do not do as they are told, tell what they should not, or are away: each job has a way out whose reason
names the node, and what a client was answered stays so."""
import json
import time

import pytest

import legacy
from bad_day import assert_works
from call_faults import CallFaults
from harness import PATIENCE, wait_for
from raw_node import DATA, RawNode


@pytest.fixture
def broker(cluster):
    return cluster.start_broker()


def state(cluster, job, *states, seconds=20):
    return cluster.wait_job(job, *states, seconds=seconds)


def legacy_job(cluster):
    """The id of a job that a legacy node can take: without the options that it does not know."""
    status, _, body = cluster.request("POST", "/train", {"modelName": "m", "modelType": "resnet", "epochs": 1,
                                                         "batchSize": 4, "learningRate": 0.001},
                                      {"Prefer": "respond-async"})
    assert status == 202, body
    return json.loads(body)["job"]


def assert_name_is_free(cluster, node, model="m"):
    """The model can be trained again, by that node."""
    job = cluster.train(modelName=model)
    order = node.expect_but("SERVER CANCEL", "SERVER TRAIN")
    node.progress(order)
    node.complete(order)
    node.expect("SERVER JOB ACK")
    assert state(cluster, job)["state"] == "completed"


def test_a_legacy_node_that_answers_a_training_by_an_error_fails_it(broker):
    node = legacy.legacy_node(broker.port, "py0")
    job = legacy_job(broker)
    node.expect("SERVER TRAIN")
    node.send({"type": "ERROR", "name": "py0", "message": "no module named torch"})
    failed = state(broker, job)
    assert failed["state"] == "failed" and "no module named torch" in failed["error"], failed


def test_a_legacy_node_that_connects_anew_has_lost_its_training_or_it_can_be_cancelled(broker):
    node = legacy.legacy_node(broker.port, "py0")
    job = legacy_job(broker)
    node.expect("SERVER TRAIN")
    node.close()
    again = legacy.legacy_node(broker.port, "py0")
    if broker.job(job)["state"] == "running":
        status, _, body = broker.request("DELETE", f"/jobs/{job}")
        assert status in (200, 202), body
    assert state(broker, job)["state"] in ("failed", "cancelled")
    other = legacy_job(broker)
    key = again.expect("SERVER TRAIN")["train_key"]
    again.send({"type": "TRAINING_COMPLETED", "name": "py0", "train_key": key, "model_name": "m", "data": DATA})
    assert state(broker, other)["state"] == "completed"


def test_a_node_that_ignores_a_cancel_is_named_and_the_models_name_is_free(broker):
    node = RawNode(broker.port, "node0")
    job = broker.train(modelName="m")
    order = node.expect("SERVER TRAIN")
    node.progress(order)
    state(broker, job, "running")
    assert broker.request("DELETE", f"/jobs/{job}")[0] == 202
    node.expect("SERVER CANCEL")
    cancelled = state(broker, job, "cancelled", "failed", seconds=45)
    assert cancelled["state"] == "cancelled"
    assert "node 'node0' did not cancel it within 30 s" in cancelled.get("reason", "") + cancelled.get("error", "")
    node.complete(order)  # what comes late is dropped
    ack = node.expect_but("SERVER CANCEL", "SERVER JOB ACK")
    assert ack["train_key"] == order["train_key"]
    assert broker.job(job)["state"] == "cancelled"
    assert_name_is_free(broker, node)


def test_a_node_that_does_not_begin_is_named(broker):
    node = RawNode(broker.port, "node0")
    job = broker.train(modelName="m")
    order = node.expect("SERVER TRAIN")
    assert broker.job(job)["state"] == "starting"
    failed = state(broker, job, seconds=45)
    assert failed["state"] == "failed" and "node 'node0' did not begin it within 30 s" in failed["error"], failed
    assert node.expect("SERVER CANCEL")["train_key"] == order["train_key"]
    assert_name_is_free(broker, node)


def test_a_training_that_is_not_heard_of_says_so(broker):
    node = RawNode(broker.port, "node0")
    job = broker.train(modelName="m")
    order = node.expect("SERVER TRAIN")
    node.progress(order)
    told = wait_for("a reason", lambda: broker.job(job).get("reason"), 45)
    assert "node0" in told or "heard" in told
    assert broker.job(job)["state"] == "running"
    node.complete(order)
    assert state(broker, job)["state"] == "completed"


def test_what_another_node_tells_of_a_training_does_not_count(broker):
    node, other = RawNode(broker.port, "node0"), RawNode(broker.port, "node1")
    job = broker.train(modelName="m", node="node0")
    order = node.expect("SERVER TRAIN")
    node.progress(order)
    state(broker, job, "running")
    other.progress(order, epoch=1, batch=7)
    other.complete(order, loss=666.0)
    other.fail(order, "a stranger's word")
    assert other.expect("SERVER JOB ACK")["train_key"] == order["train_key"]  # to be dropped
    now = broker.job(job)
    assert now["state"] == "running" and now["nodes"] == ["node0"] and now["batch"] == 1, now
    node.complete(order)
    node.expect("SERVER JOB ACK")
    done = state(broker, job)
    assert done["state"] == "completed" and done["results"][0]["train_loss"] == 1.0, done
    assert_name_is_free(broker, node)


def test_an_outcome_of_another_process_or_another_generation_does_not_count(broker):
    node = RawNode(broker.port, "node0")
    job = broker.train(modelName="m")
    order = node.expect("SERVER TRAIN")
    node.progress(order)
    state(broker, job, "running")
    node.complete(order, loss=666.0, instance="another")
    node.complete(order, loss=667.0, generation=order["generation"] + 1)
    node.expect("SERVER JOB ACK")
    node.expect("SERVER JOB ACK")
    assert broker.job(job)["state"] == "running"
    node.complete(order)
    done = state(broker, job)
    assert done["results"][0]["train_loss"] == 1.0, done


def test_a_start_that_is_lost_with_its_connection_is_given_again(broker):
    """The node never saw it: its NODE INFO does not list it."""
    node = RawNode(broker.port, "node0")
    job = broker.train(modelName="m")
    first = node.expect("SERVER TRAIN")
    node.close()
    node = RawNode(broker.port, "node0", secret=node.secret)
    again = node.expect("SERVER TRAIN")
    assert again["job"] == first["job"] and again["generation"] == first["generation"] + 1
    node.progress(again)
    node.complete(again)
    assert state(broker, job)["state"] == "completed"


def test_a_start_that_is_lost_three_times_fails_the_job_and_names_the_node(broker):
    node = RawNode(broker.port, "node0")
    job = broker.train(modelName="m")
    for _ in range(3):
        node.expect("SERVER TRAIN")
        node.close()
        node = RawNode(broker.port, "node0", secret=node.secret)
    failed = state(broker, job)
    assert failed["state"] == "failed" and "node0" in failed["error"], failed
    assert_name_is_free(broker, node)


# Moments from a node's greeting, of which it takes several to be given a training: of the commit, and of what is sent.
@pytest.mark.parametrize("call, nths", [("pwrite64", (1, 3)), ("fdatasync", (1, 2)), ("writev", (2, 3))])
def test_a_broker_that_dies_between_the_commit_of_a_start_and_its_delivery_gives_it_again(cluster, call, nths):
    for nth in nths:
        faults = CallFaults()
        cluster.start_broker(within=faults.within)
        job = cluster.train(modelName=f"m{nth}")
        faults.kill(call, nth)
        node = RawNode(cluster.port, "node0")
        wait_for(f"the broker dies before {call} {nth}", lambda: not cluster.broker.alive())
        node.close()
        cluster.start_broker()
        node = RawNode(cluster.port, "node0", secret=node.secret)  # it knows nothing of it
        order = node.expect("SERVER TRAIN")
        node.progress(order)
        node.complete(order)
        node.expect("SERVER JOB ACK")
        assert state(cluster, job)["state"] == "completed"
        node.close()
        cluster.broker.stop()


def test_a_job_that_was_cancelled_while_its_node_was_away_stays_cancelled(broker):
    node = RawNode(broker.port, "node0")
    job = broker.train(modelName="m")
    order = node.expect("SERVER TRAIN")
    node.progress(order)
    state(broker, job, "running")
    node.close()
    wait_for("the node is away", lambda: broker.node_names() == [])
    status, _, body = broker.request("DELETE", f"/jobs/{job}")
    assert status == 200, body
    node = RawNode(broker.port, "node0", instance=node.instance, secret=node.secret, jobs=[node.entry(order)])
    assert node.expect("SERVER CANCEL")["train_key"] == order["train_key"]
    node.complete(order)
    assert node.expect("SERVER JOB ACK")["train_key"] == order["train_key"]
    assert broker.job(job)["state"] == "cancelled"
    assert_name_is_free(broker, node)


def test_a_disconnect_of_another_node_is_refused(broker):
    node = RawNode(broker.port, "node0")
    wait_for("node0", lambda: broker.node_names() == ["node0"])
    assert legacy.disconnect(broker.port, "node0")["type"] == "ERROR"
    other = RawNode(broker.port, "node1")
    other.stream.send({"type": "CLIENT DISCONNECT", "name": "node0"})
    time.sleep(0.5)
    assert "node0" in broker.node_names()
    node.send("CLIENT DISCONNECT")
    wait_for("node0 gone", lambda: "node0" not in broker.node_names())


def test_a_name_is_not_had_by_newlines_while_its_node_is_asked(broker):
    """They were taken for the answer of a process that is alive, or for silence of the old one."""
    node = RawNode(broker.port, "node0")
    wait_for("node0", lambda: broker.node_names() == ["node0"])
    thief = legacy.connect(broker.port)
    thief.send({"type": "CLIENT CONNECT", "name": "node0", "protocol": 1, "version": "1", "features": [],
                "instance": "thief", "secret": node.secret})
    end = time.monotonic() + 4 * PATIENCE
    try:
        while time.monotonic() < end:
            thief.send_bytes(b"\n")
            time.sleep(0.05)
    except OSError:
        pass  # it is refused
    message = thief.next()
    assert message["type"] == "ERROR" and "node0" in message["message"], message
    assert broker.get("/nodes")["nodes"][0].get("name") == "node0"
    assert node.messages.empty()  # it is still connected
    node.send("CLIENT DISCONNECT")
    wait_for("it is that one that leaves", lambda: broker.node_names() == [])


def test_a_name_belongs_to_who_has_its_secret_as_long_as_it_is_here_or_has_a_job(broker):
    node = RawNode(broker.port, "node0")
    wait_for("node0", lambda: broker.node_names() == ["node0"])
    for secret in ("0" * 64, "1" * 64):
        refused = RawNode(broker.port, "node0", secret=secret)
        assert refused.greeting["type"] == "ERROR" and "belongs to another node" in refused.greeting["message"]
    job = broker.train(modelName="m")
    order = node.expect("SERVER TRAIN")
    node.progress(order)
    state(broker, job, "running")
    node.close()
    wait_for("node0 is away", lambda: broker.node_names() == [])
    node = RawNode(broker.port, "node0", instance=node.instance, secret=node.secret, jobs=[node.entry(order)])
    node.complete(order)
    assert state(broker, job)["state"] == "completed"
    node.close()
    wait_for("node0 is away", lambda: broker.node_names() == [])
    assert RawNode(broker.port, "node0", secret="2" * 64).greeting["type"] == "SERVER ACK"


def test_a_name_is_free_when_it_was_forgotten_and_its_job_has_failed(broker):
    node = RawNode(broker.port, "node0")
    job = broker.train(modelName="m")
    order = node.expect("SERVER TRAIN")
    node.progress(order)
    state(broker, job, "running")
    status, _, body = broker.request("DELETE", "/nodes/node0")
    assert status == 409, body
    node.close()
    wait_for("node0 is away", lambda: broker.node_names() == [])
    refused = RawNode(broker.port, "node0", secret="2" * 64)  # it has a job: its name is not free
    assert refused.greeting["type"] == "ERROR" and "dcls client forget node0" in refused.greeting["message"]
    broker.client("forget", "node0")
    failed = state(broker, job)
    assert failed["state"] == "failed" and "node 'node0' was forgotten" in failed["error"], failed
    assert RawNode(broker.port, "node0", secret="2" * 64).greeting["type"] == "SERVER ACK"
    assert broker.request("DELETE", "/nodes/nobody")[0] == 404
