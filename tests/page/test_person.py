"""The whole way of a person who opens the page: looks at the dataset, trains on one node, sees the curves move, cancels
a second training, classifies three pictures that are dropped, reads the answers, opens the heat map's worst cell."""
import json
import re

from browser import WAIT
from fashion import CLASSES, make_idx, make_pictures
from harness import wait_for

CELL = re.compile(r"^(\d+) photos? of (\S+) seen as (\S+)$")
SHOWN = "return arguments[0].every((one) => one.querySelector('img')?.naturalWidth > 0)"
PIXELS = "return arguments[0].toDataURL()"


def wait_address(browser, address):
    wait_for(address, lambda: browser.run("return location.hash.split('?')[0]") == address, WAIT)


def wait_pictures(browser, elements):
    wait_for(f"the pictures in {len(elements)} elements", lambda: browser.run(SHOWN, elements), WAIT)


def look_at_dataset(browser):
    """Counts and classes in words, six thumbnails of each class, one of them large."""
    browser.click("link", "Train")
    browser.find("button", "Start training")
    browser.choose("Node", "node0")
    photos = browser.find("region", "The photos")
    wait_for("the counts", lambda: "200 to train on, 100 to test on · on node0" in photos.text, WAIT)
    names = [node["name"]["value"] for node in browser.nodes("button", re.compile(r", photo \d$"), photos)]
    assert names == [f"{name}, photo {i}" for name in CLASSES for i in range(1, 7)]
    thumbnails = browser.all("button", re.compile(f"^{CLASSES[0]}, photo"), photos)
    wait_pictures(browser, thumbnails)
    thumbnails[1].click()
    dialog = browser.find("dialog", f"{CLASSES[0]}, photo 2")
    wait_pictures(browser, [dialog])
    browser.click("button", "Close", dialog)


def start_training(browser, node, name, epochs):
    browser.click("link", "Train")
    browser.find("button", "Start training")
    browser.choose("Node", node)
    browser.enter("textbox", "Name", name)
    browser.enter("textbox", "Epochs", epochs)
    if not browser.has("textbox", "Batch size"):
        browser.click("DisclosureTriangle", "More")
    browser.enter("textbox", "Image size", 32)
    browser.enter("textbox", "Batch size", 8)
    browser.enter("combobox", "Weights", "none")
    browser.click("button", "Start training")


def watch_curves(browser):
    """The bar goes on, and either curve is another picture than before and has another newest value."""
    bar = browser.find("progressbar", "How much of the training is done")
    curves = [browser.find("image", re.compile(f"^{name}: (?!nothing)")) for name in ("Loss", "Accuracy")]

    def state():
        drawn = [(curve.get_attribute("aria-label"), browser.run(PIXELS, curve)) for curve in curves]
        return [float(bar.get_attribute("aria-valuenow")), *(part for curve in drawn for part in curve)]

    first = state()
    wait_for("the bar and both curves to move", lambda: all(a != b for a, b in zip(first, state())), WAIT)
    assert state()[0] > first[0]


def read_answers(browser, cluster, pictures):
    """Class and per cent in the grid; beside each picture the first five classes, and the node that answered."""
    browser.wait_text("3 of 3 classified")
    cells = [browser.find("button", re.compile(rf"\b{re.escape(path.name)}$")) for path in pictures]
    browser.picture("person-classified")
    told = []
    for path, cell in zip(pictures, cells):
        status, _, body = cluster.request("POST", "/inference?model=fashion", path.read_bytes(),
                                          {"Content-Type": "image/png"}, timeout=WAIT)
        assert status == 200, body
        told.append([(name, f"{part * 100:.1f} %") for name, part in json.loads(body)["output"]])
        assert cell.text.split("\n") == [*told[-1][0], path.name]
    cells[0].click()
    for i, (path, bars) in enumerate(zip(pictures, told)):
        browser.wait_text(f"{i + 1} of 3")
        assert browser.find("image", path.name).is_displayed()
        *lines, foot = browser.find("region", "Model fashion").text.split("\n")
        assert lines == ["fashion", bars[0][0], *(text for bar in bars[:5] for text in bar)]
        assert re.fullmatch(r"[\d.]+ m?s at node0", foot), foot
        if i < 2:
            browser.click("button", "Next")


def open_worst_cell(browser):
    """The most photos of one class that were seen as another: all of them as thumbnails, and one large."""
    heat = browser.find("region", "Heat map")
    cells = [CELL.match(node["name"]["value"]) for node in browser.nodes("button", CELL, heat)]
    wrong = [(int(cell[1]), cell[2], cell[3]) for cell in cells if cell[2] != cell[3]]
    number, label, seen = max(wrong)
    browser.click("button", re.compile(f"^{number} photos? of {label} seen as {seen}$"), heat)
    browser.find("heading", re.compile(f"^{label}, seen as {seen}"))
    photos = re.compile(rf"^{label}\s*seen as {seen}\s*[\d.]+ %$")
    wait_for("its photos", lambda: sum(1 for _ in browser.nodes("button", photos)) >= min(number, 24), WAIT)
    browser.picture("person-worst-cell")
    photo = browser.find("button", photos)
    wait_pictures(browser, [photo])
    photo.click()
    dialog = browser.find("dialog", f"{label}, seen as {seen}")
    wait_pictures(browser, [dialog])
    assert f"It is {label}. Seen was {seen}, and in second place " in dialog.text
    browser.picture("person-large-photo")
    browser.click("button", "Close", dialog)


def test_a_person_goes_all_the_way(browser, cluster):
    pictures = make_pictures(cluster.folder / "pictures", 3)
    fashion = make_idx(cluster.folder / "fashion", train=200, test=100)
    cluster.start_broker()
    for name in ("node0", "node1"):
        cluster.start_node(name, "--data-dir", fashion)
    browser.base = cluster.api
    browser.open("/")
    for name in ("node0", "node1"):
        browser.find("link", re.compile(rf"\b{name}\b.*\bidle\b", re.DOTALL))
    look_at_dataset(browser)

    start_training(browser, "node0", "fashion", 6)
    wait_address(browser, "#/jobs/1")
    watch_curves(browser)
    browser.picture("person-curves")

    start_training(browser, "node1", "unwanted", 500)
    wait_address(browser, "#/jobs/2")
    browser.wait_text(re.compile(r"epoch \d+ of 500"))
    browser.click("button", "Cancel training")
    browser.click("button", "Cancel training", browser.find("dialog"))
    browser.wait_text(re.compile(r"Cancelled .*No model came of it\."))
    assert cluster.job(2)["state"] == "cancelled"

    browser.driver.back()
    wait_address(browser, "#/train")
    browser.driver.back()
    wait_address(browser, "#/jobs/1")
    browser.wait_text("Test accuracy", 3 * WAIT)
    browser.click("link", "Classify", browser.find("main"))
    wait_for("its model", lambda: browser.find("combobox", "Model").get_attribute("value") == "fashion", WAIT)
    browser.drop(browser.find("heading", "Classify"), pictures)
    read_answers(browser, cluster, pictures)

    browser.open("#/jobs/1")
    open_worst_cell(browser)
