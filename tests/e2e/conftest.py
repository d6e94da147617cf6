"""Fixtures: an empty cluster, and one with images, a broker and nodes."""
import pytest

from harness import Cluster, make_dataset


@pytest.fixture
def cluster(tmp_path):
    """A Cluster on which nothing runs yet; all that a test starts is ended, and must end well."""
    made = Cluster(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def running(cluster):
    """A broker with a dataset of three colours and one node, node0."""
    make_dataset(cluster.folder / "images")
    cluster.start_broker()
    cluster.start_node("node0")
    return cluster


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The same, shared by a module's tests, with a model 'colours' trained. Tests must leave it as it was."""
    made = Cluster(tmp_path_factory.mktemp("trained"))
    make_dataset(made.folder / "images")
    try:
        made.start_broker()
        made.start_node("node0")
        job = made.wait_job(made.train(modelName="colours", epochs=10))
        assert job["state"] == "completed", job
        yield made
    finally:
        made.stop()
