"""What people's machines are like: several users, a tight umask, folders that may only be read, no home."""
import os

from harness import make_dataset

TRAIN = ["train", "resnet", "--name", "m", "--epochs", 8, "--image-size", 32, "--batch-size", 8]


def read_only(folder):
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)


def writable(folder):
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            path.chmod(0o755)


def use_everything(cluster):
    """Trains, classifies, and takes a model home."""
    cluster.client(*TRAIN, "--weights", "none")
    own = cluster.folder / "own"
    own.mkdir()
    own.chmod(0o777)
    (own / "photo.png").write_bytes((cluster.folder / "images/test/red/0.png").read_bytes())
    assert cluster.client("infer", own / "photo.png").stdout.split()[1] == "red"
    assert cluster.client("infer", "./images/test/blue/0.png").stdout.split()[1] == "blue"
    cluster.client("export", "m", "--output", own / "m.onnx")
    assert (own / "m.onnx").stat().st_size > 1e7
    assert "m" in cluster.client("models").stdout


def test_broker_node_and_client_are_different_users_who_let_nobody_read(strangers):
    make_dataset(strangers.folder / "images")
    strangers.umask = 0o077
    strangers.start_broker()
    strangers.start_node("node0")
    use_everything(strangers)
    for folder in ("state", "node0"):
        for path in (strangers.folder / folder).rglob("*"):
            if not path.is_socket():
                assert path.stat().st_mode & 0o077 == 0, path
    # Started anew they find what they left.
    strangers.nodes["node0"].stop()
    strangers.broker.stop()
    strangers.start_broker()
    strangers.start_node("node0")
    assert strangers.client("infer", "./images/test/green/0.png").stdout.split()[1] == "green"


def test_a_dataset_is_fetched_by_another_user_who_lets_nobody_read(strangers):
    make_dataset(strangers.folder / "images")
    strangers.umask = 0o077
    strangers.start_broker()
    place = strangers.folder / "elsewhere"
    place.mkdir()
    place.chmod(0o777)
    strangers.start_node("node0", folder=place)
    job = strangers.wait_job(strangers.train())
    assert job["state"] == "completed", job
    assert len(list((place / "node0/images").rglob("*.png"))) == 36


def test_a_dataset_that_may_only_be_read_is_trained_on_and_served(strangers):
    images = make_dataset(strangers.folder / "images")
    before = sorted(images.rglob("*"))
    read_only(images)
    try:
        strangers.start_broker()
        strangers.start_node("node0", "--data-dir", images)
        use_everything(strangers)
        assert strangers.get("/dataset")["files"] and len(strangers.get("/images")["images"]) == 36
        assert sorted(images.rglob("*")) == before
    finally:
        writable(images)


def test_without_a_home_weights_lie_below_the_nodes_folder(strangers):
    make_dataset(strangers.folder / "images")
    strangers.start_broker()
    for number, home in enumerate((None, "/", "/nonexistent")):
        name = f"node{number}"
        strangers.start_node(name, environment={"XDG_CACHE_HOME": None, "HOME": home})
        job = strangers.wait_job(strangers.train(nodes=[name]))
        assert job["state"] == "completed" and "connection refused" in job["notices"][0], job
        # Nothing can be fetched here: its lock tells where it would lie.
        assert list((strangers.folder / name / "cache/weights").glob("*.pth.lock"))
        assert not os.path.exists("/nonexistent")
