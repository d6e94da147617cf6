"""Who has nothing to do sleeps."""
import pathlib
import time

from harness import make_dataset, wait_for


def sleeps(process):
    """How often its threads have gone to sleep, each of which was a waking."""
    return sum(int(line.split()[1])
               for thread in pathlib.Path(f"/proc/{process.process.pid}/task").iterdir()
               for line in (thread / "status").read_text().splitlines()
               if line.startswith("voluntary_ctxt_switches"))


def wakes(process, seconds):
    before = sleeps(process)
    time.sleep(seconds)
    return sleeps(process) - before


def test_a_broker_that_nobody_asks_sleeps(cluster):
    cluster.start_broker()
    wait_for("an idle broker", lambda: wakes(cluster.broker, 1) <= 1)
    assert wakes(cluster.broker, 5) <= 2


def test_a_broker_and_its_node_without_a_training_wake_for_their_pings_alone(cluster):
    make_dataset(cluster.folder / "images")
    cluster.start_broker()
    node = cluster.start_node("node0")
    assert cluster.wait_job(cluster.train())["state"] == "completed"
    wait_for("an idle broker", lambda: wakes(cluster.broker, 3) <= 5)
    broker, both = sleeps(cluster.broker), sleeps(node)
    time.sleep(9)
    # In 3 s each sends a ping, gets its answer and answers the other's.
    assert sleeps(cluster.broker) - broker <= 12
    assert sleeps(node) - both <= 15
