"""Classify: photos that are dropped, chosen from the broker's and taken by the camera; one beside its bars, many in a
grid, two models at once; what fails is told, and all of it is saved as CSV."""
import csv
import json
import re

import pytest
from harness import make_dataset, wait_for
from selenium.webdriver.common.keys import Keys


@pytest.fixture
def classify(browser, cluster):
    """The view, with a model of three colours, which hardly had a training."""
    images = make_dataset(cluster.folder / "images", train=4)
    cluster.start_broker()
    cluster.start_node("node0")
    assert cluster.wait_job(cluster.train(modelName="colours"))["state"] == "completed"
    browser.base = cluster.api
    browser.open("#/classify?model=colours")
    wait_for("the model in the list", lambda: browser.find("combobox", "Model").get_attribute("value") == "colours")
    browser.images = images
    return browser


def drop(classify, *paths):
    classify.drop(classify.find("heading", "Classify"), paths)


def cells(classify):
    """What the photos' buttons in the grid say, in its order."""
    found = classify.run("return [...document.querySelectorAll('.result-cell')].map((cell) => cell.innerText)")
    return [cell.split("\n") for cell in found]


def answer(cluster, path, model="colours"):
    """[[class, probability], ...], as the broker tells it."""
    status, _, body = cluster.request("POST", "/inference", {"imagePath": f"./images/{path}", "modelName": model})
    assert status == 200, body
    return json.loads(body)["output"]


def test_one_photo_stands_beside_its_bars(classify, cluster):
    drop(classify, classify.images / "test/green/0.png")
    classify.wait_text(re.compile(r"[\d.]+ m?s at node0"), 30)
    told = answer(cluster, "test/green/0.png")
    bars = [text for name, part in told for text in (name, f"{part * 100:.1f} %")]
    assert classify.find("region", "Model colours").text.split("\n")[:-1] == ["colours", told[0][0], *bars]
    assert classify.find("image", "0.png").is_displayed()
    classify.settle()
    classify.picture("classify-one")
    # A second one comes alone: it is shown, and the way to both.
    drop(classify, classify.images / "test/red/1.png")
    classify.wait_text("2 of 2")
    classify.click("button", "Previous")
    classify.wait_text("1 of 2")
    classify.click("button", "All 2 photos")
    wait_for("the grid", lambda: len(cells(classify)) == 2)
    classify.driver.back()
    classify.wait_text("1 of 2")


def test_many_photos_are_a_grid_and_a_file(classify, cluster):
    broken = cluster.folder / "=cmd, <img src=x onerror=alert(1)>.png"
    broken.write_bytes(b"no image")
    notes = cluster.folder / "notes.txt"
    notes.write_text("no image either")
    classify.allow(r"/inference\S* - Failed to load resource")
    photos = [cluster.folder / f"{colour}.png" for colour in ("red", "blue", "green")]
    for photo in photos:
        photo.write_bytes((classify.images / "test" / photo.stem / "0.png").read_bytes())
    drop(classify, *photos, broken, notes)
    classify.wait_text("3 of 4 classified, 1 failed", 30)
    classify.wait_text("1 file left out, no image by name or type: notes.txt.")
    told = [answer(cluster, f"test/{photo.stem}/0.png") for photo in photos]
    assert [cell[:3] for cell in cells(classify)[:3]] == \
        [[best[0][0], f"{best[0][1] * 100:.1f} %", photo.name] for best, photo in zip(told, photos)]
    assert broken.name in cells(classify)[3]
    classify.settle()
    classify.picture("classify-many")

    classify.click("button", "Download CSV")
    saved = wait_for("the file", lambda: list(classify.downloads.glob("dcls-colours-*.csv")))[0]
    text = saved.read_bytes().decode()
    saved.unlink()
    header, *rows = csv.reader(text.splitlines(keepends=True))
    assert text.endswith("\r\n") and header[:4] == ["file", "model", "class", "probability"]
    for row, photo, best in zip(rows, photos, told):
        guesses = [(row[2 * i + 2], float(row[2 * i + 3])) for i in range(3)]
        assert row[:2] == [photo.name, "colours"] and guesses == [tuple(guess) for guess in best]
        assert dict(zip(header, row))["node"] == "node0" and float(dict(zip(header, row))["ms"]) > 0
    assert rows[3][0] == f"'{broken.name}" and "not a JPEG" in dict(zip(header, rows[3]))["error"]

    classify.choose("Order", "by name")
    assert [cell[-1] for cell in cells(classify)] == [broken.name, "blue.png", "green.png", "red.png"]
    classify.choose("Order", "least sure first")
    doubt = sorted(zip(told, photos), key=lambda one: one[0][0][1] - one[0][1][1])
    assert [cell[-1] for cell in cells(classify)] == [*(photo.name for _, photo in doubt), broken.name]
    classify.choose("Show", "failed (1)")
    assert len(cells(classify)) == 1
    classify.click("button", re.compile("onerror"))
    classify.find("button", "Try again")
    classify.click("button", "All 4 photos")
    classify.click("button", "Clear")
    classify.find("button", "Undo")
    assert not cells(classify)


# Folders as a browser gives them: the one that is dropped, one that cannot be read, and more images than are taken.
FOLDERS = """
    const { photosOf } = await import('/page/drop.js');
    const file = (name, fails) => ({ isFile: true, name, fullPath: `/all/${name}`,
        file: (done, failed) => fails ? failed() : done(new File(['x'], name)) });
    const folder = (name, lists) => ({ isDirectory: true, name, fullPath: `/${name}`, createReader: () => ({
        readEntries: (done, failed) => lists[0] ? done(lists.shift()) : lists.length ? failed() : done([]) }) });
    const images = Array.from({ length: args[0] }, (none, i) => file(`${i}.png`));
    const all = folder('all', [[file('broken.png', true), folder('closed', [null]), file('.hidden')], images,
        [file('notes.txt')]]);
    let deep = folder('deepest', [[file('deep.png')]]);
    for (let i = 0; i < 20; i++)
        deep = folder(`deep${i}`, [[deep]]);
    const taken = await photosOf({ files: [], items: [all, deep].map((one) => ({ webkitGetAsEntry: () => one })) });
    return { ...taken, photos: taken.photos.length };"""


def test_what_of_a_folder_is_not_taken_is_counted_and_told(classify):
    taken = classify.run_async(FOLDERS, 20_002)
    assert taken == {"photos": 20_000, "over": 2, "leftOut": ["all/notes.txt"], "isCut": False,
                     "unread": ["all/broken.png", "closed", "deep3"]}
    taken = classify.run_async(FOLDERS, 200_001)
    assert (taken["photos"], taken["over"], taken["isCut"]) == (20_000, 179_998, True)
    # And in words, of what is dropped.
    classify.run("""
        const closed = { isDirectory: true, name: 'closed', fullPath: '/closed',
                         createReader: () => ({ readEntries: (done, failed) => failed() }) };
        const dropped = new Event('drop', { cancelable: true });
        dropped.dataTransfer = { types: ['Files'], files: [], items: [{ webkitGetAsEntry: () => closed }] };
        document.dispatchEvent(dropped);""")
    classify.wait_text("1 file or folder could not be read: closed.")


def test_back_from_one_of_many_photos_is_where_it_was_opened(classify, cluster):
    one = (classify.images / "test/green/0.png").read_bytes()
    photos = [cluster.folder / f"{i:03}.png" for i in range(200)]
    for photo in photos:
        photo.write_bytes(one)
    drop(classify, *photos)
    wait_for("the grid", lambda: cells(classify))
    classify.run("window.scrollTo(0, document.documentElement.scrollHeight / 2)")
    middle = """const cell = document.elementFromPoint(innerWidth / 2, innerHeight / 2)?.closest('.result-cell');
        return cell && Number(cell.innerText.match(/(\\d+)\\.png/)[1]) > 40 ? cell : null"""
    cell = wait_for("the cells in the middle", lambda: classify.run(middle))
    name = cell.text.split("\n")[-1]
    cell.click()
    classify.wait_text(f"{int(name[:3]) + 1} of 200")
    classify.driver.back()
    wait_for("the photo in the grid", lambda: name in [cell[-1] for cell in cells(classify)])
    wait_for("the focus on it", lambda: classify.driver.switch_to.active_element.text.split("\n")[-1] == name)
    wait_for("it in the window", lambda: classify.run("""const box = document.activeElement.getBoundingClientRect();
        return box.top >= 0 && box.bottom <= innerHeight"""))
    assert "000.png" not in [cell[-1] for cell in cells(classify)]
    classify.press(Keys.END)
    wait_for("the last", lambda: classify.driver.switch_to.active_element.text.split("\n")[-1] == "199.png")


def test_the_broker_s_images_are_chosen_and_two_models_are_compared(classify, cluster):
    classify.click("button", "Broker’s images")
    classify.wait_text("24 images, 0 chosen")
    classify.enter("searchbox", "Filter", "test blue")
    classify.wait_text("4 of 24 images, 0 chosen")
    classify.settle()
    classify.picture("classify-images")
    classify.click("button", "Choose all")
    classify.click("button", "Classify 4")
    classify.wait_text("4 of 4 classified", 30)
    assert cluster.wait_job(cluster.train(modelName="other", modelType="mobilenet"))["state"] == "completed"
    classify.choose("Compare with", "other")
    classify.wait_text(re.compile("4 of 4 classified, [0-4] differ"), 30)
    wanted = [[answer(cluster, f"test/blue/{i}.png", model)[0][0] for model in ("colours", "other")] for i in range(4)]
    shown = [[line for line in cell if line in ("red", "green", "blue")] for cell in cells(classify)]
    assert shown == wanted
    assert [("≠ differ" in cell) for cell in cells(classify)] == [first != second for first, second in wanted]
    classify.settle()
    classify.picture("classify-two")


def test_a_busy_broker_is_waited_for_and_never_asked_more_than_four_things_at_once(classify):
    classify.run("""
        const real = window.fetch;
        window.seen = {asked: 0, now: 0, most: 0};
        window.fetch = async (address, options) => {
            if (!String(address).startsWith('inference'))
                return real(address, options);
            seen.asked += 1;
            seen.most = Math.max(seen.most, ++seen.now);
            const busy = new Response('{"error": "busy"}', {status: 503, headers: {'Retry-After': '3'}});
            try {
                return seen.asked > 4 ? await real(address, options) : busy;
            } finally {
                seen.now -= 1;
            }
        };""")
    drop(classify, *sorted(classify.images.glob("test/*/*.png")))
    classify.wait_text("waiting for the broker")
    classify.wait_text("12 of 12 classified", 30)
    assert classify.run("return [seen.asked, seen.most]") == [16, 4]


def test_the_camera_takes_a_photo_and_is_let_go(classify):
    classify.cdp("Browser.grantPermissions", permissions=["videoCapture"])
    classify.click("button", "Camera")
    shoot = classify.find("button", "Take photo")
    wait_for("the camera", shoot.is_enabled)
    classify.run("window.track = document.querySelector('video').srcObject.getTracks()[0]")
    shoot.click()
    classify.wait_text(re.compile(r"camera [\d.]+\.jpg"))
    classify.wait_text(re.compile(r"[\d.]+ m?s at node0"), 30)
    assert classify.run("return track.readyState") == "ended"
    assert not classify.has("dialog")
