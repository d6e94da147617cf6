"""What the broker keeps of trainings: how it is listed, how long it is kept, and what it says when it cannot be."""
import json
import sqlite3
import subprocess
import urllib.request

import pytest
from harness import Cluster, Process, wait_for


MADE = 25


def make_ended(cluster, count):
    """That many cancelled jobs, of models m0, m1, m0, m1, …"""
    for i in range(count):
        status, answer = submit(cluster, f"m{i % 2}")
        assert status == 202, answer
        assert cluster.request("DELETE", f"/jobs/{answer['job']}")[0] == 200


@pytest.fixture(scope="module")
def listed(tmp_path_factory):
    """A broker with ended jobs 1 to 25, of m0 (odd ids) and m1 (even ones), and a queued 26th of m2."""
    made = Cluster(tmp_path_factory.mktemp("listed"))
    try:
        made.start_broker()
        make_ended(made, MADE)
        assert submit(made, "m2")[0] == 202
        yield made
    finally:
        made.stop()


def test_of_a_state_that_cannot_be_read_nothing_is_used_and_nothing_is_written(tmp_path):
    cluster = Cluster(tmp_path).start_broker()
    for model in ("m0", "m1"):
        assert submit(cluster, model)[0] == 202
    cluster.stop()
    with sqlite3.connect(tmp_path / "state" / "dcls.db") as db:
        # Which would be cancelled at once.
        db.execute("UPDATE jobs SET state = 'starting', node = 'n', generation = 1, cancelling = 1 WHERE id = 1")
        db.execute("UPDATE jobs SET state = 'sleeping' WHERE id = 2")
        before = db.execute("SELECT * FROM jobs").fetchall()
    db.close()
    broker = Process(tmp_path, "again", "broker", "--port", 0, "--api-port", 0, "--state", tmp_path / "state")
    assert broker.process.wait(60) == 1
    assert "dcls.db': a job of the state's database is 'sleeping'" in broker.text()
    with sqlite3.connect(tmp_path / "state" / "dcls.db") as db:
        assert db.execute("SELECT * FROM jobs").fetchall() == before
    db.close()


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of a mebibyte. Skips, and says why, where it cannot be mounted."""
    folder = tmp_path / "state"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"NOT TESTED: a full disk, which cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(path):
    with open(path, "wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass  # it is full


def health(cluster):
    status, _, body = cluster.request("GET", "/healthz")
    return status, json.loads(body)


def submit(cluster, name):
    status, _, body = cluster.request("POST", "/train", {"modelType": "resnet", "modelName": name, "epochs": 1},
                                      {"Prefer": "respond-async"})
    return status, json.loads(body)


def test_a_full_disk_is_told_by_healthz_until_it_has_room_again(tmp_path, small_disk):
    broker = Cluster(tmp_path).start_broker()
    try:
        status, told = health(broker)
        assert (status, told["status"], told["unstored"]) == (200, "ok", 0)
        assert told["lanes"]["store"] == 0
        fill(small_disk / "filler")
        status, refused = submit(broker, "m" * 60)
        assert status == 500 and refused["error"]
        status, told = health(broker)
        assert (status, told["status"]) == (503, "failing") and "full" in told["reason"] and told["since"] > 0
        assert broker.get("/jobs")["jobs"] == []
        (small_disk / "filler").unlink()
        assert submit(broker, "m")[0] == 202
        wait_for("health", lambda: health(broker)[0] == 200)
    finally:
        broker.stop()


def ids(page):
    return [int(job["id"]) for job in page["jobs"]]


def test_jobs_are_listed_in_pages_the_newest_first(listed):
    first = listed.get("/jobs?limit=10")
    assert ids(first) == list(range(26, 16, -1)) and (first["next"], first["more"]) == ("17", 16)
    second = listed.get(f"/jobs?limit=10&before={first['next']}")
    assert ids(second) == list(range(16, 6, -1)) and second["more"] == 6
    last = listed.get(f"/jobs?limit=10&before={second['next']}")
    assert ids(last) == list(range(6, 0, -1)) and last["more"] == 0 and "next" not in last
    assert ids(listed.get("/jobs")) == list(range(26, 0, -1))
    assert ids(listed.get("/jobs?before=9000")) == list(range(26, 0, -1))
    assert ids(listed.get("/jobs?before=1")) == []
    assert not any("results" in job for job in first["jobs"])
    assert listed.job(26)["results"] == []


def test_pages_are_of_a_state_or_a_model_where_it_is_asked_for(listed):
    assert ids(listed.get("/jobs?state=queued")) == [26]
    page = listed.get("/jobs?model=m1&limit=5")
    assert ids(page) == [24, 22, 20, 18, 16] and (page["next"], page["more"]) == ("16", 7)
    assert ids(listed.get("/jobs?model=m1&limit=9&before=16&state=cancelled")) == [14, 12, 10, 8, 6, 4, 2]
    assert ids(listed.get("/jobs?model=none")) == ids(listed.get("/jobs?state=ending")) == []


@pytest.mark.parametrize("query, named", [
    ("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("limit=", "limit"), ("limit=-1", "limit"),
    ("limit=99999999999999999999", "limit"), ("before=0", "before"), ("before=1x", "before"), ("before=", "before"),
    ("state=sleeping", "state"), ("state=", "state"), ("model=../x", "model"), ("model=", "model"),
])
def test_a_wrong_question_about_jobs_is_refused_by_its_parameter(listed, query, named):
    status, _, body = listed.request("GET", f"/jobs?{query}")
    assert status == 400 and json.loads(body)["error"].startswith(f"'{named}' is ")


def test_the_client_lists_the_newest_and_says_how_many_are_not_shown(listed):
    def column(done):
        return [int(line.split()[0]) for line in done.stdout.splitlines()[1:]]

    shown = listed.client("jobs")
    assert column(shown) == list(range(7, 27)) and shown.stderr == "6 older ones are not shown: --all lists them\n"
    everything = listed.client("jobs", "--all")
    assert column(everything) == list(range(1, 27)) and not everything.stderr
    assert column(listed.client("jobs", "--limit", 3)) == [24, 25, 26]
    assert column(listed.client("jobs", "--model", "m1", "--limit", 2)) == [22, 24]
    assert column(listed.client("jobs", "--state", "queued")) == [26]
    whole = json.loads(listed.client("jobs", "--all", "--json").stdout)
    assert ids(whole) == list(range(26, 0, -1)) and whole["more"] == 0 and "next" not in whole
    assert json.loads(listed.client("jobs", "--json").stdout)["next"] == "7"
    for wrong in (["--all", "--limit", 3], ["--limit", 0], ["--state", "sleeping"], ["--model", "../x"]):
        assert listed.client("jobs", *wrong, check=False).returncode == 2


def test_the_client_pages_through_more_than_one_answer_has(cluster):
    cluster.start_broker()
    make_ended(cluster, 1005)
    whole = json.loads(cluster.client("jobs", "--all", "--json").stdout)
    assert ids(whole) == list(range(1005, 0, -1))
    assert ids(json.loads(cluster.client("jobs", "--limit", 1003, "--json").stdout)) == list(range(1005, 2, -1))


def test_the_oldest_ended_jobs_are_forgotten_and_the_models_keep_their_reports(running):
    made = running.wait_job(running.train(modelName="kept"))
    assert made["state"] == "completed"
    running.wait_job(running.train(modelName="other"))
    running.request("DELETE", "/models/other")
    running.broker.stop()
    running.start_broker("--keep-jobs", 2)
    make_ended(running, 3)
    wait_for("two jobs", lambda: ids(running.get("/jobs")) == [5, 4])
    assert running.request("GET", "/jobs/1")[0] == 404
    assert "epoch" in running.client("report", "kept").stdout.lower()
    assert "Epoch [1/1]" in running.client("log", "kept").stdout
    assert running.client("log", "other", check=False).returncode == 1
    running.broker.stop()
    running.start_broker("--keep-jobs", 2)
    wait_for("two jobs", lambda: ids(running.get("/jobs")) == [5, 4])
    assert "Epoch [1/1]" in running.client("log", "kept").stdout


def test_a_snapshot_of_all_events_has_what_goes_on_and_the_newest_that_ended(cluster):
    cluster.start_broker()
    assert submit(cluster, "first")[0] == 202
    make_ended(cluster, 120)
    assert submit(cluster, "last")[0] == 202
    with urllib.request.urlopen(cluster.api + "/events", timeout=10) as stream:
        seen = []
        while not seen or seen[-1] != 122:
            line = stream.readline().decode()
            if line.startswith("data: "):
                seen.append(int(json.loads(line[6:])["id"]))
    assert seen == [1, *range(22, 123)]


def test_who_begins_to_watch_late_is_told_of_every_epoch(running):
    job = running.train(modelName="late", epochs=4)
    wait_for("an epoch", lambda: len(running.job(job)["results"]) >= 2)
    done = running.client("watch", job)
    assert [line.split("]")[0] for line in done.stdout.splitlines()[:4]] == [f"Epoch [{i}/4" for i in range(1, 5)]
    assert "after 4 epochs" in done.stdout.splitlines()[-1]
    whole = json.loads(running.client("watch", job, "--json").stdout)
    assert [result["epoch"] for result in whole["results"]] == [1, 2, 3, 4]
