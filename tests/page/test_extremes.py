"""Names as long as they may be, more classes than a screen is wide, and two models of one name: each view is legible,
fits the window, wide and on a phone, and is reached by keys."""
import threading

import pytest
from accessibility import assert_legible, assert_reached_and_named
from browser import PHONE, WIDE
from harness import Cluster
from raw_node import RawNode

import told

NODE, MODEL, RUNNING = (f"{word}-" + "x" * (63 - len(word)) for word in ("node", "model", "running"))
CLASSES = [f"class-{i:02}-" + "y" * 40 for i in range(24)]
VIEWS = {
    "cluster": ("#/", NODE),
    "node": (f"#/nodes/{NODE}", MODEL),
    "train": ("#/train", RUNNING),
    "train-chosen": (f"#/train?node={NODE}&name={MODEL}", "this training replaces it"),
    "job-running": ("#/jobs/4", "epoch 3 of 9"),
    "job-report": ("#/jobs/1", "Class by class"),
    "jobs": ("#/jobs", "completed"),
    "compare": ("#/compare/1,2", MODEL),
    "classify": ("#/classify", "Drop photos"),
    "models": ("#/models", MODEL),
    "model": (f"#/models/{MODEL}", "Found of each class"),
    "model-twice": ("#/models/twice", "There are different models of this name"),
    "job-twice": ("#/jobs/3", "There are different models of this name"),
}
SIZES = {"wide": WIDE, "phone": PHONE}


def tell_on(node, order, ended):
    """A training of which nothing is heard would be given up."""
    while True:
        node.progress(order, epoch=3, batch=4, imagesPerSecond=412.5, loss=0.24, accuracy=82.5)
        if ended.wait(2):
            return


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    made, ended = Cluster(tmp_path_factory.mktemp("extremes")), threading.Event()
    try:
        made.start_broker()
        node, other = RawNode(made.port, NODE), RawNode(made.port, "node1")
        told.train(made, node, MODEL, [31, 74, 61], CLASSES)
        told.train(made, node, "twice", [50])
        told.train(made, other, "twice", [60])
        made.train(modelName=RUNNING, node=NODE, epochs=9)
        order = node.expect_but("SERVER JOB ACK", "SERVER TRAIN")
        threading.Thread(target=tell_on, args=(node, order, ended), daemon=True).start()
        yield made
    finally:
        ended.set()
        made.stop()


@pytest.fixture
def browser(chromium, shown):
    chromium.begin()
    chromium.allow("/dataset - ", "/answers")  # these nodes have none
    chromium.cluster, chromium.base = shown, shown.api
    yield chromium
    chromium.end()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_of_long_names_and_many_classes_fits_and_is_reached_by_keys(browser, view, size):
    address, text = VIEWS[view]
    browser.size(*SIZES[size])
    browser.media("light", "reduce")
    browser.open(address)
    browser.wait_text(text)
    browser.settle(seconds=60)
    browser.picture(f"extreme-{view}-{size}", whole=True)
    browser.assert_fits(view)
    assert_legible(browser, f"{view}, {size}")
    assert_reached_and_named(browser, f"{view}, {size}")
