"""GET /metrics as Prometheus itself reads it, and the queries of examples/grafana."""
import json
import pathlib
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest
from harness import free_port, make_dataset, wait_for

DASHBOARD = pathlib.Path(__file__).parents[2] / "examples/grafana/dcls.json"


@pytest.fixture
def busy(cluster):
    """A cluster that has trained, failed and classified."""
    make_dataset(cluster.folder / "images")
    cluster.start_broker()
    cluster.start_node("node0")
    assert cluster.wait_job(cluster.train(modelName="m"))["state"] == "completed"
    for image in ("images/test/red/0.png", "images/none.png"):
        cluster.request("POST", "/inference", {"imagePath": image})
    return cluster


@pytest.fixture
def prometheus(busy):
    """The address of one that scrapes the cluster each second."""
    port, folder = free_port(), busy.folder / "prometheus"
    folder.mkdir()
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        f"scrape_configs: [{{job_name: dcls, static_configs: [{{targets: ['127.0.0.1:{busy.api_port}']}}]}}]\n")
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(["prometheus", f"--config.file={folder}/prometheus.yml",
                                    f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}"],
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(30)


def query(prometheus, text):
    """What it finds: {labels: value}; None while it does not answer."""
    address = f"{prometheus}/api/v1/query?" + urllib.parse.urlencode({"query": text})
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            told = json.load(answer)
    except urllib.error.HTTPError as error:
        assert error.code == 503, f"{text}: {error.read()}"  # it is starting
        return None
    except OSError:
        return None
    assert told["status"] == "success", told
    return {tuple(sorted(each["metric"].items())): float(each["value"][1]) for each in told["data"]["result"]}


def test_promtool_finds_nothing_to_say_of_the_metrics(busy):
    text = busy.request("GET", "/metrics")[2]
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_prometheus_scrapes_the_broker_and_answers_the_dashboards_queries(prometheus):
    found = wait_for("its first scrape", lambda: query(prometheus, 'dcls_jobs_finished_total{outcome="completed"}'), 60)
    assert list(found.values()) == [1]
    assert list(query(prometheus, "up").values()) == [1]
    assert list(query(prometheus, "sum(dcls_inferences_total)").values()) == [2]
    wait_for("a second one", lambda: list(query(prometheus, "count_over_time(up[1m])").values())[0] > 2)
    empty = []
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            if not query(prometheus, target["expr"].replace("$__rate_interval", "1m")):
                empty.append(target["expr"])
    # Of a node that waits for nothing there is no line.
    assert empty == ["sum by (node) (dcls_node_queue_length) > 0"]
