"""200 nodes and 1,000 jobs, all of them busy: the page draws at most ten times a second, however much it is told. How
long that keeps the browser is measured by tests/bench/limits.py."""
from crowd import crowd_of, watch

UPDATES = 10


def test_of_200_nodes_and_1000_jobs_the_page_shows_what_is_told_at_most_ten_times_a_second(browser, cluster):
    with crowd_of(cluster) as crowd:
        browser.base = cluster.api
        for address in ("#/jobs", "#/models", "#/train", "#/"):
            _, updates = watch(browser, crowd, address)
            assert updates <= UPDATES + 1, f"{address}: {updates} updates a second"
        assert updates > 0.5, "what nodes tell is not shown"
        browser.picture("crowd", whole=True)
