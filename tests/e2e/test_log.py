"""Nobody who reads a role's log, or does not, holds that role up."""
import os
import pty
import re
import select
import termios

import pytest

from harness import make_dataset, wait_for, worker_of
from raw_node import RawNode


class Unread:
    """A pipe that is full and that nobody reads until drain(), for a process's stderr."""

    def __init__(self):
        self.reader, self.writer = os.pipe()
        # Of its own, so that the pipe that is given away stays one that waits.
        filler = os.open(f"/proc/self/fd/{self.writer}", os.O_WRONLY | os.O_NONBLOCK)
        try:
            while True:
                os.write(filler, b"-" * 4096)
        except BlockingIOError:
            os.close(filler)
        os.set_blocking(self.reader, False)

    def drain(self):
        text = b""
        while select.select([self.reader], [], [], 0)[0]:
            piece = os.read(self.reader, 1 << 20)
            if not piece:
                break
            text += piece
        return text.lstrip(b"-").decode()

    def close(self):
        os.close(self.reader)
        os.close(self.writer)


@pytest.fixture
def unread():
    pipe = Unread()
    yield pipe
    pipe.close()


def told_lost(text):
    return re.search(r"warn: (\d+) lines? of the log (was|were) lost", text)


def test_a_broker_whose_log_nobody_reads_goes_on_and_says_later_what_was_lost(cluster, unread):
    make_dataset(cluster.folder / "images")
    cluster.start_broker(stderr=unread.writer, environment={"DCLS_LOG": "debug"})
    cluster.start_node("node0")
    assert cluster.wait_job(cluster.train(modelName="m"))["state"] == "completed"
    assert cluster.request("POST", "/inference", {"imagePath": "images/test/red/0.png", "modelName": "m"})[0] == 200
    assert unread.drain() == ""
    cluster.get("/nodes")
    lost = told_lost(wait_for("the log", unread.drain))
    assert lost and int(lost.group(1)) > 3
    unread.drain()
    cluster.get("/nodes")
    assert not told_lost(wait_for("the next line", unread.drain))


def test_a_broker_whose_log_nobody_reads_ends_when_told_to(cluster, unread):
    cluster.start_broker(stderr=unread.writer)
    assert cluster.broker.stop() == 0


def test_a_node_and_its_workers_whose_log_nobody_reads_go_on(cluster, unread):
    make_dataset(cluster.folder / "images")
    cluster.start_broker()
    node = cluster.start_node("node0", stderr=unread.writer, environment={"DCLS_LOG": "debug"})
    assert cluster.wait_job(cluster.train(modelName="m"))["state"] == "completed"
    question = {"imagePath": "images/test/red/0.png", "modelName": "m"}
    assert cluster.request("POST", "/inference", question)[0] == 200
    os.kill(worker_of(node)[0], 9)  # which the node would have said
    wait_for("an answer of the next", lambda: cluster.request("POST", "/inference", question)[0] == 200)
    unread.drain()
    os.kill(worker_of(node)[0], 9)
    lost = told_lost(wait_for("the log", unread.drain))
    assert lost and int(lost.group(1)) > 0
    assert node.stop() == 0


def test_a_terminal_that_was_stopped_holds_up_nobody_and_stays_as_it_was(cluster):
    master, slave = pty.openpty()
    blocking = os.get_blocking(slave)
    cluster.start_broker(stderr=slave, environment={"DCLS_LOG": "debug"})
    termios.tcflow(slave, termios.TCOOFF)  # Ctrl-S
    for _ in range(50):
        cluster.get("/nodes")
    while select.select([master], [], [], 0)[0]:
        os.read(master, 1 << 16)
    termios.tcflow(slave, termios.TCOON)
    cluster.get("/nodes")
    text = wait_for("the log", lambda: select.select([master], [], [], 0)[0] and os.read(master, 1 << 16).decode())
    assert int(told_lost(text).group(1)) >= 50
    assert os.get_blocking(slave) == blocking
    os.close(master)
    assert cluster.get("/nodes") == {"nodes": []}  # nor one that was closed
    os.close(slave)


@pytest.mark.parametrize("closed", ["2>&-", "0<&- 1>&- 2>&-"])
def test_a_broker_that_is_started_without_stderr_uses_its_number_for_nothing_else(cluster, closed):
    cluster.start_broker(within=["sh", "-c", f'exec "$@" {closed}', "sh"])
    assert os.readlink(f"/proc/{cluster.broker.process.pid}/fd/2") == "/dev/null"
    node = RawNode(cluster.port, "raw")
    node.send("NONSENSE")  # which is logged
    node.expect("ERROR")
    assert cluster.node_names() == ["raw"]
