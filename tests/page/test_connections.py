"""What tabs take of a browser's six connections, and what becomes of a request that is not answered."""
import pytest
from harness import wait_for
from raw_node import RawNode

# Before any script: what waits ten seconds or more comes after a fiftieth of that; streams are counted; whether the
# tab is hidden is what a test says.
QUICK = """(() => {
    const wait = window.setTimeout, Stream = window.EventSource, timeout = AbortSignal.timeout.bind(AbortSignal);
    const sooner = (ms) => ms >= 10000 ? ms / 50 : ms;
    window.setTimeout = (fn, ms, ...more) => wait(fn, sooner(ms), ...more);
    AbortSignal.timeout = (ms) => timeout(sooner(ms));
    window.__streams = [];
    window.EventSource = class extends Stream { constructor(...given) { super(...given); __streams.push(this); } };
    window.__open = () => __streams.filter((one) => one.readyState !== Stream.CLOSED).length;
    window.__hide = (hidden) => {
        Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
        document.dispatchEvent(new Event('visibilitychange'));
    };
})();"""


@pytest.fixture
def page(browser, cluster):
    cluster.start_broker()
    browser.base = cluster.api
    browser.cdp("Page.addScriptToEvaluateOnNewDocument", source=QUICK)
    return browser


def streams(page):
    return page.run("return window.__open()")


def title(page, wanted):
    wait_for(f"the title '{wanted}'", lambda: page.driver.title == f"{wanted} · dcls")


def test_a_tab_that_nobody_looks_at_keeps_its_job_s_title_without_a_stream(page, cluster):
    node = RawNode(cluster.port, "node0")
    job = cluster.train(modelName="m", epochs=4)
    order = node.expect("SERVER TRAIN")
    page.open(f"#/jobs/{job}")
    node.progress(order, epoch=2, batch=1, batches=9)
    title(page, "27 % · epoch 2/4")
    page.run("window.__hide(true)")
    wait_for("no stream", lambda: streams(page) == 0)
    node.progress(order, epoch=3, batch=0, batches=9)
    title(page, "50 % · epoch 3/4")
    page.run("window.__hide(false)")
    wait_for("a stream", lambda: streams(page) == 1)
    page.run("window.__hide(true)")
    wait_for("no stream", lambda: streams(page) == 0)
    node.complete(order)
    page.allow("/answers.* status of 409")  # this node keeps none
    title(page, "m · completed")
    page.settle(quiet=1)  # the report and its photos
    asked = page.run("return performance.getEntriesByType('resource').length")
    page.run_async("await new Promise((resolve) => setTimeout(resolve, 1000))")
    assert page.run("return performance.getEntriesByType('resource').length") == asked


def test_a_tab_that_was_opened_behind_another_one_gives_its_stream_back(page):
    page.cdp("Page.addScriptToEvaluateOnNewDocument", source="window.__hide(true)")
    page.open("#/jobs")
    wait_for("no stream", lambda: streams(page) == 0)
    page.run("window.__hide(false)")
    wait_for("a stream", lambda: streams(page) == 1)


def test_a_request_that_is_not_answered_ends(page, cluster):
    page.open("#/")
    page.find("heading")
    page.run("window.fetch = (address, { signal }) => new Promise((resolve, reject) =>"
             " signal.addEventListener('abort', () => reject(signal.reason)));")
    told = page.run_async("""
        const { get } = await import('/page/api.js');
        const given = new AbortController();
        const silent = get('/jobs').catch((error) => [error.name, error.status, error.message]);
        const left = get('/jobs', { signal: given.signal }).catch((error) => error.name);
        given.abort();
        return [await silent, await left];""")
    assert told == [["ApiError", 0, "there was no answer for 60 s"], "AbortError"]
