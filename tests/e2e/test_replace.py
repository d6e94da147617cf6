"""A model that is trained again is replaced, on file systems that cannot exchange two folders, on an overlayfs with the
old one in its lower layer, and where processes die before any step of it: then the old one or the new one is there."""
import errno
import hashlib
import os
import pathlib
import shutil
import subprocess
import threading

import pytest

from harness import make_dataset, wait_for

BUILD = pathlib.Path(os.environ.get("DCLS_BUILD") or pathlib.Path(__file__).parents[2] / "build")
SHIM = BUILD / "tests/shim/faults.so"
PHOTO = "./images/test/red/0.png"


def with_faults(**faults):
    """The environment of a node whose file system is like that; a sanitizer would otherwise insist on being first."""
    assert SHIM.exists(), f"'{SHIM}' is missing: make build-tests"
    return {"LD_PRELOAD": str(SHIM), "DCLS_FAULTS": " ".join(f"{name}={value}" for name, value in faults.items()),
            "ASAN_OPTIONS": "verify_asan_link_order=0"}


def train(cluster, seed):
    return cluster.wait_job(cluster.train(modelName="m", modelType="mobilenet", seed=seed))


def digests(models, name="m"):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (models / name).iterdir()}


def assert_served(cluster, name):
    assert cluster.client("infer", "--model", name, PHOTO).stdout.split()[1] in ("blue", "green", "red")


def assert_whole_and_served(cluster, models):
    """Five files, nothing beside, and an answer by them."""
    assert set(digests(models)) == {"m.pth", "m.json", "m.txt", "classes.txt", "m_answers.json"}
    assert sorted(path.name for path in models.iterdir()) == ["m"]
    assert_served(cluster, "m")


@pytest.fixture
def broker(cluster):
    make_dataset(cluster.folder / "images")
    return cluster.start_broker()


@pytest.mark.parametrize("faults", [
    {"exchange": errno.EINVAL, "sync_dir": errno.EINVAL, "lock": errno.ENOLCK},
    {"exchange": errno.ENOSYS, "sync_dir": errno.ENOTSUP, "sync_all": errno.ENOSYS, "lock": errno.EOPNOTSUPP},
    {"exchange": errno.EPERM, "sync_dir": errno.EBADF, "sync_file": errno.EINVAL, "lock": errno.EINVAL},
], ids=["NFS", "FUSE", "a filter"])
def test_a_node_works_whatever_its_file_system_cannot_do(broker, faults):
    node = broker.start_node("node0", environment=with_faults(**faults))
    assert f"cannot be locked ({os.strerror(faults['lock'])})" in node.text()
    models, seen = broker.folder / "node0/models", set()
    for seed in (1, 2):
        job = train(broker, seed)
        assert job["state"] == "completed" and "power cut" not in str(job["notices"]), job
        assert_whole_and_served(broker, models)
        seen.add(digests(models)["m.pth"])
    assert len(seen) == 2
    broker.client("rm", "m")
    wait_for("nothing of it", lambda: list(models.iterdir()) == [])


@pytest.mark.parametrize("exchange", [0, errno.EINVAL], ids=["exchange", "steps"])
def test_a_training_is_completed_and_in_doubt_where_only_the_last_flush_fails(broker, exchange):
    models = broker.folder / "node0/models"
    broker.start_node("node0")
    assert train(broker, 1)["state"] == "completed"
    old = digests(models)
    broker.nodes["node0"].stop()
    broker.start_node("node0", environment=with_faults(exchange=exchange, sync_dir=errno.EIO, sync_only=models))
    job = train(broker, 2)
    assert job["state"] == "completed"
    assert "/models/m' is in place, but a power cut may undo that" in str(job["notices"])
    assert digests(models)["m.pth"] != old["m.pth"]
    aside = [path.name for path in models.iterdir() if path.name != "m"]
    assert len(aside) == 1 and aside[0].startswith(".m.dcls-")  # the old one, for after that power cut
    assert_served(broker, "m")
    broker.nodes["node0"].stop()
    broker.start_node("node0")
    assert_whole_and_served(broker, models)


def test_a_folder_that_a_node_holds_is_refused_to_another(broker):
    broker.start_node("node0")
    second = broker.start_node("node0", wait=False)
    wait_for("the second ends", lambda: not second.alive())
    assert second.process.returncode == 1
    assert "another node uses the folder './node0'" in second.text()


# The steps are counted from the attempt at an exchange; tests/unit/base/test_fs_replace.c has every one of them.
@pytest.mark.parametrize("faults, steps", [
    ({}, (1, 2, 3, 6)),
    ({"exchange": errno.EINVAL}, (2, 3, 4, 7, 10)),
    ({"lower": "node0/models/m"}, (4, 8, 10, 13, 20, 21, 22)),
], ids=["exchange", "steps", "copy"])
def test_after_a_crash_before_any_step_the_old_or_the_new_model_is_there(broker, faults, steps):
    models, outcomes = broker.folder / "node0/models", set()
    broker.start_node("node0")
    assert train(broker, 1)["state"] == "completed"
    for step in steps:
        broker.nodes["node0"].stop()
        old = digests(models)
        node = broker.start_node("node0", environment=with_faults(**faults, crash=step, from_exchange=1, with_parent=1))
        job = broker.train(modelName="m", modelType="mobilenet", seed=100 + step)
        wait_for(f"the node dies before step {step}", lambda: not node.alive())
        broker.start_node("node0")
        assert broker.wait_job(job)["state"] == "failed"
        assert_whole_and_served(broker, models)
        new = digests(models)
        changed = {name for name in old if old[name] != new[name]}
        assert changed in (set(), {"m.pth", "m.json", "m.txt", "m_answers.json"}), (step, changed)
        outcomes.add(bool(changed))
    assert outcomes == {True, False}


def test_a_worker_that_dies_between_two_steps_takes_no_model_along(broker):
    """The node lives on, and puts back what it set aside."""
    models = broker.folder / "node0/models"
    broker.start_node("node0", environment=with_faults(exchange=errno.EINVAL, crash=3, from_exchange=1))
    # A first model has nothing to set aside: its worker dies when it is in place.
    assert train(broker, 1)["state"] == "failed"
    broker.nodes["node0"].stop()
    broker.start_node("node0")
    assert train(broker, 2)["state"] == "completed"
    broker.nodes["node0"].stop()
    old = digests(models)
    broker.start_node("node0", environment=with_faults(exchange=errno.EINVAL, crash=3, from_exchange=1))
    assert train(broker, 3)["state"] == "failed"
    assert digests(models) == old
    assert_whole_and_served(broker, models)


def test_who_asks_a_model_that_is_set_aside_for_a_moment_is_answered_when_it_is_there(broker):
    models = broker.folder / "node0/models"
    broker.start_node("node0")
    assert train(broker, 1)["state"] == "completed"
    assert_served(broker, "m")
    (models / "m").rename(models / ".m.dcls-old")
    back = threading.Timer(1, (models / ".m.dcls-old").rename, [models / "m"])
    back.start()
    assert_served(broker, "m")
    back.join()


@pytest.fixture
def enter(cluster):
    """The start of a command that runs in a mount namespace, and the path of that one's root. Skips, and says why,
    where nobody lets us mount."""
    reasons = []
    for options in (["-m"], ["-U", "-r", "-m"]):
        holder = subprocess.Popen(["unshare", *options, "sh", "-c", "echo; exec sleep 1000"], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
        if holder.stdout.readline():
            user = ["-U", "--preserve-credentials"] if "-U" in options else []
            command = ["nsenter", "-t", str(holder.pid), *user, "-m", f"--wd={cluster.folder}", "--"]
            yield command, pathlib.Path(f"/proc/{holder.pid}/root")
            cluster.stop()
            holder.kill()
            holder.communicate()
            return
        reasons.append(holder.communicate()[1].strip())
    pytest.skip("NOT TESTED: an overlayfs, as this machine lets nobody mount: " + "; ".join(reasons))


def mount_overlay(command, folder, lower):
    """An overlayfs at folder/merged. Its upper layer is a tmpfs, as an overlayfs of a container's cannot be one."""
    for name in ("layers", "merged"):
        (folder / name).mkdir()
    layers = folder / "layers"
    done = subprocess.run([*command, "sh", "-c",
                           f"mount -t tmpfs none '{layers}' && mkdir '{layers}/upper' '{layers}/work' && "
                           f"mount -t overlay overlay -o 'redirect_dir=off,lowerdir={lower},upperdir={layers}/upper,"
                           f"workdir={layers}/work' '{folder}/merged'"], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"NOT TESTED: an overlayfs, which cannot be mounted here: {done.stderr.strip()}")


def test_a_model_of_an_overlays_lower_layer_is_replaced_and_removed(broker, enter):
    command, root = enter
    lower, models = broker.folder / "node0/models", root / str(broker.folder / "merged")[1:]
    broker.start_node("node0")
    assert train(broker, 1)["state"] == "completed"
    broker.nodes["node0"].stop()
    for name in ("m8", "m13", "m17", "last"):
        shutil.copytree(lower / "m", lower / name)
        for path in (lower / name).glob("m.*"):
            path.rename(path.with_stem(name))
    mount_overlay(command, broker.folder, lower)
    with pytest.raises(OSError) as refusal:
        os.rename(models / "m", models / "elsewhere")
    assert refusal.value.errno == errno.EXDEV  # which is what this is about

    def start(**options):
        return broker.start_node("node0", "--models-dir", broker.folder / "merged", within=command, **options)

    for step in (8, 13, 17):
        name = f"m{step}"
        node = start(environment=with_faults(crash=step, from_exchange=1, with_parent=1))
        job = broker.train(modelName=name, modelType="mobilenet", seed=step)
        wait_for(f"the node dies before step {step}", lambda: not node.alive())
        start()
        assert broker.wait_job(job)["state"] == "failed"
        assert digests(models, name) == digests(lower, name)
        assert_served(broker, name)
        broker.nodes["node0"].stop()
    start()
    assert train(broker, 2)["state"] == "completed"
    assert digests(models)["m.pth"] != digests(lower)["m.pth"]
    assert_served(broker, "m")
    broker.client("rm", "last")
    wait_for("nothing of it", lambda: sorted(path.name for path in models.iterdir()) == ["m", "m13", "m17", "m8"])
