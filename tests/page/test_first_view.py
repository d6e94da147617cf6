"""What a person who opens the page waits for."""
from harness import make_dataset

LARGEST = 300_000


def test_the_first_view_is_small_and_never_unstyled(browser, cluster):
    make_dataset(cluster.folder / "images")
    cluster.start_broker()
    cluster.start_node("node0")
    browser.base = cluster.api
    browser.cdp("Network.clearBrowserCache")
    browser.open("about:blank")
    browser.look()
    browser.requests = []
    browser.open("#/")
    browser.wait_text("node0")
    first = browser.transferred()
    browser.settle(quiet=2)  # the other views' files are fetched ahead
    moved = browser.transferred()
    print(f"first view: {first} bytes, with what is fetched ahead {moved}")
    assert 0 < first <= moved < LARGEST
    paint, styles = browser.run("""return [performance.getEntriesByName('first-paint')[0].startTime,
        performance.getEntriesByType('resource').filter((one) => one.renderBlockingStatus === 'blocking')
            .map((one) => [one.name, one.responseEnd])]""")
    assert any(name.endswith(".css") for name, _ in styles) and any("theme" in name for name, _ in styles), styles
    assert all(end <= paint for _, end in styles), (paint, styles)
    sheets = browser.run("return [...document.querySelectorAll('link[rel=stylesheet]')].map((one) => one.href)")
    assert sheets and set(sheets) <= {name for name, _ in styles}


def test_a_second_visit_brings_nothing_that_is_there_already(browser, cluster):
    cluster.start_broker()
    browser.base = cluster.api
    browser.open("#/")
    browser.settle(quiet=2)  # the other views' files are fetched ahead
    browser.look()
    browser.requests = []
    browser.open("#/")
    browser.settle()
    assert browser.transferred() < 30_000


def test_what_the_page_may_do_is_little(browser, cluster):
    cluster.start_broker()
    status, headers, _ = cluster.request("GET", "/")
    policy = headers["Content-Security-Policy"]
    assert status == 200 and "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and "*" not in policy and "http" not in policy
    browser.base = cluster.api
    browser.allow("Refused to execute inline script", "violates the following Content Security Policy", "script-src")
    browser.open("#/")
    browser.run("document.body.append(Object.assign(document.createElement('script'),"
                "{textContent: 'window.__ran = true'}))")
    assert browser.run("return window.__ran === undefined")
