"""What the tests of bad days share: what has to be true when one is over."""
import os
import pathlib
import re

from harness import make_dataset, wait_for

# Of files that are being written, in the folders of a broker and of nodes.
TEMPORARY = re.compile(r"\.[0-9a-f]{16}\.tmp|\..*\.dcls-.*")
LONG = {"epochs": 500}  # far more than any test waits for


def start(cluster, **node):
    """A broker with a dataset of three colours, and node0."""
    make_dataset(cluster.folder / "images")
    cluster.start_broker()
    cluster.start_node("node0", **node)
    return cluster


def running_on(cluster, job, seconds=60):
    """Waits until the job's training has made a batch; returns the job."""
    return wait_for(f"job {job} trains", lambda: (lambda j: j if j["state"] == "running" and j["batch"] else None)(
        cluster.job(job)), seconds)


def processes_in(folder):
    """Process ids of all that runs in this folder or below, servers and workers, whoever started them."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if pathlib.Path(os.readlink(process / "cwd")).is_relative_to(folder) and (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue  # it ended meanwhile, or is another's
    return found


def temporaries_in(folder):
    return [path for path in pathlib.Path(folder).rglob("*") if TEMPORARY.fullmatch(path.name)]


def assert_nothing_is_left(cluster):
    """Ends the servers: neither process nor temporary file of theirs stays."""
    cluster.stop()
    wait_for("no process is left", lambda: not processes_in(cluster.folder), 10)
    assert temporaries_in(cluster.folder) == []


def assert_works(cluster, model="after"):
    """A training, and an answer by what it made."""
    wait_for("node0 is there", lambda: "node0" in cluster.node_names(), 30)
    job = cluster.wait_job(cluster.train(modelName=model))
    assert job["state"] == "completed", job
    cluster.client("infer", "--model", model, "images/test/red/0.png")


def assert_acknowledged(cluster, node="node0"):
    """The node has no outcome left that the broker would not have."""
    jobs = cluster.folder / node / "jobs"
    wait_for("every outcome is acknowledged", lambda: not list(jobs.glob("*.json")), 30)
