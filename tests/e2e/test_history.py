"""What the broker keeps of trainings: how it is listed, how long it is kept, and what it says when it cannot be."""
import json
import subprocess

import pytest
from harness import Cluster, wait_for


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of a mebibyte. Skips, and says why, where it cannot be mounted."""
    folder = tmp_path / "state"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"NOT TESTED: a full disk, which cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(path):
    with open(path, "wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass  # it is full


def health(cluster):
    status, _, body = cluster.request("GET", "/healthz")
    return status, json.loads(body)


def submit(cluster, name):
    status, _, body = cluster.request("POST", "/train", {"modelType": "resnet", "modelName": name, "epochs": 1},
                                      {"Prefer": "respond-async"})
    return status, json.loads(body)


def test_a_full_disk_is_told_by_healthz_until_it_has_room_again(tmp_path, small_disk):
    broker = Cluster(tmp_path).start_broker()
    try:
        status, told = health(broker)
        assert (status, told["status"], told["unstored"]) == (200, "ok", 0)
        assert told["lanes"]["store"] == 0
        fill(small_disk / "filler")
        status, refused = submit(broker, "m" * 60)
        assert status == 500 and refused["error"]
        status, told = health(broker)
        assert (status, told["status"]) == (503, "failing") and "full" in told["reason"] and told["since"] > 0
        assert broker.get("/jobs")["jobs"] == []
        (small_disk / "filler").unlink()
        assert submit(broker, "m")[0] == 202
        wait_for("health", lambda: health(broker)[0] == 200)
    finally:
        broker.stop()
