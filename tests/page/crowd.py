"""A large cluster, all of it busy, and what its page costs the browser: for tests/page and tests/bench."""
import asyncio
import contextlib
import pathlib
import sys
import threading
import time

from harness import PATIENCE, wait_for

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "bench"))
from fake_node import FakeNode  # noqa: E402
import history  # noqa: E402

NODES, JOBS, BUSY = 200, 1000, 40
SECONDS = 4
# Counts how often something of the view changed; what a change entails within 20 ms of its beginning is one with it.
COUNT = """window.__updates = 0; window.__begun = 0;
    new MutationObserver(() => { const now = performance.now();
        if (now - window.__begun <= 20) return;
        window.__updates++;
        window.__begun = now; }).observe(document.body,
        {subtree: true, childList: true, characterData: true, attributes: true});"""


class Crowd(threading.Thread):
    """200 nodes in a loop of their own; `talk`: those that train tell each batch, and all of them their load."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.nodes, self.loop, self.talks = port, [], asyncio.new_event_loop(), False
        self.ready, self.ended = threading.Event(), threading.Event()

    def run(self):
        self.loop.run_until_complete(self._live())

    async def _live(self):
        for i in range(NODES):
            self.nodes.append(await FakeNode(f"node{i:03}", self.port, [f"model{i % 20}"]).start())
        self.ready.set()
        batch = 0
        while not self.ended.is_set():
            await asyncio.sleep(0.05)
            batch += 1
            for place, node in enumerate(self.nodes if self.talks else []):
                if node.trainings:
                    training = node.trainings[-1]
                    node.send("TRAINING PROGRESS", **node.about(training), epoch=1, epochs=training["epochs"],
                              batch=batch, batches=1_000_000, loss=1 / batch, imagesPerSecond=100.0)
                if batch % 20 == place % 20:
                    node.send("CLIENT PING", load={"cpu": float(batch * (place + 7) % 100), "queue": batch % 3,
                                                   "memoryUsed": (batch * place % 1000) << 20})
        for node in self.nodes:
            node.close()
        await asyncio.sleep(0.05)

    def end(self):
        self.ended.set()
        self.join(20)


@contextlib.contextmanager
def crowd_of(cluster):
    """A broker with JOBS ended jobs and NODES nodes, of which BUSY train."""
    history.make(cluster.folder / "state", JOBS)
    cluster.start_broker()
    crowd = Crowd(cluster.port)
    crowd.start()
    try:
        assert crowd.ready.wait(60 * PATIENCE)
        wait_for("all nodes", lambda: len(cluster.node_names()) == NODES)
        for i in range(BUSY):
            train = {"modelType": "resnet", "modelName": f"new{i}", "epochs": 9, "node": f"node{i:03}"}
            status, _, body = cluster.request("POST", "/train", train, {"Prefer": "respond-async"})
            assert status == 202, body
        wait_for("the trainings", lambda: sum(bool(node.trainings) for node in crowd.nodes) == BUSY)
        yield crowd
    finally:
        crowd.end()


def count_updates(browser):
    """Of the view that is open, a second."""
    browser.run(COUNT)
    begin = time.monotonic()
    time.sleep(SECONDS)
    return browser.run("return window.__updates") / (time.monotonic() - begin)


def watch(browser, crowd, address):
    """(ms of the longest task since the view was opened, updates of it a second) while all nodes talk."""
    browser.allow("/report - .* status of 404", "/nodes/node\\d+/dataset - ")  # these nodes have neither
    browser.open(address)
    browser.find("heading")
    browser.settle()
    crowd.talks = True
    time.sleep(1)
    updates = count_updates(browser)
    crowd.talks = False
    return max((task["took"] for task in browser.seen()["tasks"]), default=0), updates
