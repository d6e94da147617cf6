"""Fixtures: a Chromium, a cluster of real processes (that of tests/e2e), and pages of other origins."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from harness import Cluster  # noqa: E402
from browser import Browser  # noqa: E402


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    made = Browser(tmp_path_factory.mktemp("chromium"))
    yield made
    made.stop()


@pytest.fixture
def cluster(tmp_path):
    """A Cluster on which nothing runs yet; all that a test starts is ended, and must end well."""
    made = Cluster(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def browser(chromium, cluster):
    """A tab, closed before the cluster ends; what the browser noted of it meanwhile must be nothing."""
    chromium.begin()
    chromium.cluster = cluster
    yield chromium
    chromium.end()
