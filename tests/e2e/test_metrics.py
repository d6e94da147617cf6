"""GET /metrics: its figures move as things happen, in a text that Prometheus takes."""
import concurrent.futures
import json
import pathlib
import re
import time

from harness import PATIENCE, wait_for
from raw_node import RawNode


def read(cluster):
    """{family or sample with its labels: value}; each family has its help and type once, before its samples."""
    status, headers, body = cluster.request("GET", "/metrics")
    assert status == 200 and headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    found, families, family = {}, set(), None
    for line in body.decode().splitlines():
        if line.startswith("# HELP "):
            family = line.split()[2]
            assert family not in families and len(line.split()) > 3
            families.add(family)
        elif line.startswith("# TYPE "):
            assert line.split()[2] == family and line.split()[3] in ("counter", "gauge", "histogram")
        else:
            sample, value = line.rsplit(" ", 1)
            name = sample.split("{")[0]
            assert re.fullmatch(re.escape(family) + "(_bucket|_sum|_count)?", name) and sample not in found, line
            found[sample] = float(value)
    return found


def test_figures_move_as_nodes_come_and_jobs_are_done(running):
    before = read(running)
    assert before['dcls_nodes{state="idle"}'] == 1 and before["dcls_training_images_total"] == 0
    assert before['dcls_jobs_finished_total{outcome="completed"}'] == 0
    assert running.wait_job(running.train(modelName="m", epochs=2))["state"] == "completed"
    after = read(running)
    assert after['dcls_jobs_finished_total{outcome="completed"}'] == after['dcls_jobs{state="completed"}'] == 1
    assert after["dcls_job_duration_seconds_count"] == 1 and after["dcls_job_duration_seconds_sum"] > 0
    # 24 images in batches of 4, twice.
    assert after["dcls_training_images_total"] == 48, after["dcls_training_images_total"]
    for image in ("images/test/red/0.png", "images/none.png"):
        running.request("POST", "/inference", {"imagePath": image})
    assert running.request("POST", "/inference", {"imagePath": "x", "modelName": "none"})[0] == 404
    for _ in range(2):
        assert running.request("GET", "/image?imagePath=images/test/red/0.png&width=16")[0] == 200
    after = read(running)
    assert after['dcls_thumbnails_total{outcome="made"}'] == after['dcls_thumbnails_total{outcome="cached"}'] == 1
    count = 'dcls_inferences_total{model="%s",node="%s",outcome="%s"}'
    assert after[count % ("m", "node0", "answered")] == after[count % ("m", "node0", "failed")] == 1
    assert after[count % ("", "", "refused")] == 1 and after["dcls_inferences_pending"] == 0
    assert after["dcls_inference_duration_seconds_count"] == 1
    assert after['dcls_inference_duration_seconds_bucket{le="+Inf"}'] == 1
    for name in ("dcls_link_received_bytes_total", "dcls_link_sent_bytes_total", "dcls_http_received_bytes_total",
                 "dcls_http_sent_bytes_total", 'dcls_node_traffic_bytes_total{node="node0"}'):
        assert after[name] > before[name], name
    assert after["process_cpu_seconds_total"] > 0 and after["process_resident_memory_bytes"] > 1 << 20
    assert abs(after["process_start_time_seconds"] - time.time()) < 300 * PATIENCE
    assert 10 < after["process_open_fds"] < after["process_max_fds"]


def test_what_runs_waits_and_is_cancelled_is_told_by_its_state(cluster):
    cluster.start_broker()
    node = RawNode(cluster.port, "raw")
    first, second = (cluster.train(modelName=name) for name in ("a", "b"))
    order = node.expect("SERVER TRAIN")
    node.progress(order, epochs=2, batch=3, batches=10, imagesPerSecond=12.5)
    wait_for("it runs", lambda: read(cluster)['dcls_jobs{state="running"}'] == 1)
    told = read(cluster)
    assert told['dcls_nodes{state="training"}'] == 1 and told['dcls_nodes{state="idle"}'] == 0
    assert told['dcls_jobs{state="queued"}'] == 1 and told["dcls_training_images_per_second"] == 12.5
    assert told["dcls_training_images_total"] == 3 * 4
    cluster.request("DELETE", f"/jobs/{second}")
    node.fail(order, "no more")
    cluster.wait_job(first)
    told = read(cluster)
    assert told['dcls_jobs_finished_total{outcome="failed"}'] == told['dcls_jobs{state="failed"}'] == 1
    assert told['dcls_jobs_finished_total{outcome="cancelled"}'] == told['dcls_jobs{state="cancelled"}'] == 1
    assert told["dcls_training_images_per_second"] == 0
    assert told["dcls_job_duration_seconds_count"] == 1  # the other never started
    node.send("CLIENT PING", load={"cpu": 25, "memoryUsed": 1 << 30, "queue": 3})
    wait_for("its load", lambda: read(cluster).get('dcls_node_queue_length{node="raw"}') == 3)
    told = read(cluster)
    assert told['dcls_node_cpu_usage_ratio{node="raw"}'] == 0.25
    assert told['dcls_node_memory_used_bytes{node="raw"}'] == 1 << 30
    node.close()
    wait_for("it is gone", lambda: read(cluster)['dcls_nodes{state="idle"}'] == 0)
    assert 'dcls_node_queue_length{node="raw"}' not in read(cluster)
    # What is stored is counted by state again after a restart; what happened begins anew.
    cluster.broker.stop()
    told = read(cluster.start_broker())
    assert told['dcls_jobs{state="failed"}'] == 1 and told['dcls_jobs_finished_total{outcome="failed"}'] == 0


def test_an_inference_whose_node_goes_is_counted_as_lost(cluster):
    cluster.start_broker()
    node = RawNode(cluster.port, "raw", models=["m"])
    wait_for("its model", lambda: cluster.get("/models")["models"])
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(cluster.request, "POST", "/inference", {"imagePath": "images/a.png", "modelName": "m"})
        node.expect("SERVER INFERENCE")
        wait_for("it is owed", lambda: read(cluster)["dcls_inferences_pending"] == 1)
        node.close()
        assert asked.result()[0] == 502
    assert read(cluster)['dcls_inferences_total{model="m",node="raw",outcome="lost"}'] == 1


def test_the_dashboard_shows_what_there_is(cluster):
    dashboard = json.loads((pathlib.Path(__file__).parents[2] / "examples/grafana/dcls.json").read_text())
    exprs = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    body = cluster.start_broker().request("GET", "/metrics")[2].decode()
    families = dict(re.findall("^# TYPE (\\S+) (\\S+)$", body, re.MULTILINE))
    known = {name + part for name, kind in families.items()
             for part in (("_bucket", "_sum", "_count") if kind == "histogram" else ("",))}
    used = set(re.findall("\\b(?:dcls|process)_\\w+", " ".join(exprs)))
    assert used <= known, used - known
    assert len(used) > 15 and dashboard["schemaVersion"] >= 38
    assert dashboard["templating"]["list"][0]["type"] == "datasource"
    places = [panel["gridPos"] for panel in dashboard["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(places)
