"""SIGTERM, in whichever phase it comes: the server ends within 5 s, well, and leaves no process and no half file."""
import hashlib
import http.client
import os
import signal
import subprocess
import time

import pytest

import harness
from bad_day import LONG, assert_nothing_is_left, processes_in, running_on, start
from harness import PATIENCE, make_dataset, wait_for, worker_of

END_SECONDS = 5


def assert_ends(process):
    """`process` is a harness.Process that gets SIGTERM."""
    process.process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    assert process.process.wait(15 * PATIENCE) == 0, process.text()
    assert time.monotonic() - began < END_SECONDS * PATIENCE, process.text()


def idle(cluster):
    start(cluster)


def training(cluster):
    start(cluster)
    running_on(cluster, cluster.train(modelName="m", noCheckpoint=False, **LONG))


def preparing(cluster):
    """The node fetches images from a broker that has just fallen silent."""
    make_dataset(cluster.folder / "photos", train=300)
    cluster.start_broker("--images", "photos")
    cluster.start_node("node0")
    cluster.train(modelName="m")
    wait_for("the first images", lambda: list((cluster.folder / "node0").rglob("images/**/*.png")), 60)


def inferring(cluster):
    start(cluster)
    cluster.wait_job(cluster.train(modelName="m"))
    cluster.client("infer", "--model", "m", "images/test/red/0.png")
    worker, = wait_for("the worker that answers", lambda: worker_of(cluster.nodes["node0"]))
    os.kill(worker, signal.SIGSTOP)  # so that the answer is due for as long as it takes
    asking = subprocess.Popen([harness.DCLS, "client", "infer", "--model", "m", "images/test/red/0.png"],
                              cwd=cluster.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              env={**os.environ, "DCLS_API": cluster.api})
    time.sleep(1)
    assert asking.poll() is None
    return asking


def streaming(cluster):
    start(cluster)
    line = http.client.HTTPConnection("127.0.0.1", cluster.api_port, timeout=20)
    line.request("GET", "/events")
    answer = line.getresponse()
    assert answer.status == 200
    return answer


def uploading(cluster):
    start(cluster)
    body = b"x" * 100000
    line = http.client.HTTPConnection("127.0.0.1", cluster.api_port, timeout=20)
    line.putrequest("PUT", f"/blobs/{hashlib.sha256(body).hexdigest()}?offset=0&size={len(body)}")
    line.putheader("Content-Length", str(len(body)))
    line.endheaders()
    line.send(body[:50000])
    time.sleep(0.5)
    return line


PHASES = [idle, training, preparing, inferring, streaming, uploading]


@pytest.mark.parametrize("phase", PHASES)
def test_a_broker_ends_within_5_seconds(cluster, phase):
    held = phase(cluster)
    assert_ends(cluster.broker)
    assert_nothing_is_left(cluster)
    if isinstance(held, subprocess.Popen):
        assert held.wait(20) != 0


@pytest.mark.parametrize("phase", PHASES[:4])
def test_a_node_ends_within_5_seconds_and_its_workers_with_it(cluster, phase):
    held = phase(cluster)
    if phase is preparing:
        cluster.broker.process.send_signal(signal.SIGSTOP)
    try:
        assert_ends(cluster.nodes["node0"])
    finally:
        cluster.broker.process.send_signal(signal.SIGCONT)
    wait_for("its workers end", lambda: len(processes_in(cluster.folder)) <= 1 + (held is not None))
    if held:
        assert held.wait(40) != 0  # it is told, or waits in vain
    assert_nothing_is_left(cluster)


def test_a_worker_that_is_told_to_end_does_and_its_job_ends_too(cluster):
    start(cluster)
    job = cluster.train(modelName="m", **LONG)
    running_on(cluster, job)
    worker, = worker_of(cluster.nodes["node0"])
    os.kill(worker, signal.SIGTERM)
    wait_for("the worker ends", lambda: not worker_of(cluster.nodes["node0"]), END_SECONDS)
    ended = cluster.wait_job(job)
    assert ended["state"] == "failed" and "SIGTERM" in ended["error"], ended
    assert_nothing_is_left(cluster)


def test_a_client_that_is_told_to_end_does_and_the_job_goes_on(cluster):
    start(cluster)
    watching = subprocess.Popen([harness.DCLS, "client", "train", "resnet", "--epochs", "500", "--image-size", "32",
                                 "--batch-size", "4", "--name", "m"], cwd=cluster.folder, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, env={**os.environ, "DCLS_API": cluster.api})
    job, = wait_for("its job", lambda: [job["id"] for job in cluster.get("/jobs")["jobs"]])
    running_on(cluster, job)
    watching.send_signal(signal.SIGTERM)
    watching.wait(END_SECONDS * PATIENCE)
    assert running_on(cluster, job)["state"] == "running"
    assert_nothing_is_left(cluster)
