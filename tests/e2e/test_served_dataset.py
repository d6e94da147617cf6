"""What the broker serves of its image folder, and what a node that fetches it is told."""
import os
import shutil

import harness
from harness import make_dataset


def below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def start_fetcher(cluster):
    """A node that has no dataset, in a folder of its own; and where it will have the broker's."""
    place = cluster.folder / "elsewhere"
    place.mkdir()
    place.chmod(0o777)
    return cluster.start_node("fetcher", folder=place), place / "fetcher" / "images"


def train(cluster):
    return cluster.wait_job(cluster.train(), seconds=120)


def test_what_is_left_out_is_told_by_the_broker_the_node_and_the_client(strangers):
    images = make_dataset(strangers.folder / "images")
    served = below(images)
    outside = make_dataset(strangers.folder / "outside", train=2)
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
    strangers.start_broker()
    node, fetched = start_fetcher(strangers)
    job = train(strangers)
    assert job["state"] == "completed", job
    assert below(fetched) == sorted([*served, "train/red/within.png"])
    notice, = [line for line in job["notices"] if "the broker's images" in line]
    assert notice.startswith("6 entries of the broker's images are left out: ")
    for said in ("'train/red/linked' (a link out of the folder)", "'lost+found' (Permission denied)",
                 "'train/blue/secret.png' (Permission denied)", "'train/red/caf\\xe9.png' (its name is not UTF-8)",
                 "'train/red/a\\b.png' (its name has a backslash)", "'train/red/a\\x0ab.png' (its name has a control",
                 "--follow-links"):
        assert said in notice, (said, notice)
    assert strangers.broker.text().count("are left out") == 1
    assert notice in strangers.broker.text() and notice in node.text()
    left_out = strangers.get("/dataset")["leftOut"]
    assert left_out["count"] == len(left_out["first"]) == 6 and left_out["notice"] == notice
    assert notice in strangers.client("report", job["modelName"]).stdout

    # Nothing of it is listed or shown either.
    listed = strangers.client("images").stdout.split("\n")
    assert len([line for line in listed if line]) == len(served) + 1
    status, _, _ = strangers.request("GET", "/image?imagePath=images/train/red/linked/0.png")
    assert status == 404

    # The same again is told again: the dataset is still not the broker's.
    assert notice in train(strangers)["notices"]

    # With the option the links are served, and nothing is said of them.
    strangers.broker.stop()
    strangers.start_broker("--follow-links")
    harness.wait_for("the node", lambda: "fetcher" in strangers.node_names(), 30)
    job = train(strangers)
    assert job["state"] == "completed", job
    notice, = [line for line in job["notices"] if "the broker's images" in line]
    assert notice.startswith("5 entries") and "link" not in notice
    assert "train/red/linked/0.png" in below(fetched)
    status, headers, body = strangers.request("GET", "/image?imagePath=images/train/red/linked/0.png")
    assert (status, headers["Content-Type"]) == (200, "image/png")
    assert body == (outside / "train/red/0.png").read_bytes()
    (images / "lost+found").chmod(0o755)


def test_a_folder_of_which_all_is_left_out_is_no_dataset(strangers):
    outside = make_dataset(strangers.folder / "outside")
    (strangers.folder / "images").mkdir()
    (strangers.folder / "images" / "train").symlink_to(outside / "train")
    strangers.start_broker()
    start_fetcher(strangers)
    job = train(strangers)
    assert job["state"] == "failed"
    assert "'train' (a link out of the folder)" in job["error"] and "--follow-links" in job["error"], job["error"]


def test_every_format_that_a_dataset_may_have_is_listed_and_shown(strangers):
    """Whatever is in such a file: to list and to show it nobody decodes it."""
    types = {"jpg": "jpeg", "JPEG": "jpeg", "jpe": "jpeg", "Jfif": "jpeg", "png": "png", "WEBP": "webp", "heic": "heic",
             "HEIF": "heif", "HIF": "heif", "avif": "avif", "gif": "gif", "BMP": "bmp", "ppm": "x-portable-pixmap",
             "pgm": "x-portable-graymap", "pbm": "x-portable-bitmap", "pnm": "x-portable-anymap"}
    images = strangers.folder / "images"
    images.mkdir()
    for ending in [*types, "txt", "tiff", "mp4", "jpg.part", ""]:
        (images / f"x.{ending}").write_text(f"of {ending}")
    strangers.start_broker()
    assert strangers.client("images").stdout.split() == sorted(f"./images/x.{ending}" for ending in types)
    assert strangers.get("/images") == {"images": sorted(f"./images/x.{ending}" for ending in types)}
    for ending, kind in types.items():
        status, headers, body = strangers.request("GET", f"/image?imagePath=./images/x.{ending}")
        assert (status, headers["Content-Type"], body.decode()) == (200, f"image/{kind}", f"of {ending}"), ending


def digest(cluster, model):
    return next(entry["sha256"] for entry in cluster.get("/models")["models"] if entry["name"] == model)


def test_a_dataset_is_the_same_where_it_lies_and_where_it_was_fetched(strangers):
    images = make_dataset(strangers.folder / "images", train=10, test=3)
    strangers.start_broker()
    strangers.start_node("local", "--data-dir", images)
    _, fetched = start_fetcher(strangers)
    hidden = images / "train/red/.ipynb_checkpoints"
    hidden.mkdir()
    (hidden / "0.png").write_bytes(b"no image")
    (images / "train/red/empty").mkdir()
    (images / "train/none").mkdir()
    (images / "train/blue/again.PNG").symlink_to("0.png")
    (images / "train/blue/back").symlink_to("..")

    def train_both(name, classes, tested, **options):
        """Both train the same model of it; the fetcher is told at least what the other is told."""
        jobs = [strangers.wait_job(strangers.train(modelName=f"{name}-{node}", nodes=[node], weights="none", **options))
                for node in ("local", "fetcher")]
        assert [job["state"] for job in jobs] == ["completed"] * 2, jobs
        report = strangers.get(f"/get_json?node=fetcher&json={name}-fetcher")
        assert [entry["class"] for entry in report["per_class"]] == classes
        assert sum(entry["images"] for entry in report["per_class"]) == tested
        assert digest(strangers, f"{name}-local") == digest(strangers, f"{name}-fetcher")

    train_both("plain", ["blue", "green", "red"], 9)
    # val comes before valid, validation and test, which may be anything then.
    shutil.copytree(images / "train/red", images / "test/yellow")
    shutil.copytree(images / "train", images / "val", symlinks=True)
    train_both("val", ["blue", "green", "red"], 31)
    assert (fetched / "val/red/0.png").exists()
    # Without train each folder is a class.
    for name in ("red", "green"):
        (images / "train" / name).rename(images / name)
    for split in ("train", "val", "test"):
        shutil.rmtree(images / split)
    train_both("alone", ["green", "red"], 4, validationSplit=0.2)
    assert sorted(path.name for path in fetched.iterdir()) == ["green", "red"]
