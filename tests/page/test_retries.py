"""What could not be had is asked for again: by itself, when the broker is reached again, or when a person asks."""
import re

import pytest
from harness import make_dataset, wait_for
from raw_node import RawNode

from browser import WAIT

# Before any script: an address that matches window.__fail cannot be reached, or is answered with window.__status.
FAIL = """(() => {
    const real = window.fetch;
    const refuse = (status) => new Response('{"error": "not now"}',
        { status, headers: { 'Content-Type': 'application/json' } });
    window.fetch = async (address, ...more) => {
        if (!window.__fail || !new RegExp(window.__fail).test(String(address)))
            return real(address, ...more);
        if (window.__status)
            return refuse(window.__status);
        throw new TypeError('no connection');
    };
})();"""
RESULTS = [{"epoch": epoch, "train_loss": 1 / epoch, "train_accuracy": 50.0 + epoch, "test_loss": 1 / epoch,
            "test_accuracy": 60.5 + epoch} for epoch in (1, 2)]


@pytest.fixture
def page(browser, cluster):
    cluster.start_broker()
    browser.base = cluster.api
    browser.allow("/answers.* status of 409")  # these nodes keep none
    return browser


@pytest.fixture
def node(cluster):
    return RawNode(cluster.port, "node0")


def train(cluster, node, name):
    job = cluster.train(modelName=name, node=node.name, epochs=2)
    node.complete(node.expect_but("SERVER JOB ACK", "SERVER TRAIN"), report={"results": RESULTS, "epochs": 2},
                  modelInfo=[{"name": name, "sha256": name.encode().hex().ljust(64, "0"), "type": "resnet"}])
    cluster.wait_job(job, "completed")
    return job


def open_failing(page, address, pattern, status=0):
    """The view at an address, while requests to what the pattern matches fail; with a status: are answered with it."""
    before = page.cdp("Page.addScriptToEvaluateOnNewDocument",
                      source=f"window.__fail = {pattern!r}; window.__status = {status}; {FAIL}")["identifier"]
    page.open(address)
    page.cdp("Page.removeScriptToEvaluateOnNewDocument", identifier=before)


def succeed(page):
    """Nothing fails any more; the stream was up all the time."""
    page.run("window.__fail = ''")


def reconnect(page):
    """Nothing fails any more, and the stream is up again after it was not."""
    page.run("window.__fail = ''")
    page.run_async("""
        const { note, store, watch } = await import('/page/store.js');
        for (const live of [false, true]) {
            const told = new Promise((resolve) => watch(['live'], resolve));
            store.live = live;
            note('live', 'live');
            await told;
        }""")


def cell(page, column):
    return page.run("return document.querySelector('tbody tr')?.cells[arguments[0]]?.textContent", column)


@pytest.mark.parametrize("again", [reconnect, succeed])
def test_a_model_s_accuracy_in_the_list(page, cluster, node, again):
    train(cluster, node, "m")
    open_failing(page, "#/models", "/report")
    page.find("link", "m")
    page.settle()
    assert cell(page, 2) == "–"
    again(page)
    wait_for("its accuracy", lambda: re.fullmatch(r"6[12]\.5 %", cell(page, 2)), WAIT)


@pytest.mark.parametrize("again", [reconnect, succeed])
def test_a_model_s_report_and_its_jobs(page, cluster, node, again):
    train(cluster, node, "m")
    open_failing(page, "#/models/m", "/report|/?jobs")
    page.wait_text("Its report cannot be had: the broker cannot be reached.")
    page.wait_text("Older ones cannot be had: the broker cannot be reached.")
    assert "of 2\n" not in page.text()
    again(page)
    page.wait_text("2 of 2")
    wait_for("no notice", lambda: "cannot be had" not in page.text(), WAIT)


def test_the_photos_of_a_node(page, cluster):
    make_dataset(cluster.folder / "node0" / "images")
    cluster.start_node("node0", "--data-dir", cluster.folder / "node0" / "images")
    for retry in (reconnect, lambda page: (page.run("window.__fail = ''"), page.click("button", "Try again"))):
        open_failing(page, "#/nodes/node0", "/dataset")
        page.wait_text("They are not shown: the broker cannot be reached.")
        retry(page)
        page.wait_text("24 to train on")


def test_the_photos_of_a_node_that_was_started_anew(page, cluster):
    make_dataset(cluster.folder / "node0" / "images")
    data = ["--data-dir", cluster.folder / "node0" / "images"]
    page.allow("/dataset - .* status of 409")  # it shows none at first
    cluster.start_node("node0", *data, "--no-thumbnails")
    page.open("#/nodes/node0")
    page.wait_text("They are not shown: ")
    page.find("button", "Try again")
    cluster.nodes["node0"].stop()
    page.wait_text("Not connected")
    cluster.start_node("node0", *data)
    page.wait_text("24 to train on")


def test_jobs_that_are_compared(page, cluster, node):
    for name in ("m", "other"):
        train(cluster, node, name)
    open_failing(page, "#/compare/1,2", "/?jobs/2")
    page.wait_text("the broker cannot be reached")
    page.find("heading", "Compare 1 job")
    reconnect(page)
    page.find("heading", "Compare 2 jobs")
    assert "cannot be reached" not in page.text()
    assert page.find("image", re.compile("^Test accuracy: m 62.50 % at 2, other 62.50 % at 2$"))
    open_failing(page, "#/compare/1,2", "/?jobs/")
    page.wait_text("None of them can be shown")
    reconnect(page)
    page.find("heading", "Compare 2 jobs")


def test_a_job_that_is_compared_stays_while_it_cannot_be_asked_for(page, cluster, node):
    train(cluster, node, "m")
    job = cluster.train(modelName="other", node="node0", epochs=4)
    order = node.expect_but("SERVER JOB ACK", "SERVER TRAIN")
    node.progress(order, epoch=1, result=RESULTS[0])
    page.open(f"#/compare/1,{job}")
    page.find("image", re.compile("other 61.50 % at 1$"))
    page.run(FAIL + "window.__fail = 'jobs/'")
    asked = page.run("return window.__asked = 0")
    page.run("const before = window.fetch; window.fetch = (...given) => { __asked++; return before(...given); }")
    node.progress(order, epoch=2, result=RESULTS[1])
    wait_for("it was asked for", lambda: page.run("return window.__asked") > (asked or 0))
    page.settle()
    assert page.has("image", re.compile("m 62.50 % at 2, other 61.50 % at 1$"))
    reconnect(page)
    page.find("image", re.compile("other 62.50 % at 2$"))


@pytest.mark.parametrize("again", [reconnect, succeed])
def test_older_jobs(page, cluster, node, again):
    train(cluster, node, "m")
    open_failing(page, "#/jobs", "limit=")
    page.wait_text("Older jobs cannot be had")
    again(page)
    wait_for("no notice", lambda: "cannot be had" not in page.text(), WAIT)


def test_a_job_that_ends_while_it_cannot_be_asked_for(page, cluster, node):
    job = cluster.train(modelName="m", node="node0", epochs=2)
    order = node.expect_but("SERVER JOB ACK", "SERVER TRAIN")
    page.open(f"#/jobs/{job}")
    node.progress(order, epoch=2, batch=8, batches=9)
    wait_for("it trains", lambda: page.driver.title.startswith("94 %"))
    page.run(FAIL + "window.__fail = 'jobs/|models'")
    node.complete(order, report={"results": RESULTS, "epochs": 2})
    wait_for("its end", lambda: page.driver.title == "m · completed · dcls")
    assert not page.has("button", "Cancel training")
    reconnect(page)
    page.find("image", "Accuracy: test 62.50 % at 2, train 52.00 % at 2")


def test_the_plots(page, cluster, node):
    train(cluster, node, "m")
    page.allow("ERR_BLOCKED_BY_CLIENT", "Failed to fetch dynamically imported module")
    page.cdp("Network.enable")
    page.cdp("Network.setBlockedURLs", urls=["*/chart.js*"])
    page.open("#/jobs/1")
    page.wait_text("The plot could not be loaded.")
    page.cdp("Network.setBlockedURLs", urls=[])
    reconnect(page)
    wait_for("the plots", lambda: "could not be loaded" not in page.text() and page.run(
        "return [...document.querySelectorAll('canvas')].every((one) => Boolean(one.style.height))"))


@pytest.mark.parametrize("again", [reconnect, succeed])
def test_what_a_training_may_be_told(page, again):
    open_failing(page, "#/train", "options")
    page.wait_text("What a training may be told cannot be asked")
    again(page)
    page.find("button", "Start training")


def test_what_a_broker_cannot_answer_now_is_asked_for_again_while_the_stream_stays_up(page, cluster, node):
    for name in ("m", "other"):
        train(cluster, node, name)
    open_failing(page, "#/compare/1,2", "/?jobs/2", status=503)
    page.wait_text("Job 2 cannot be shown: not now.")
    page.find("button", "Try again")
    succeed(page)
    page.find("heading", "Compare 2 jobs")
    open_failing(page, "#/jobs/1", "/?jobs/1", status=502)
    page.wait_text("It cannot be shown: not now.")
    succeed(page)
    page.find("image", "Accuracy: test 62.50 % at 2, train 52.00 % at 2")
    assert "not now" not in page.text()


def test_a_report_is_asked_for_again_by_a_person_and_by_itself(page, cluster, node):
    train(cluster, node, "m")
    for retry in (succeed, lambda page: (succeed(page), page.click("button", "Try again"))):
        open_failing(page, "#/jobs/1", "/?models", status=503)
        page.wait_text("The report cannot be shown: not now.")
        page.find("button", "Try again")
        retry(page)
        page.find("heading", "The worst mistakes")
        assert "not now" not in page.text()


@pytest.mark.parametrize("address, before, said, after", [
    ("#/compare/1,2", "m 62.50 % at 2", "Job 2 is shown as it was: not now.", "m 62.50 % at 2, other 62.50 % at 2$"),
    ("#/jobs/2", "^Accuracy: nothing yet", "What came since cannot be had: not now.", "^Accuracy: test 62.50 % at 2"),
])
def test_the_end_of_a_job_is_asked_for_again(page, cluster, node, address, before, said, after):
    train(cluster, node, "m")
    cluster.train(modelName="other", node="node0", epochs=2)
    order = node.expect_but("SERVER JOB ACK", "SERVER TRAIN")
    page.open(address)
    page.find("image", re.compile(before))
    page.run(FAIL + "window.__fail = 'jobs/'; window.__status = 503")
    node.complete(order, report={"results": RESULTS, "epochs": 2})
    page.wait_text(said)
    succeed(page)
    page.find("image", re.compile(after))
    wait_for("no notice", lambda: "not now" not in page.text(), WAIT)


def test_what_is_refused_is_not_asked_for_again(page):
    page.open("#/")
    assert page.run_async("""
        const { ApiError } = await import('/page/api.js');
        const { mayComeYet } = await import('/page/retry.js');
        return args[0].map((status) => mayComeYet(new ApiError(status, '', null)));
        """, [0, 200, 500, 502, 503, 504, 400, 404, 409]) == [True] * 6 + [False] * 3
