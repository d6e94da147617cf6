"""Fixtures: an empty cluster, and one with images, a broker and nodes."""
import fcntl
import os
import pathlib
import shutil
import tempfile
import warnings

import pytest

import harness
from harness import Cluster, make_dataset, wait_for


@pytest.fixture
def cluster(tmp_path):
    """A Cluster on which nothing runs yet; all that a test starts is ended, and must end well."""
    made = Cluster(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def strangers(monkeypatch):
    """A Cluster whose broker, nodes and client are three users, none of them root, for whom every file is readable."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dcls-e2e-"))
    folder.chmod(0o777)
    made = Cluster(folder)
    if os.geteuid() == 0:
        monkeypatch.setattr(harness, "DCLS", shutil.copy(harness.DCLS, folder / "dcls"))
        made.users = {"broker": 65531, "node": 65532, "client": 65533}
    else:
        warnings.warn("only root can start processes of several users: this test has one user for all")
    yield made
    made.stop()
    shutil.rmtree(folder)


@pytest.fixture
def running(cluster):
    """A broker with a dataset of three colours and one node, node0."""
    make_dataset(cluster.folder / "images")
    cluster.start_broker()
    cluster.start_node("node0")
    return cluster


def train_colours(folder):
    made = Cluster(folder)
    make_dataset(made.folder / "images")
    try:
        made.start_broker()
        made.start_node("node0")
        job = made.wait_job(made.train(modelName="colours", epochs=10))
        assert job["state"] == "completed", job
    finally:
        made.stop()


@pytest.fixture(scope="session")
def trained_folder(tmp_path_factory):
    """What a cluster left in whose broker and node a model 'colours' was trained: by the first process that needs it,
    for all that run tests beside it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with open(shared / "trained.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "trained").exists():
            (shared / "training").mkdir()
            train_colours(shared / "training")
            (shared / "training").rename(shared / "trained")
    return shared / "trained"


@pytest.fixture(scope="module")
def trained(tmp_path_factory, trained_folder):
    """A broker and node0 with the model 'colours', shared by a module's tests, which must leave it as it was."""
    made = Cluster(shutil.copytree(trained_folder, tmp_path_factory.mktemp("trained") / "cluster"))
    try:
        made.start_broker()
        made.start_node("node0")
        wait_for("its model", lambda: made.get("/models")["models"][0]["nodes"])
        yield made
    finally:
        made.stop()
