"""Folders as people have them: what counts, what is left out and told, and what is held out to test on."""
import json
import os
import shutil

from harness import Process, make_dataset, wait_for

TRAIN = ["train", "resnet", "--epochs", 1, "--image-size", 32, "--batch-size", 8, "--weights", "none"]


def start(cluster):
    cluster.start_broker()
    cluster.start_node("node0")


def digest(cluster, model):
    return next(entry["sha256"] for entry in cluster.get("/models")["models"] if entry["name"] == model)


def fill_with_what_does_not_count(images):
    """One of each: two images that cannot be read of 41, five entries left out, the rest hidden or ignored."""
    (images / "train/red/scan.tif").write_bytes(b"II*\0 and so on")
    (images / "train/blue/gone.jpg").symlink_to("nowhere.jpg")
    (images / "train/empty").mkdir()
    (images / "train/lost+found").symlink_to("lost+found")
    (images / "train/green/again").symlink_to("..")
    shutil.copytree(images / "test/red", images / "test/yellow")
    shutil.copy(images / "train/red/0.png", os.fsencode(images / "train/red") + b"/caf\xe9\n.png")
    for hidden in (".ipynb_checkpoints/1.png", "red/._0.png", "@eaDir/1.png", "red/@eaDir/1.png", "__MACOSX/1.png"):
        (images / "train" / hidden).parent.mkdir(exist_ok=True)
        (images / "train" / hidden).write_bytes(b"no image")
    (images / "train/red/notes.txt").write_text("no image either")
    shutil.move(images / "train/red/1.png", images / "train/red/1.JPE")  # by its content a PNG


def test_what_is_left_out_is_told_in_the_log_the_report_and_by_the_client_once(cluster):
    images = make_dataset(cluster.folder / "images", train=9)
    start(cluster)
    cluster.client(*TRAIN, "--name", "plain")
    fill_with_what_does_not_count(images)
    done = cluster.client(*TRAIN, "--name", "full")
    unreadable, left_out = cluster.get("/jobs")["jobs"][0]["notices"]
    assert unreadable.startswith("2 of 41 images cannot be read and are left out: "), unreadable
    assert "'train/blue/gone.jpg' (No such file" in unreadable
    assert "'train/red/scan.tif' (TIFF images" in unreadable
    assert left_out == ("5 entries of the dataset's folder are left out: 'test/yellow' (no class that is trained on), "
                        "'train/empty' (holds no images), 'train/green/again' (a loop of links), 'train/lost+found' "
                        "(a loop of links), 'train/red/caf\\xe9\\x0a.png' (its name has a control character)")
    log = cluster.client("log", "full").stdout.splitlines()
    assert log[1:3] == [f"Notice: {unreadable}", f"Notice: {left_out}"]
    assert json.loads(cluster.client("report", "full", "--json").stdout)["notices"] == [unreadable, left_out]
    assert [line for line in done.stderr.splitlines() if "left out" in line] == \
        [f"dcls: {unreadable}", f"dcls: {left_out}"]
    assert done.stderr.count("prepares the training") <= 1  # how far it is, is told every 10 s where lines stay
    assert (cluster.folder / "node0/models/full/classes.txt").read_text() == "blue\ngreen\nred\n"
    # What is left is what was there before, in the same order, so that the same seed trains the same model.
    assert digest(cluster, "full") == digest(cluster, "plain")


def test_the_broker_s_dataset_is_the_same_where_it_is_and_where_it_is_fetched(cluster):
    images = make_dataset(cluster.folder / "images", train=9)
    fill_with_what_does_not_count(images)
    start(cluster)
    place = cluster.folder / "elsewhere"
    place.mkdir()
    cluster.nodes["fetcher"] = Process(place, "fetcher", "node", "--name", "fetcher", "--port", cluster.port,
                                       "--threads", 1)
    wait_for("the node", lambda: "fetcher" in cluster.node_names())
    for node in "node0", "fetcher":
        cluster.client(*TRAIN, "--name", f"of-{node}", "--node", node)
    assert digest(cluster, "of-node0") == digest(cluster, "of-fetcher")
    assert not (place / "fetcher/images/train/red/._0.png").exists()
    for notices in (job["notices"] for job in cluster.get("/jobs")["jobs"]):
        assert any("'train/red/scan.tif' (TIFF images" in notice for notice in notices), notices


def test_more_than_a_tenth_of_unreadable_images_fails_before_the_first_step(cluster):
    images = make_dataset(cluster.folder / "images")
    for i in range(4):
        (images / f"train/red/broken{i}.jpg").write_bytes(b"no image" * i)
    start(cluster)
    cluster.client(*TRAIN)  # 4 of 40 are a tenth
    (images / "test/red/broken.webp").write_bytes(b"")
    done = cluster.client(*TRAIN, check=False)
    assert done.returncode == 1 and "Epoch" not in done.stdout
    said = done.stderr.splitlines()[-1]
    for word in ("5 of 41", "more than a tenth", "'train/red/broken0.jpg' (the image is empty)"):
        assert word in said, (word, said)


def test_images_to_test_on_are_held_out_of_folders_that_have_none(cluster):
    images = make_dataset(cluster.folder / "images", train=10)
    shutil.rmtree(images / "test")
    start(cluster)
    done = cluster.client(*TRAIN, check=False)
    assert done.returncode == 1 and "'--validation-split 0.2'" in done.stderr.splitlines()[-1], done.stderr
    cluster.client(*TRAIN, "--name", "folders", "--validation-split", 0.2)
    report = json.loads(cluster.client("report", "folders", "--json").stdout)
    assert [entry["images"] for entry in report["per_class"]] == [2, 2, 2]
    assert report["configuration"]["validation_split"] == 0.2

    # Class folders alone, and files of other names: the same images are held out. Of one copy more none is.
    for name in ("red", "green", "blue"):
        (images / "train" / name).rename(images / name)
    (images / "train").rmdir()
    for path in list(images.rglob("*.png")):
        path.rename(path.with_name(f"x{path.name}"))
    assert cluster.client(*TRAIN, check=False).returncode == 1
    cluster.client(*TRAIN, "--name", "alone", "--validation-split", 0.2)
    assert digest(cluster, "alone") == digest(cluster, "folders")
    node = cluster.start_node("later")
    assert cluster.get("/nodes")["nodes"][-1]["dataset"] == {"images": 30, "classes": 3}, node.text()

    # Where there are images to test on, they are.
    make_dataset(cluster.folder / "images", train=4, test=3)
    done = cluster.client(*TRAIN, "--name", "tested", "--node", "node0", "--validation-split", 0.2)
    report = json.loads(cluster.client("report", "tested", "--json").stdout)
    assert [entry["images"] for entry in report["per_class"]] == [3, 3, 3]
    assert "validation-split" in report["notices"][0] and report["notices"][0] in done.stderr


def test_val_comes_before_test(cluster):
    images = make_dataset(cluster.folder / "images", test=2)
    shutil.copytree(images / "train", images / "valid")
    start(cluster)
    cluster.client(*TRAIN, "--name", "m")
    report = json.loads(cluster.client("report", "m", "--json").stdout)
    assert [entry["images"] for entry in report["per_class"]] == [8, 8, 8] and report["notices"] == []
