"""A network that cuts every connection at a random byte."""
import collections
import random
import re
import socket
import threading

from bad_day import assert_acknowledged, assert_nothing_is_left, assert_works
from harness import make_dataset, wait_for

CUTS, NODES = 200, 24
SHORT = 3  # connections of one node in a row that may be cut in the greeting: one that is away for 60 s loses its job
STARTS = 3  # of a job that are lost in a row fail it: each such one gets through
LONG = 8000  # bytes that a greeting, or a start and its answer, do not come near


class Cutter:
    """Passes connections on to a port; each is cut when so many bytes have gone through it, either way together."""

    def __init__(self, port, seed):
        self.port_behind, self.random, self.cuts, self.cutting = port, random.Random(seed), 0, True
        self.lock, self.short, self.starts = threading.Lock(), {}, collections.Counter()
        self.server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.server.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                near, _ = self.server.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.port_behind), 5)
            except OSError:
                near.close()
                continue
            left = []
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(source, target, left), daemon=True).start()

    def _draw(self, greeting):
        """Most end in the greeting, which has some 1,500 bytes, or soon after; some within words about a training."""
        left = self.random.randrange(0, self.random.choice((1000, 2000, 3000, LONG)))
        name = re.search(rb'"name": "(\w+)"', greeting)
        if name:
            short = self.short.get(name[1], 0)
            left = left if short < SHORT else LONG
            self.short[name[1]] = short + 1 if left < 3000 else 0
        return left

    def _let_start(self, data, left):
        start = re.search(rb'SERVER TRAIN.*"modelName": "(\w+)"', data)
        if start:
            self.starts[start[1]] += 1
            if self.starts[start[1]] % STARTS == 0 and left[0] >= 0:
                left[0] = max(left[0], LONG)

    def _pass(self, source, target, left):
        try:
            while data := source.recv(4096):
                with self.lock:
                    if not left:
                        left.append(self._draw(data))
                    self._let_start(data, left)
                    whole = len(data) <= left[0] or not self.cutting
                    data = data if whole else data[:max(0, left[0])]
                    left[0] -= len(data)
                if data:
                    target.sendall(data)
                if not whole:
                    with self.lock:
                        self.cuts += left[0] >= 0
                        left[0] = -1
                    break
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop_cutting(self):
        self.cutting = False

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()


def test_jobs_end_well_although_their_connection_is_cut_200_times(cluster):
    make_dataset(cluster.folder / "images")
    cluster.start_broker()
    cutter, port = Cutter(cluster.port, seed=1), cluster.port
    ended, jobs = {}, []
    try:
        cluster.port = cutter.port
        # A node whose connections do not last connects again after up to 10 s: many make many connections.
        for i in range(NODES):
            cluster.start_node(f"node{i}", wait=False)

        def drive():
            for job in [job for job in jobs if job not in ended]:
                seen = cluster.job(job)
                if seen["state"] in ("completed", "failed", "cancelled"):
                    ended[job] = seen
            while len(jobs) - len(ended) < 2:
                jobs.append(cluster.train(modelName=f"m{len(jobs)}", epochs=3))
            return cutter.cuts >= CUTS

        wait_for(f"{CUTS} cuts", drive, 150)
        cutter.stop_cutting()
        for job in jobs:
            ended[job] = cluster.wait_job(job, seconds=120)
        for job in ended.values():
            assert job["state"] == "completed", f"job {job['id']}: {job.get('error')}"
            assert [result["epoch"] for result in job["results"]] == [1, 2, 3]
        assert len(jobs) > 2 and len(cutter.starts) == len(jobs)
        wait_for("all nodes are there", lambda: len(cluster.node_names()) == NODES, 30)
        names = {job["modelName"] for job in ended.values()}
        wait_for("all models are listed", lambda: names <= {m["name"] for m in cluster.get("/models")["models"]})
        assert_works(cluster)
        for i in range(NODES):
            assert_acknowledged(cluster, f"node{i}")
    finally:
        cluster.port = port
        cutter.close()
    assert_nothing_is_left(cluster)
