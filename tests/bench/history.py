#!/usr/bin/python3
"""A state folder with many ended jobs, ten epochs each, and what the broker makes of it.

    DCLS=./dcls tests/bench/history.py [JOBS]     measures, and prints a line a figure"""
import json
import pathlib
import sqlite3
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from harness import Cluster  # noqa: E402

EPOCHS = 10
STATES = ("completed", "completed", "completed", "failed", "cancelled")
OPTIONS = json.dumps({"epochs": EPOCHS, "batchSize": 32, "learningRate": 0.001, "seed": 7})


def result(epoch):
    return json.dumps({"epoch": epoch, "train_loss": 1.9 / epoch, "train_accuracy": 100 - 63.271 / epoch,
                       "test_loss": 2.1 / epoch, "test_accuracy": 100 - 71.337 / epoch,
                       "epoch_time_seconds": 61.84 + 0.01 * epoch, "learning_rate": 0.001})


RESULTS = [result(epoch) for epoch in range(1, EPOCHS + 1)]
REPORT = json.dumps({"timestamp": "2026-11-27 12:00:00", "model_save_path": "models/m/m.pth",
                     "arguments": {"base_model": "resnet", "epochs": EPOCHS, "batch_size": 32, "learning_rate": 0.001},
                     "results": [json.loads(text) for text in RESULTS], "total_training_time": 619.1})
LOG = "".join(f"Epoch [{epoch}/{EPOCHS}], Train Loss: {1.9 / epoch:.4f}, Train Accuracy: {100 - 63 / epoch:.2f}%, "
              f"Test Loss: {2.1 / epoch:.4f}, Test Accuracy: {100 - 71 / epoch:.2f}%\n" for epoch in range(1, 11))


def row(number):
    """Of the table of jobs, by column."""
    state, ended = STATES[number % len(STATES)], 1_795_000_000_000 + number * 1000
    completed = state == "completed"
    return {"id": number, "state": state, "model_name": f"resnet-{number % 500}", "model_type": "resnet", "wanted": "",
            "node": f"node{number % 8}", "train_key": f"train:{ended}", "generation": 1, "options": OPTIONS,
            "epoch": EPOCHS, "cancelling": 0, "given_up": 0,
            "report": REPORT if completed else None, "log": LOG if completed else None,
            "error": "node 'node3' was lost" if state == "failed" else None,
            "created": ended - 620_000, "started": ended - 619_000, "ended": ended}


def make(state, jobs=100_000):
    """Puts so many jobs into the folder `state`, which the program makes first, so that the tables are its own."""
    state = pathlib.Path(state)
    with tempfile.TemporaryDirectory() as folder:
        broker = Cluster(folder)
        (pathlib.Path(folder) / "state").symlink_to(state)
        state.mkdir(parents=True, exist_ok=True)
        broker.start_broker().get("/healthz")  # its loop turns: it ends when it is told to
        broker.stop()
    database = sqlite3.connect(state / "dcls.db")
    database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
    columns = list(row(1))
    database.executemany(f"INSERT INTO jobs ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
                         (list(row(number).values()) for number in range(1, jobs + 1)))
    database.executemany("INSERT INTO results (job, epoch, result) VALUES (?, ?, ?)",
                         ((number, epoch, text) for number in range(1, jobs + 1)
                          for epoch, text in enumerate(RESULTS, 1)))
    database.commit()
    database.close()


def resident(pid):
    """Bytes."""
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def timed(ask):
    start = time.monotonic()
    answer = ask()
    return 1000 * (time.monotonic() - start), answer


def first_event(cluster):
    """Until the snapshot of GET /events has its first job."""
    import urllib.request
    with urllib.request.urlopen(cluster.api + "/events", timeout=30) as stream:
        for line in stream:
            if line.startswith(b"event: job"):
                return


def measure(jobs=100_000):
    """(what, value, unit) of each figure."""
    with tempfile.TemporaryDirectory(prefix="dcls-history-") as folder:
        cluster = Cluster(folder)
        make(cluster.folder / "state", jobs)
        start = time.monotonic()
        cluster.start_broker("--keep-jobs", jobs)
        yield "time until it listens", time.monotonic() - start, "s"
        yield "resident at first", resident(cluster.broker.process.pid) / 1e6, "MB"
        ms, page = min((timed(lambda: cluster.get("/jobs")) for _ in range(5)), key=lambda found: found[0])
        assert len(page["jobs"]) == 100 and page["jobs"][0]["id"] == str(jobs), page["jobs"][:1]
        yield "first page of GET /jobs", ms, "ms"
        yield "a page of a model's", timed(lambda: cluster.get("/jobs?model=resnet-1&limit=1000"))[0], "ms"
        middle = jobs // 2
        ms, job = timed(lambda: cluster.get(f"/jobs/{middle}"))
        assert [json.loads(text) for text in RESULTS] == job["results"]
        yield "GET /jobs/ID", ms, "ms"
        yield "GET /events, its first job", timed(lambda: first_event(cluster))[0], "ms"
        ms, listed = timed(lambda: cluster.client("jobs", "--all", "--json", timeout=300))
        assert len(json.loads(listed.stdout)["jobs"]) == jobs
        yield "dcls client jobs --all", ms, "ms"
        yield "resident after all that", resident(cluster.broker.process.pid) / 1e6, "MB"
        yield "database", (cluster.folder / "state/dcls.db").stat().st_size / 1e6, "MB"
        cluster.stop()


if __name__ == "__main__":
    COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    for what, value, unit in measure(COUNT):
        print(f"{COUNT} ended jobs: {what}: {value:.1f} {unit}")
