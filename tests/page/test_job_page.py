"""The address of a training: what it shows while it runs, when it is done, when it failed, and beside another one."""
import re

import pytest
from harness import make_dataset, wait_for
from raw_node import RawNode
from selenium.webdriver.common.keys import Keys

import told


@pytest.fixture
def page(browser, cluster):
    make_dataset(cluster.folder / "node0" / "images", train=20, test=4)
    cluster.start_broker()
    cluster.start_node("node0")
    browser.base = f"http://127.0.0.1:{cluster.api_port}"
    return browser


def train(cluster, **options):
    return cluster.train(**{"modelName": "m", "weights": "none", "batchSize": 8, "noCheckpoint": False, **options})


def rows(page, name):
    table = page.find("table", name)
    return [[cell.text for cell in page.run("return [...arguments[0].cells]", row)]
            for row in page.run("return [...arguments[0].tBodies[0].rows]", table)]


def test_a_training_is_watched_to_its_report(page, cluster):
    job = train(cluster, epochs=3)
    page.open(f"#/jobs/{job}")
    wait_for("the epoch in the title", lambda: re.fullmatch(r"\d+ % · epoch [123]/3 · dcls", page.driver.title), 60)
    page.find("progressbar", "How much of the training is done")
    page.find("link", "Classify", within=page.find("main"), seconds=120)
    assert page.driver.title == "m · completed · dcls"
    report = cluster.get("/models/m/report")
    page.find("heading", "What was seen as what")
    shifts = page.seen()["shifts"]
    assert sum(one["value"] for one in shifts) < 0.01, shifts
    page.wait_text(f"{report['results'][-1]['test_accuracy']:.1f} %")
    page.find("image", re.compile(r"^Accuracy: test [\d.]+ % at 3, train [\d.]+ % at 3$"))
    heat = rows(page, "Test images by what they are (rows) and what was seen (columns)")
    assert [[int(cell) for cell in row[1:]] for row in heat] == report["confusion_matrix"]
    assert [row[0] for row in heat] == [figures["class"] for figures in report["per_class"]]
    page.run("document.querySelector('main details:last-of-type').open = true")
    page.wait_text("Total training time")  # the log that the node wrote


def test_a_model_that_was_trained_again_keeps_its_report_to_the_newer_job(page, cluster):
    first = train(cluster, epochs=1)
    second = train(cluster, epochs=1, modelName="other")
    for job in (first, second):
        cluster.wait_job(job, "completed")
    third = train(cluster, epochs=2)
    page.open(f"#/jobs/{third}")
    page.find("heading", "What was seen as what", seconds=120)
    page.open(f"#/jobs/{first}")
    page.wait_text("The model 'm' is another training's now.")
    page.find("link", f"job {third}")
    page.choose("Training to compare with", "other · job 2")
    page.click("button", "Compare")
    page.find("heading", "Compare 2 jobs")
    assert [row[0] for row in rows(page, "Jobs compared")] == ["m", "other"]


def test_a_failed_training_says_why_and_what_to_do(page, cluster):
    job = train(cluster, epochs=30, learningRate=10, optimizer="sgd")
    page.open(f"#/jobs/{job}")
    page.wait_text("most likely the learning rate of 10 is too high", 120)
    page.click("link", "Train again")
    page.find("button", "Start training")
    asked = {"learningRate": "0.001", "optimizer": "sgd", "epochs": "30", "batchSize": "8", "imageSize": "32",
             "seed": "1", "weights": "none"}
    assert page.run("return Object.fromEntries(arguments[0].map((name) => [name,"
                    " document.querySelector(`[name=${name}]`).value]))", list(asked)) == asked
    assert not page.find("checkbox", "No checkpoint").is_selected()


@pytest.mark.parametrize("keeps", [True, False])
def test_what_is_said_of_a_cancelled_job_s_checkpoint_is_so(page, cluster, keeps):
    said = "Its checkpoint of epoch 2 stays"
    node = RawNode(cluster.port, "raw")
    job = cluster.train(modelName="m", node="raw", epochs=4, noCheckpoint=not keeps)
    order = node.expect("SERVER TRAIN")
    for epoch in (1, 2):
        node.progress(order, epoch=epoch, result={"epoch": epoch, "test_accuracy": 50.0})
    node.progress(order, epoch=3)
    for address, button in (("#/jobs", f"Cancel job {job}"), (f"#/jobs/{job}", "Cancel training")):
        page.open(address)
        if address != "#/jobs":
            page.wait_text("epoch 3 of 4")
        page.click("button", button)
        dialog = page.find("dialog")
        wait_for("the checkpoint", lambda: "Asks" not in dialog.text)
        assert (said in dialog.text) == keeps
        page.click("button", "Keep", within=dialog)
    node.close()
    wait_for("it left", lambda: "raw" not in cluster.node_names())
    cluster.request("DELETE", f"/jobs/{job}")
    page.wait_text("No model came of it.")
    assert page.has("link", "Go on after epoch 2") == keeps
    page.click("link", "Go on after epoch 2" if keeps else "Train again")
    page.find("button", "Start training")
    wanted = ("m", True) if keeps else ("", True)
    assert page.run("return [document.querySelector('[name=resume]').value,"
                    " document.querySelector('[name=epochs]').value === '4']") == list(wanted)


def test_a_list_asks_at_once_before_it_cancels(page, cluster):
    node = RawNode(cluster.port, "raw")
    job = cluster.train(modelName="m", node="raw", epochs=4)
    order = node.expect("SERVER TRAIN")
    for epoch in (1, 2):
        node.progress(order, epoch=epoch, result={"epoch": epoch, "test_accuracy": 50.0})
    node.progress(order, epoch=3)
    page.open("#/jobs")
    page.wait_text("3/4")
    page.settle()
    page.hold("GET")
    page.click("button", f"Cancel job {job}")
    dialog = page.find("dialog", "Cancel 'm'?")
    assert "Asks whether its checkpoint of epoch 2 stays" in dialog.text
    page.run("location.hash = '#/train'")
    page.find("heading", "Train")
    page.let_go()
    page.find("button", "Start training")
    page.settle()
    assert not page.run("return document.querySelectorAll('dialog').length")
    assert cluster.job(job)["state"] == "running"


def test_remedies_follow_from_what_was_asked_for(page):
    page.open("#/")
    jobs = {"lower": [{"learningRate": 0.0007}, {"learningRate": 10}, {}],
            "less": [{"batchSize": 20}, {"batchSize": 2}, {"batchSize": 1, "imageSize": 40}, {}]}
    found = page.run_async("""
        const { lessMemory, lowerRate, sameOptions } = await import('/page/job_options.js');
        const resumed = { epochs: 9, options: { resume: 'm', cache: 5 } };
        return [args[0].lower.map(lowerRate), args[0].less.map(lessMemory), sameOptions(resumed),
            sameOptions(resumed, lowerRate())];""", jobs)
    assert found == [[{"learningRate": 0.00007}, {"learningRate": 0.001}, {"learningRate": 0.0001}],
                     [{"batchSize": 5}, {"batchSize": 1}, {"imageSize": 32}, {"batchSize": 8}],
                     {"cache": 5, "epochs": 9, "resume": "m"}, {"cache": 5, "epochs": 9, "learningRate": 0.0001}]


def test_results_that_have_no_accuracy_are_shown_without(page, cluster):
    page.allow("/answers.* status of 409")
    node = RawNode(cluster.port, "raw")
    job = cluster.train(modelName="m", node="raw")
    node.complete(node.expect("SERVER TRAIN"))
    page.open(f"#/jobs/{job}")
    page.find("image", "Accuracy: nothing yet")
    page.find("image", "Loss: train 1.00 at 1")
    page.wait_text("after epoch 1")


def test_a_job_that_is_not_there_is_said_to_be_missing(page):
    page.allow("404")
    page.open("#/jobs/77")
    page.wait_text("There is no job 77.")


def test_a_running_job_goes_on_after_a_restart_of_the_broker(page, cluster):
    page.allow(r"ERR_(CONNECTION_REFUSED|CONNECTION_RESET|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE)")
    job = train(cluster, epochs=12)
    page.open(f"#/jobs/{job}")
    wait_for("an epoch", lambda: re.match(r"\d+ % · epoch ([2-9]|1\d)/12", page.driver.title), 60)
    cluster.broker.stop()
    cluster.start_broker()
    page.find("heading", "What was seen as what", seconds=180)
    shown = page.run("return document.querySelector('canvas[aria-label^=Accuracy]').getAttribute('aria-label')")
    assert " at 12" in shown and len(cluster.job(job)["results"]) == 12


def test_tab_stops_once_at_a_heat_map_whose_cells_are_reached_by_arrow_keys(page, cluster):
    page.allow("/answers")  # this node keeps none
    classes = [f"class{i}" for i in range(12)]
    job = told.train(cluster, RawNode(cluster.port, "raw"), "m", [90], classes)
    page.open(f"#/jobs/{job}")
    buttons = page.all("button", re.compile("^[0-9]+ photos? of "), page.find("region", "Heat map"))
    names = [button.get_attribute("aria-label") for button in buttons]
    assert len(names) == len(classes) + 1
    assert [button.get_attribute("tabindex") for button in buttons] == ["0"] + ["-1"] * len(classes)
    page.run("arguments[0].focus()", buttons[0])
    for name in names[1:]:
        page.press(Keys.ARROW_RIGHT)
        assert page.driver.switch_to.active_element.get_attribute("aria-label") == name
    page.press(Keys.ARROW_UP)  # from the last class's own photos to the one that was seen as them
    assert page.driver.switch_to.active_element == buttons[1]
    page.press(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert page.driver.switch_to.active_element == buttons[0]
    page.press(Keys.ARROW_RIGHT)
    assert [button.get_attribute("tabindex") for button in buttons].index("0") == 1


# A plot of such a width and such names, of losses that are small: {width, area, label, ticks}.
PLOT = """
    const { linePlot } = await import('/page/plot.js');
    const [width, name] = args;
    const plot = linePlot({ label: 'Loss', yMin: 0, series: [{ name, points: [[1, 0.00432], [2, 0.00123]] }] });
    const main = document.getElementById('main'), canvas = plot.element.querySelector('canvas');
    main.append(plot.element);
    const chart = () => globalThis.Chart?.getChart(canvas);
    for (const now of [2 * width, width]) { // as where a phone is turned
        plot.element.style.setProperty('width', `${now}px`);
        while (chart()?.width !== now || !chart().scales.y.ticks.length)
            await new Promise(requestAnimationFrame);
    }
    const { chartArea, scales } = chart();
    const told = { area: chartArea.right - chartArea.left, label: canvas.getAttribute('aria-label'),
        ticks: scales.y.ticks.map((tick) => tick.label) };
    plot.close();
    plot.element.remove();
    return told;"""


def test_a_long_name_leaves_room_for_its_curve_and_small_numbers_are_told(page):
    page.open("#/")
    page.find("heading", "Cluster")
    short, long = "m", "a-name-of-64-letters-" + "x" * 43
    narrow = page.run_async(PLOT, 320, long)
    assert narrow["area"] > 320 * 0.4, narrow
    wide = page.run_async(PLOT, 1000, long)
    assert 1000 * 0.4 < wide["area"] < page.run_async(PLOT, 1000, short)["area"]
    assert narrow["label"] == f"Loss: {long} 0.00123 at 2"
    assert len(set(wide["ticks"])) == len(wide["ticks"]) > 2 and "0.00" not in wide["ticks"], wide


def test_a_photo_s_neighbours_are_reached_by_keys_to_the_last_and_back(page):
    page.open("#/")
    page.find("heading", "Cluster")
    page.run_async("""
        const { openViewer } = await import('/page/photo_viewer.js');
        openViewer([1, 2].map((i) => ({ url: () => 'page/icon.svg', title: `photo ${i}` })), 0);""")
    after = page.find("button", "Next", page.find("dialog"))
    page.run("arguments[0].focus()", after)
    page.press(Keys.ENTER)
    page.wait_text("2 of 2")
    page.press(Keys.ENTER)
    assert page.driver.switch_to.active_element == after
    page.press(Keys.ARROW_LEFT)
    page.wait_text("1 of 2")


def test_a_cell_of_the_heat_map_opens_its_photos(page, cluster):
    job = train(cluster, epochs=1, learningRate=0)  # it answers with one class alone, or nearly so
    page.open(f"#/jobs/{job}")
    page.wait_text(re.compile(r"\d mistakes? on the test images"), 120)
    report = cluster.get("/models/m/report")
    names = [figures["class"] for figures in report["per_class"]]
    number, label, seen = max((number, names[row], names[column])
                              for row, numbers in enumerate(report["confusion_matrix"])
                              for column, number in enumerate(numbers) if row != column)
    page.click("button", re.compile(f"^{number} photos? of {label} seen as {seen}$"))
    heading = page.find("heading", re.compile(f"^{label}, seen as {seen}"))
    assert page.driver.switch_to.active_element == heading
    photos = page.run("return [...arguments[0].closest('.card').querySelectorAll('li button')]", heading)
    assert len(photos) == number
    wait_for("the photos", lambda: page.run(
        "return arguments[0].every((one) => one.querySelector('img')?.naturalWidth > 0)", photos))
    photos[0].click()
    dialog = page.find("dialog", f"{label}, seen as {seen}")
    wait_for("the photo", lambda: page.run("return arguments[0].querySelector('img').naturalWidth > 0", dialog))
    assert f"It is {label}. Seen was {seen}, and in second place " in dialog.text
    page.click("button", "Close", within=dialog)
    assert page.driver.switch_to.active_element == photos[0]
