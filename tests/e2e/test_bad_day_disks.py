"""Disks that are full when something is to be written: for the broker's state and blobs, for models, for outcomes. What
cannot be kept is neither acknowledged nor told; when there is room again, all is as if nothing had been."""
import hashlib
import json
import subprocess

import pytest

from bad_day import assert_acknowledged, assert_nothing_is_left, assert_works, running_on
from call_faults import CallFaults
from harness import make_dataset, wait_for


class RefusedDisk:
    """A folder whose disk is said to be full, for one server and what it starts."""

    def __init__(self, folder):
        self.folder, self.faults = folder, CallFaults()
        folder.mkdir()
        self.within = self.faults.within

    def fill(self):
        self.faults.fill(self.folder)

    def empty(self):
        self.faults.off()

    def renew(self):
        """Before its server is started again: each start has its own faults."""
        self.faults = CallFaults()
        self.within = self.faults.within

    def free(self):
        """Before its server is started: as it begins."""

    def close(self):
        pass


class SmallDisk:
    """A tmpfs in a mount namespace. What was written stays in it until it is closed."""

    def __init__(self, folder):
        folder.mkdir()
        reasons = []
        for options in (["-m"], ["-U", "-r", "-m"]):
            self.holder = subprocess.Popen(["unshare", *options, "sh", "-c",
                                            f"mount -t tmpfs -o size=8m none '{folder}' && echo; exec sleep 1000"],
                                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            word = self.holder.stdout.readline()
            if word == "\n":
                break
            reasons.append(word.strip())
            self.close()
        else:
            pytest.skip("NOT TESTED: a tmpfs, as this machine lets nobody mount: " + "; ".join(reasons))
        user = ["-U", "--preserve-credentials"] if "-U" in options else []
        self.within = ["nsenter", "-t", str(self.holder.pid), *user, "-m", f"--wd={folder.parent}", "--"]
        self.path = f"/proc/{self.holder.pid}/root{folder}"

    def fill(self):
        with open(f"{self.path}/ballast", "wb", buffering=0) as file:
            for size in (65536, 4096):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    pass

    def empty(self):
        open(f"{self.path}/ballast", "wb").close()

    def renew(self):
        pass

    free = empty

    def close(self):
        self.holder.kill()
        self.holder.communicate()


@pytest.fixture(params=[RefusedDisk, SmallDisk])
def disk(request, cluster):
    made = request.param(cluster.folder / "disk")
    yield made
    cluster.stop()
    made.close()


def start_broker(cluster, disk, empty=False):
    disk.renew()
    if empty:
        disk.free()
    cluster.start_broker("--state", disk.folder if isinstance(disk, RefusedDisk) else cluster.folder / "disk",
                         within=disk.within)


def health(cluster):
    status, _, body = cluster.request("GET", "/healthz")
    return status, json.loads(body)


def test_a_job_that_ends_on_a_full_disk_is_ending_until_there_is_room(cluster, disk):
    make_dataset(cluster.folder / "images")
    start_broker(cluster, disk)
    cluster.start_node("node0")
    job = cluster.train(modelName="m", epochs=3)
    running_on(cluster, job)
    disk.fill()
    assert cluster.wait_job(job, "ending", "completed")["state"] == "ending"
    status, told = wait_for("/healthz says so", lambda: (lambda h: h if h[0] == 503 else None)(health(cluster)))
    assert told["status"] == "failing" and told["reason"] and told["unstored"] >= 1, told
    assert list((cluster.folder / "node0/jobs").glob("*.json")), "the node's outcome was acknowledged"
    status, _, body = cluster.request("POST", "/train", {"modelType": "resnet", "modelName": "n", "epochs": 1},
                                      {"Prefer": "respond-async"})
    assert status >= 500 and "error" in json.loads(body), "a job was acknowledged that is not stored"
    disk.empty()
    assert cluster.wait_job(job)["state"] == "completed"
    wait_for("/healthz is well", lambda: health(cluster)[0] == 200)
    assert_acknowledged(cluster)
    cluster.broker.kill()
    start_broker(cluster, disk)
    done = cluster.job(job)
    assert done["state"] == "completed" and len(done["results"]) == 3, done
    assert [j["id"] for j in cluster.get("/jobs")["jobs"]] == [job]
    assert_works(cluster)
    assert_nothing_is_left(cluster)


def test_a_job_that_ends_on_a_full_disk_ends_after_a_restart_of_the_broker(cluster, disk):
    make_dataset(cluster.folder / "images")
    start_broker(cluster, disk)
    cluster.start_node("node0")
    job = cluster.train(modelName="m", epochs=3)
    running_on(cluster, job)
    disk.fill()
    assert cluster.wait_job(job, "ending", "completed")["state"] == "ending"
    cluster.broker.kill()
    start_broker(cluster, disk, empty=True)
    done = cluster.wait_job(job)
    assert done["state"] == "completed" and len(done["results"]) == 3, done
    assert_acknowledged(cluster)
    assert_nothing_is_left(cluster)


def test_a_queued_job_that_is_cancelled_on_a_full_disk_is_not_cancelled_before_that_is_stored(cluster, disk):
    make_dataset(cluster.folder / "images")
    start_broker(cluster, disk)
    job = cluster.train(modelName="m")
    disk.fill()
    try:
        status = cluster.request("DELETE", f"/jobs/{job}", timeout=3)[0]
    except TimeoutError:
        status = None  # it waits until it is stored, or a client gives up
    assert status != 200
    assert cluster.job(job)["state"] in ("queued", "ending")
    cluster.start_node("node0")  # which could be given it
    assert cluster.job(job)["state"] in ("queued", "ending")
    disk.empty()
    assert cluster.wait_job(job)["state"] == "cancelled"
    cluster.broker.kill()
    start_broker(cluster, disk)
    assert cluster.job(job)["state"] == "cancelled"
    assert not (cluster.folder / "node0/models/m").exists()
    assert_works(cluster)
    assert_nothing_is_left(cluster)


def test_a_job_that_cannot_be_stored_as_started_waits_for_room_and_then_trains(cluster, disk):
    make_dataset(cluster.folder / "images")
    start_broker(cluster, disk)
    job = cluster.train(modelName="m")
    disk.fill()
    cluster.start_node("node0")
    wait_for("/healthz says so", lambda: health(cluster)[0] == 503)
    assert cluster.job(job)["state"] in ("queued", "starting")
    disk.empty()
    assert cluster.wait_job(job)["state"] == "completed"
    assert_nothing_is_left(cluster)


def test_a_broker_whose_files_may_not_grow_any_more_refuses_jobs_and_lives(cluster):
    cluster.start_broker(within=["sh", "-c", 'ulimit -f 100; exec "$@"', "sh"])
    wanted = {"modelType": "resnet", "epochs": 1, "batchSize": 4, "learningRate": 0.1}
    statuses = [cluster.request("POST", "/train", wanted, {"Prefer": "respond-async"})[0] for _ in range(100)]
    assert set(statuses) <= {202, 500} and 500 in statuses, statuses
    assert health(cluster)[0] == 503
    assert len(cluster.get("/jobs")["jobs"]) == statuses.count(202)


def test_an_upload_to_a_full_disk_is_refused_and_goes_through_when_there_is_room(cluster, disk):
    start_broker(cluster, disk)
    body = bytes(range(256)) * 4000
    path = f"/blobs/{hashlib.sha256(body).hexdigest()}"
    disk.fill()
    status, _, answer = cluster.request("PUT", f"{path}?offset=0&size={len(body)}", body)
    assert status in (500, 507) and "No space left on device" in json.loads(answer)["error"], answer
    disk.empty()
    offset = json.loads(cluster.request("GET", f"{path}?stat=1")[2])["size"]
    status, _, answer = cluster.request("PUT", f"{path}?offset={offset}&size={len(body)}", body[offset:])
    assert status == 201, answer
    assert cluster.request("GET", path)[2] == body
    assert_nothing_is_left(cluster)


def test_a_model_that_finds_no_room_fails_its_job_with_the_reason_and_leaves_the_old_one(cluster, disk):
    make_dataset(cluster.folder / "images")
    cluster.start_broker()
    models = cluster.folder / "disk/models"
    options = {"modelName": "m", "modelType": "mobilenet", "imageSize": 32}
    disk.renew()
    # Room for a model of 9 MB, which tmpfs of 8 MiB has not.
    node = cluster.start_node("node0", "--models-dir", models, within=disk.within)
    if isinstance(disk, RefusedDisk):
        assert cluster.wait_job(cluster.train(**options))["state"] == "completed"
    disk.fill()
    failed = cluster.wait_job(cluster.train(**{**options, "seed": 2}))
    assert failed["state"] == "failed" and "No space left on device" in failed["error"], failed
    assert node.alive()
    if isinstance(disk, RefusedDisk):
        cluster.client("infer", "--model", "m", "images/test/red/0.png")
        disk.empty()
        assert_works(cluster, "m")
    assert_nothing_is_left(cluster)


def test_an_outcome_that_a_node_cannot_keep_is_told_when_there_is_room(cluster):
    """The node's folder is full, the disk of its models is not."""
    make_dataset(cluster.folder / "images")
    cluster.start_broker()
    faults = CallFaults()
    cluster.start_node("node0", "--models-dir", cluster.folder / "models", within=faults.within)
    job = cluster.train(modelName="m", epochs=3)
    running_on(cluster, job)
    faults.fill(cluster.folder / "node0/jobs")
    wait_for("the model", (cluster.folder / "models/m/m.json").exists, 60)
    faults.wait_hit()
    faults.off()
    done = cluster.wait_job(job)
    assert done["state"] == "completed" and len(done["results"]) == 3, done
    assert_works(cluster)
    assert_acknowledged(cluster)
    assert_nothing_is_left(cluster)
