"""What the broker serves of its image folder, and what a node that fetches it is told."""
import os
import pathlib
import shutil
import tempfile

import pytest
from PIL import Image

import harness
from harness import Cluster, make_dataset


@pytest.fixture
def cluster(monkeypatch):
    """A cluster whose broker is somebody for whom not every file is readable, which root is not."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dcls-e2e-"))
    folder.chmod(0o777)
    made = Cluster(folder)
    if os.geteuid() == 0:
        monkeypatch.setattr(harness, "DCLS", shutil.copy(harness.DCLS, folder / "dcls"))
        made.broker_user = 65534
    yield made
    made.stop()
    shutil.rmtree(folder)


def below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def start_fetcher(cluster):
    """A node that has no dataset, in a folder of its own; and where it will have the broker's."""
    place = cluster.folder / "elsewhere"
    place.mkdir()
    node = harness.Process(place, "fetcher", "node", "--name", "fetcher", "--port", cluster.port, "--threads", 1)
    cluster.nodes["fetcher"] = node
    return node, place / "fetcher" / "images"


def train(cluster):
    return cluster.wait_job(cluster.train(), seconds=120)


def test_what_is_left_out_is_told_by_the_broker_the_node_and_the_client(cluster):
    images = make_dataset(cluster.folder / "images")
    served = below(images)
    outside = make_dataset(cluster.folder / "outside", train=2)
    (images / "train" / "red" / "linked").symlink_to(outside / "train" / "red")
    (images / "lost+found").mkdir()
    unreadable = shutil.copy(images / "train/blue/0.png", images / "train/blue/secret.png")
    with open(os.fsencode(images / "train/red") + b"/caf\xe9.png", "wb") as file:
        file.write(b"x")
    shutil.copy(images / "train/red/0.png", images / "train/red/a\\b.png")
    shutil.copy(images / "train/red/0.png", images / "train/red/a\nb.png")
    (images / "train/red/within.png").symlink_to("0.png")
    for hidden in (".ipynb_checkpoints/1.png", "train/red/._0.png", "train/@eaDir/1.png", "__MACOSX/train/1.png"):
        (images / hidden).parent.mkdir(exist_ok=True, parents=True)
        (images / hidden).write_bytes(b"no image")
    unreadable.chmod(0)
    (images / "lost+found").chmod(0)
    cluster.start_broker()
    node, fetched = start_fetcher(cluster)
    job = train(cluster)
    assert job["state"] == "completed", job
    assert below(fetched) == sorted([*served, "train/red/within.png"])
    notice, = [line for line in job["notices"] if "the broker's images" in line]
    assert notice.startswith("6 entries of the broker's images are left out: ")
    for said in ("'train/red/linked' (a link out of the folder)", "'lost+found' (Permission denied)",
                 "'train/blue/secret.png' (Permission denied)", "'train/red/caf\\xe9.png' (its name is not UTF-8)",
                 "'train/red/a\\b.png' (its name has a backslash)", "'train/red/a\\x0ab.png' (its name has a control",
                 "--follow-links"):
        assert said in notice, (said, notice)
    assert cluster.broker.text().count("are left out") == 1
    assert notice in cluster.broker.text() and notice in node.text()
    left_out = cluster.get("/dataset")["leftOut"]
    assert left_out["count"] == len(left_out["first"]) == 6 and left_out["notice"] == notice
    assert notice in cluster.client("report", job["modelName"]).stdout

    # Nothing of it is listed or shown either.
    listed = cluster.client("images").stdout.split("\n")
    assert len([line for line in listed if line]) == len(served) + 1
    status, _, _ = cluster.request("GET", "/image?imagePath=images/train/red/linked/0.png")
    assert status == 404

    # The same again is told again: the dataset is still not the broker's.
    assert notice in train(cluster)["notices"]

    # With the option the links are served, and nothing is said of them.
    cluster.broker.stop()
    cluster.start_broker("--follow-links")
    harness.wait_for("the node", lambda: "fetcher" in cluster.node_names(), 30)
    job = train(cluster)
    assert job["state"] == "completed", job
    notice, = [line for line in job["notices"] if "the broker's images" in line]
    assert notice.startswith("5 entries") and "link" not in notice
    assert "train/red/linked/0.png" in below(fetched)
    status, headers, body = cluster.request("GET", "/image?imagePath=images/train/red/linked/0.png")
    assert (status, headers["Content-Type"]) == (200, "image/png")
    assert body == (outside / "train/red/0.png").read_bytes()
    (images / "lost+found").chmod(0o755)


def test_a_folder_of_which_all_is_left_out_is_no_dataset(cluster):
    outside = make_dataset(cluster.folder / "outside")
    (cluster.folder / "images").mkdir()
    (cluster.folder / "images" / "train").symlink_to(outside / "train")
    cluster.start_broker()
    start_fetcher(cluster)
    job = train(cluster)
    assert job["state"] == "failed"
    assert "'train' (a link out of the folder)" in job["error"] and "--follow-links" in job["error"], job["error"]


def test_every_format_that_a_dataset_may_have_is_listed_and_shown(cluster):
    formats = {"jpg": "jpeg", "JPEG": "jpeg", "jpe": "jpeg", "jfif": "jpeg", "png": "png", "bmp": "bmp", "gif": "gif"}
    images = cluster.folder / "images"
    images.mkdir()
    for ending, kind in formats.items():
        Image.new("RGB", (4, 4)).save(images / f"x.{ending}", format=kind)
    (images / "notes.txt").write_text("no image")
    cluster.start_broker()
    assert cluster.client("images").stdout.split() == sorted(f"./images/x.{ending}" for ending in formats)
    for ending, kind in formats.items():
        status, headers, body = cluster.request("GET", f"/image?imagePath=./images/x.{ending}")
        assert (status, headers["Content-Type"]) == (200, f"image/{kind}"), ending
        assert body == (images / f"x.{ending}").read_bytes()
