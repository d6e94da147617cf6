"""200 nodes and 1,000 jobs, all of them busy: the page draws at most ten times a second, however much it is told. How
long that keeps the browser is measured by tests/bench/limits.py."""
from crowd import count_updates, crowd_of, watch

UPDATES = 10
# Whether what these nodes tell is shown there.
VIEWS = {"#/jobs": True, "#/models": False, "#/train": False, "#/": True}


def test_of_200_nodes_and_1000_jobs_the_page_shows_what_is_told_at_most_ten_times_a_second(browser, cluster):
    with crowd_of(cluster) as crowd:
        browser.base = cluster.api
        for address, is_told in VIEWS.items():
            _, updates = watch(browser, crowd, address)
            assert updates <= UPDATES + 1, f"{address}: {updates} updates a second"
            assert updates > 0.5 or not is_told, f"{address}: what nodes tell is not shown"
        browser.picture("crowd", whole=True)


def test_a_page_that_changes_with_every_frame_would_be_told(browser, cluster):
    cluster.start_broker()
    browser.base = cluster.api
    browser.open("#/")
    browser.find("heading", "Cluster")
    browser.run("""const again = (now) => {
        document.body.dataset.frame = now;
        requestAnimationFrame(again);
    };
    requestAnimationFrame(again);""")
    assert count_updates(browser) > UPDATES + 1
