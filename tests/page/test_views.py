"""Each view of a cluster that has been at work, in light and dark, wide and on a phone: every text stands out from what
is behind it, nothing moves when data comes, nothing is wider than the window, and every control is reached by Tab and
has a name. Pictures of all that are left in build/page."""
import re
import threading

import pytest
from accessibility import assert_legible, assert_reached_and_named
from browser import PHONE, WAIT, WIDE
from fashion import make_idx, make_pictures
from harness import Cluster, wait_for
from raw_node import RawNode

# Address, and what is shown there once all has come.
VIEWS = {
    "cluster": ("#/", "node2"),
    "node": ("#/nodes/node0", "sneaker"),
    "train": ("#/train", "400 photos in 10 classes"),
    "job-running": ("#/jobs/2", "epoch 10 of 40"),
    "job-report": ("#/jobs/1", re.compile(r"mistakes? on the test images")),
    "jobs": ("#/jobs", "completed"),
    "compare": ("#/compare/1,2", "long"),
    "classify": ("#/classify?model=fashion", "fashion"),
    "models": ("#/models", "fashion"),
    "model": ("#/models/fashion", "Found of each class"),
    "nothing": ("#/jobs/999", "There is no job 999."),
}
SIZES = {"wide": WIDE, "phone": PHONE}
TALLEST = 4000


def tell_on(node, order, ended):
    """A training of which nothing is heard would be given up."""
    while True:
        node.progress(order, epoch=10, batch=4, batches=9, imagesPerSecond=412.5, loss=0.24, accuracy=82.5)
        if ended.wait(2):
            return


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """Two nodes with a few of Fashion-MNIST's pictures, a model, and a node on which a training runs, which only says
    so: the browser has the processor for itself."""
    made, ended = Cluster(tmp_path_factory.mktemp("shown")), threading.Event()
    try:
        made.photos = make_pictures(made.folder / "images" / "test", 60)
        fashion = make_idx(made.folder / "fashion", train=300, test=100)
        made.start_broker()
        for name in ("node0", "node1"):
            made.start_node(name, "--data-dir", fashion)
        made.train(modelName="fashion", node="node0", epochs=4, batchSize=20, weights="none")
        assert made.wait_job(1, seconds=300)["state"] == "completed"
        node = RawNode(made.port, "node2")
        made.train(modelName="long", node="node2", epochs=40)
        order = node.expect("SERVER TRAIN")
        for epoch, accuracy in enumerate((31, 44, 52, 61, 60, 66, 71, 69, 74), 1):
            result = {"epoch": epoch, "train_loss": 2.1 / epoch, "train_accuracy": accuracy + epoch,
                      "test_loss": 2.5 / (1 + epoch / 2), "test_accuracy": accuracy}
            node.progress(order, epoch=epoch, batch=9, result=result)
        threading.Thread(target=tell_on, args=(node, order, ended), daemon=True).start()
        wait_for("the tenth epoch", lambda: made.job(2)["epoch"] == 10 and len(made.job(2)["results"]) == 9, WAIT)
        yield made
    finally:
        ended.set()
        made.stop()


@pytest.fixture
def browser(chromium, shown):
    chromium.begin()
    chromium.allow("/nodes/node2/dataset - ")  # it has none
    chromium.cluster, chromium.base = shown, shown.api
    yield chromium
    chromium.end()


def show(browser, view, size):
    """Opens a view and waits until its data is there."""
    browser.size(*SIZES[size])
    browser.media("light", "reduce")
    if view == "nothing":
        browser.allow("status of 404")
    address, text = VIEWS[view]
    browser.open(address)
    browser.wait_text(text)


def look_at(browser, view, size):
    """In both themes each text is legible. The window grows to the page for that, and for the pictures."""
    width, height = SIZES[size]
    whole = browser.run("return document.documentElement.scrollHeight")
    browser.size(width, max(height, min(whole, TALLEST)))
    for scheme, name in (("dark", "dark"), ("light", "light" if size == "wide" else "phone")):
        browser.media(scheme, "reduce")
        wait_for(scheme, lambda: browser.run("return document.documentElement.dataset.theme") == scheme, WAIT)
        browser.settle(quiet=0.1, seconds=60)
        if (size, scheme) != ("phone", "dark"):
            browser.picture(f"{view}-{name}")
        assert_legible(browser, f"{view}, {size}, {scheme}")
    browser.size(width, height)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_legible_stands_still_and_is_reached_by_keys(browser, view, size):
    show(browser, view, size)
    browser.settle(seconds=60)
    browser.find("heading")
    shifts = browser.seen()["shifts"]
    assert sum(shift["value"] for shift in shifts) < 0.01, shifts
    browser.assert_fits(view)
    look_at(browser, view, size)
    assert_reached_and_named(browser, f"{view}, {size}")


@pytest.mark.parametrize("size", SIZES)
def test_the_rest_of_the_options_is_legible_and_reached_by_keys(browser, size):
    show(browser, "train", size)
    browser.settle(seconds=60)
    browser.click("DisclosureTriangle", "More")
    browser.assert_fits("train, more")
    look_at(browser, "train-more", size)
    assert len(assert_reached_and_named(browser, "train, more")) > 25


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("count", [1, 12])
def test_results_are_legible_and_reached_by_keys(browser, shown, size, count):
    show(browser, "classify", size)
    browser.drop(browser.find("heading", "Classify"), shown.photos[:count])
    browser.wait_text(re.compile(r"\d m?s at node" if count == 1 else f"{count} of {count} classified"))
    browser.settle(seconds=60)
    browser.assert_fits("results")
    look_at(browser, f"classified-{count}", size)
    assert_reached_and_named(browser, f"{count} classified, {size}")


def test_the_titles_tell_the_views_apart(browser):
    titles = {}
    for view in VIEWS:
        show(browser, view, "wide")
        titles[view] = wait_for("a title", lambda: browser.driver.title)
    assert len(set(titles.values())) == len(VIEWS), titles
    assert all(title.endswith("dcls") for title in titles.values()), titles
    assert re.match(r"\d+ % · epoch 10/40 · ", titles["job-running"]), titles


def test_the_chosen_colours_stay_and_are_there_from_the_first_frame(browser):
    def ground():
        return browser.run("return getComputedStyle(document.body).backgroundColor")

    def choose(name):
        wait_for(f"the choice {name}", lambda: browser.all("radio", name), WAIT)[0].click()  # one sees its word, not it

    browser.open("#/")
    light = ground()
    choose("Dark")
    dark = wait_for("the dark ground", lambda: ground() != light and ground())
    browser.cdp("Page.addScriptToEvaluateOnNewDocument", source="""window.__frames = [];
        const note = () => { if (document.body) __frames.push(getComputedStyle(document.body).backgroundColor);
                             if (__frames.length < 60) requestAnimationFrame(note); };
        requestAnimationFrame(note);""")
    browser.open("#/models")
    browser.wait_text("fashion")
    assert set(browser.run("return window.__frames")) == {dark}
    choose("Auto")
    wait_for("the light ground", lambda: ground() == light)
