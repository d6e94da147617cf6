"""A job, an inference, a listing and a cancel, while system calls or allocations of the broker or of the node fail; and
what has to hold when no more of them do: who asked was answered, what was acknowledged is there, and all works."""
import http.client
import json
import os
import pathlib
import shutil
import signal
import tempfile
import time
import urllib.error

from bad_day import temporaries_in
from call_faults import CallFaults
from harness import PATIENCE, Cluster, make_dataset, wait_for

ANSWER_SECONDS = 20  # in which each request is answered, whatever fails
HEAL_SECONDS = 45    # after which everything goes as before: longer than any back-off
ENDS = ("completed", "failed", "cancelled")
# What each call may fail with on a bad day. The first is tried at every call, the others at some.
CAUSES = {
    "openat": ("EMFILE", "EACCES"), "read": ("EIO", "EINTR"), "readv": ("ECONNRESET", "EINTR"), "pread64": ("EIO",),
    "write": ("ENOSPC", "EINTR"), "writev": ("ECONNRESET", "EINTR", "EAGAIN"), "pwrite64": ("ENOSPC", "EIO"),
    "ftruncate": ("ENOSPC",), "fallocate": ("ENOSPC",), "fdatasync": ("EIO", "ENOSPC"), "fsync": ("EIO", "ENOSPC"),
    "rename": ("EIO", "ENOSPC"), "unlink": ("EIO",), "mkdir": ("ENOSPC",), "getdents64": ("EIO",),
    "socket": ("EMFILE",), "connect": ("ENETUNREACH", "EAGAIN"), "accept4": ("EMFILE", "EINTR", "ECONNABORTED"),
    "sendto": ("ECONNRESET",), "recvfrom": ("ECONNRESET",), "sendmsg": ("ENOMEM",), "pipe2": ("EMFILE",),
    "pidfd_open": ("EMFILE",), "epoll_wait": ("EINTR",), "epoll_ctl": ("ENOMEM",), "mmap": ("ENOMEM",),
    "clone3": ("EAGAIN", "ENOMEM"),
}
OPTIONS = {"modelType": "resnet", "epochs": 1, "batchSize": 12, "imageSize": 32, "seed": 1, "noCheckpoint": True}


class FaultedJob:
    """A broker and a node, of which `role` is faulted. Its calls fail one after the other, in the same process as long
    as that lives."""

    def __init__(self, role, folder=None, allocations=None):
        """`allocations` is an AllocFaults where it is those that fail."""
        self.role, self.allocations = role, allocations
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="dcls-faults-"))
        self.cluster, self.faults, self.restarts, self.runs = Cluster(self.folder), None, 0, 0
        make_dataset(self.folder / "images", train=4, test=1)
        self._start("broker")
        self._start("node")
        job = self.cluster.wait_job(self.cluster.train(**{**OPTIONS, "modelName": "base"}))
        assert job["state"] == "completed", job

    def _start(self, role):
        options = {}
        if role == self.role and self.allocations:
            options["environment"] = self.allocations.environment
        elif role == self.role:
            self.faults = CallFaults()
            options["within"] = self.faults.within
        if role == "broker":
            self.cluster.start_broker(**options)
        else:
            self.cluster.start_node("node0", wait=False, **options)

    @property
    def victim(self):
        return self.cluster.broker if self.role == "broker" else self.cluster.nodes["node0"]

    def close(self):
        """Ends both, which must end well."""
        self.cluster.stop()

    def assert_nothing_is_left(self):
        left = temporaries_in(self.folder)
        assert left == [], left

    def discard(self):
        """After a failure: whatever state it is in."""
        for process in (self.cluster.nodes["node0"], self.cluster.broker):
            if process.alive():
                process.kill()

    def ask(self, method, path, body=None, headers=None):
        """(status, object); (None, None) where the connection failed. That there is no answer at all is a failure."""
        try:
            status, _, answer = self.cluster.request(method, path, body, headers, timeout=ANSWER_SECONDS)
        except TimeoutError:
            raise AssertionError(f"{method} {path}: no answer in {ANSWER_SECONDS} s") from None
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            if isinstance(getattr(error, "reason", None), TimeoutError):
                raise AssertionError(f"{method} {path}: no answer in {ANSWER_SECONDS} s") from None
            return None, None
        if self.allocations and status >= 400 and answer.startswith(b"<HTML>"):
            return status, {"error": "evhttp found no memory, and answers by itself"}
        try:
            return status, json.loads(answer)
        except ValueError:
            raise AssertionError(f"{method} {path}: {status} with what is no JSON: {answer[:200]}") from None

    def submit(self, name, **options):
        """The id of a job, where it was acknowledged."""
        status, answer = self.ask("POST", "/train", {**OPTIONS, **options, "modelName": name},
                                  {"Prefer": "respond-async"})
        assert status in (None, 202) or status >= 400 and answer["error"], (status, answer)
        return answer["job"] if status == 202 else None

    def infer(self):
        return self.ask("POST", "/inference", {"imagePath": "images/test/red/0.png", "modelName": "base"})

    def script(self):
        """What people do meanwhile; returns what they were told that stays so: {job: (its name, states allowed)}."""
        told = {}
        first = self.submit("m")
        if first:
            told[first] = ("m", ENDS)
        status, answer = self.infer()
        assert status in (None, 200) or answer["error"], (status, answer)
        status, answer = self.ask("GET", "/jobs")
        if status == 200 and first:
            assert first in [job["id"] for job in answer["jobs"]], "an acknowledged job is not listed"
        self._until(first, ENDS)
        second = self.submit("n", epochs=1000)
        if second:
            self._until(second, ("running", *ENDS), 5)
            status, answer = self.ask("DELETE", f"/jobs/{second}")
            told[second] = ("n", ("cancelled",) if status == 200 else ENDS)
            if status not in (200, 202):
                self._until(second, ENDS, 2)
        return told

    def _until(self, job, states, seconds=10):
        """Waits a while, as a person does who looks again and again."""
        end = time.monotonic() + seconds * PATIENCE
        while job and time.monotonic() < end and self.victim.alive():
            status, answer = self.ask("GET", f"/jobs/{job}")
            if status == 200 and answer["state"] in states:
                return
            time.sleep(0.15)

    def heal(self, told):
        if not self.victim.alive():
            self._buried()
        wait_for("the broker is well", lambda: self.ask("GET", "/healthz")[0] == 200, HEAL_SECONDS)
        wait_for("the node is there", lambda: "node0" in [node["name"] for node in
                                                          (self.ask("GET", "/nodes")[1] or {"nodes": []})["nodes"]],
                 HEAL_SECONDS)
        for job, (name, allowed) in told.items():
            if "cancelled" in allowed and self.ask("GET", f"/jobs/{job}")[1].get("state") not in ENDS and name == "n":
                self.ask("DELETE", f"/jobs/{job}")  # it was not told to end
            ended = self.cluster.wait_job(job, seconds=HEAL_SECONDS)
            assert ended["state"] in allowed, (ended, allowed)
            assert ended["state"] != "failed" or ended.get("error"), ended
            if ended["state"] == "completed":
                assert len(ended["results"]) == ended["epochs"], ended
                wait_for("its model is listed", lambda: name in [model["name"] for model in
                                                                 self.cluster.get("/models")["models"]], HEAL_SECONDS)
        # Jobs that were not acknowledged may be there all the same: the answer is what was lost.
        for job in self.cluster.get("/jobs")["jobs"]:
            if job["state"] not in ENDS:
                self.ask("DELETE", f"/jobs/{job['id']}")
                self.cluster.wait_job(job["id"], seconds=HEAL_SECONDS)
        wait_for("the model answers", lambda: self.infer()[0] == 200, HEAL_SECONDS)
        self._restart_a_node_that_could_not_drop()
        wait_for("outcomes are acknowledged", lambda: not self._outcomes(), HEAL_SECONDS)

    def _outcomes(self):
        return list((self.folder / "node0/jobs").glob("*.json"))

    def _restart_a_node_that_could_not_drop(self):
        """An acknowledged outcome that it could not remove is told, and acknowledged, again after its next start."""
        node = self.cluster.nodes["node0"]
        try:
            wait_for("outcomes are acknowledged", lambda: not self._outcomes(), 2)
        except AssertionError:
            if "could not be removed" in node.text() or "no memory to remove the outcome" in node.text():
                node.stop()
                self._start("node")

    def _buried(self):
        """The victim ended: it said why, in its own words, and comes back."""
        code = self.victim.process.wait()
        last = self.victim.text().strip().splitlines()[-1]
        assert 0 < code < 126, f"{self.role} ended with {code}:\n{self.victim.text()[-3000:]}"
        assert last.startswith("dcls: ") or " error: " in last, f"{self.role} ended with {code} and the words {last}"
        self.restarts += 1
        self._start(self.role)

    def run(self, call, cause, nth, count=1):
        """Fails the nth call, and `count` - 1 behind it. True where there was one; raises where something is wrong."""
        self.runs += 1
        self.faults.refuse(call, cause, nth, count)
        told = self.script()
        hit = not self.victim.alive()
        if not hit:
            hit = self.faults.counts()["hits"] > 0
            self.faults.off()
        self.heal(told)
        return hit

    def run_allocations(self, gap_ms):
        """Fails one stack after the other that has not failed yet. Returns how many."""
        self.runs += 1
        before = self.allocations.hits
        self.allocations.arm(gap_ms)
        try:
            told = self.script()
        finally:
            self.allocations.off()
        self.heal(told)
        return self.allocations.hits - before

    def counts(self):
        """How often a script without faults makes each call."""
        self.faults.off()
        told = self.script()
        counts = self.faults.counts()
        self.heal(told)
        return counts

    def finish(self):
        """Ends it all, well; what failed on the way has left no half file."""
        self.close()
        self.assert_nothing_is_left()
        shutil.rmtree(self.folder)
