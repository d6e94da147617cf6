#!/usr/bin/python3
"""Random trainings, inferences, cancellations and removals, while processes are killed and stopped and connections are
cut, for minutes; then what has to hold is looked at. By hand:

soak.py [--minutes 30] [--seed N] [--nodes 3] [--keep FOLDER]

It goes in rounds: chaos for a while, then everything is healed and has to come to rest. Then: every job that was
acknowledged is there and has ended; what a client was told of an end is still so; what was cancelled is not completed;
what was removed is gone; a model that was completed answers; no process and no file is left over; memory and
descriptors are as they were. A breach is told at once and ends it with 1. The seed decides what is done; when it
happens is the machine's, so that a seed is not the same run twice.
"""
import argparse
import collections
import json
import math
import os
import pathlib
import random
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
import urllib.error

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from harness import Cluster, Process, make_dataset, wait_for, worker_of  # noqa: E402
from proxy import Proxy  # noqa: E402

ENDED = ("completed", "failed", "cancelled")
NAMES = [f"m{k}" for k in range(6)]
CLIENTS, OUTSTANDING = 4, 8
CHAOS_S, REST_S = 40, 260  # a node may be away for 60 s, a worker silent for 120 s, before a job is given up
UNREACHABLE = (OSError, urllib.error.URLError, ValueError)  # also an answer that broke off


class Book:
    """What was told by whom, to be held against what is so in the end."""

    def __init__(self):
        self.lock = threading.RLock()
        self.jobs = {}  # id: what is known of it
        self.counts = collections.Counter()
        self.reasons = collections.Counter()
        self.removed_ms = {}  # model: when its removal was last asked for
        self.breaches = []

    def count(self, what):
        with self.lock:
            self.counts[what] += 1

    def breach(self, text):
        with self.lock:
            self.breaches.append(text)
        print(f"BREACH: {text}", flush=True)

    def saw(self, job, whence, asked=math.inf):
        """A client was told this, who had asked then: another may have been told of the end meanwhile."""
        with self.lock:
            known = self.jobs.get(str(job["id"]))
            if known is None:
                return
            before, state = known.get("ended"), job["state"]
            # What was given up with its node may come back with it.
            lost = before == "failed" and "was lost" in known["reason"]
            if before and state != before and not lost and asked > known["told"]:
                self.breach(f"job {job['id']} was told to be {before} ('{known['reason']}') and is {state}: {whence}")
            if state in ENDED:
                known["ended"], known["reason"] = state, job.get("reason") or job.get("error") or ""
                known["last"], known["told"] = job, time.monotonic()

    def outstanding(self):
        with self.lock:
            return [job for job, known in self.jobs.items() if not known.get("ended")]


class Soak:
    def __init__(self, folder, seed, nodes):
        self.folder, self.seed = folder, seed
        self.cluster, self.book = Cluster(folder), Book()
        make_dataset(folder / "images")
        self.image = (folder / "images/test/red/0.png").read_bytes()
        self.cluster.start_broker()
        # Names of its own: a node that something else left behind may come to a port that was its broker's.
        self.proxies = {f"node{k}-{os.getpid()}": Proxy(self.cluster.port, seed + k) for k in range(nodes)}
        self.stopped = {}  # process id: why it is stopped
        self.due = {}  # name: when it is started again
        self.lock = threading.RLock()
        self.samples = []
        for name in self.proxies:
            self.start_node(name)
        wait_for("the nodes", lambda: len(self.cluster.node_names()) == nodes)

    def start_node(self, name):
        process = Process(self.folder, name, "node", "--name", name, "--port", self.proxies[name].port, "--threads", 1)
        self.cluster.nodes[name] = process
        self.cluster.started.append(process)

    # What clients do

    def ask(self, method, path, body=None, headers=None, timeout=40):
        try:
            return self.cluster.request(method, path, body, headers, timeout=timeout)
        except UNREACHABLE:
            self.book.count(f"{method} without an answer")
            time.sleep(1)
            return None, None, b""

    def train(self, choose):
        if len(self.book.outstanding()) >= OUTSTANDING:
            return
        wanted = {"modelType": "resnet", "epochs": choose.choice((1, 1, 2, 4)), "batchSize": 4, "imageSize": 32,
                  "learningRate": 0.001, "seed": choose.randrange(1000), "noCheckpoint": choose.random() < 0.5,
                  "weights": "none"}
        if choose.random() < 0.8:
            wanted["modelName"] = choose.choice(NAMES)
        if choose.random() < 0.3:
            wanted["node"] = choose.choice(list(self.proxies))
        status, _, body = self.ask("POST", "/train", wanted, {"Prefer": "respond-async"})
        self.book.count(f"POST /train: {status}")
        if status == 202:
            job = str(json.loads(body)["job"])
            with self.book.lock:
                self.book.jobs[job] = {"wanted": wanted}

    def look(self, choose):
        with self.book.lock:
            jobs = list(self.book.jobs)
        if not jobs:
            return
        job, asked = choose.choice(jobs[-20:]), time.monotonic()
        status, _, body = self.ask("GET", f"/jobs/{job}")
        if status == 200:
            self.book.saw(json.loads(body), "GET /jobs/ID", asked)
        elif status is not None and status < 500:
            self.book.breach(f"job {job} was acknowledged, and GET /jobs/{job} answers {status}: {body[:100]}")

    def cancel(self, choose):
        open_jobs = self.book.outstanding()
        if not open_jobs or choose.random() < 0.7:  # most are to come to their end
            return
        job = choose.choice(open_jobs)
        status, _, body = self.ask("DELETE", f"/jobs/{job}")
        self.book.count(f"DELETE /jobs: {status}")
        with self.book.lock:
            if status == 200:
                self.book.saw({"id": job, "state": "cancelled", "reason": "DELETE answered 200"}, "DELETE")
            elif status == 202:
                self.book.jobs[job]["cancelling"] = True

    def infer(self, choose):
        name = choose.choice(NAMES)
        status, _, body = self.ask("POST", f"/inference?model={name}", self.image, {"Content-Type": "image/png"})
        self.book.count(f"POST /inference: {status}")
        if status == 200 and not json.loads(body).get("predicted_class"):
            self.book.breach(f"an inference with '{name}' was answered by {body[:200]}")

    def remove(self, choose):
        name = choose.choice(NAMES)
        with self.book.lock:
            self.book.removed_ms[name] = float("inf")  # it may be done at any time from now on
        status, _, body = self.ask("DELETE", f"/models/{name}")
        self.book.count(f"DELETE /models: {status}")
        with self.book.lock:
            self.book.removed_ms[name] = time.time() * 1000 + 1

    def client(self, number, until):
        choose = random.Random(f"{self.seed} client {number} {until:.0f}")
        doings = [self.train] * 5 + [self.look] * 6 + [self.infer] * 5 + [self.cancel, self.remove]
        while time.monotonic() < until:
            try:
                choose.choice(doings)(choose)
            except Exception as error:  # noqa: B902: what is answered that cannot be understood is a breach
                self.book.breach(f"a client could not go on: {error!r}")
            time.sleep(choose.uniform(0, 0.6))

    # What goes wrong

    def victims(self):
        """(what it is, its name, process id) of everything that may be hit."""
        found = [("broker", "broker", self.cluster.broker.process.pid)] if self.cluster.broker.alive() else []
        for name, node in self.cluster.nodes.items():
            if node.alive():
                found.append(("node", name, node.process.pid))
                found += [("worker", "", pid) for pid in worker_of(node)]
        return found

    def chaos(self, until, number):
        choose = random.Random(f"{self.seed} chaos {number}")
        while time.monotonic() < until:
            time.sleep(choose.uniform(0.3, 3))
            self.mend(choose)
            act = choose.choice(("kill", "kill", "stop", "stop", "cut", "cut", "cut after", "cut after", "stall",
                                 "refuse"))
            proxy = choose.choice(list(self.proxies.values()))
            if act in ("kill", "stop"):
                self.hit(act, choose)
            elif act == "cut":
                proxy.cut()
            elif act == "cut after":
                proxy.cut_after(choose.randrange(1, 4000))
            elif act == "stall":
                proxy.stall(choose.uniform(0.5, 15))
            else:
                proxy.refusing = True
                threading.Timer(choose.uniform(1, 12), proxy.heal).start()
            if act not in ("kill", "stop"):
                self.book.count(f"connections: {act}")

    def hit(self, act, choose):
        victims = self.victims()
        kind = choose.choice(sorted({victim[0] for victim in victims}))
        _, what, pid = choose.choice([victim for victim in victims if victim[0] == kind])
        try:
            os.kill(pid, signal.SIGKILL if act == "kill" else signal.SIGSTOP)
        except ProcessLookupError:
            return  # it ended by itself
        self.book.count(f"{'kill -9' if act == 'kill' else 'SIGSTOP'} of {kind}")
        with self.lock:
            if act == "stop":
                self.stopped[pid] = time.monotonic() + choose.uniform(0.5, 20)
            elif kind in ("broker", "node"):
                self.due[what] = time.monotonic() + choose.uniform(0, 6)

    def mend(self, choose=None):
        """Starts again what was killed, and lets go on what was stopped: what is due, all where nobody chooses."""
        now = time.monotonic() if choose else float("inf")
        with self.lock:
            for pid in [pid for pid, due in self.stopped.items() if due <= now]:
                del self.stopped[pid]
                try:
                    os.kill(pid, signal.SIGCONT)
                except ProcessLookupError:
                    pass
            for name in [name for name, due in self.due.items() if due <= now]:
                del self.due[name]
                self.restart(name)
        for name, process in (("broker", self.cluster.broker), *self.cluster.nodes.items()):
            if not process.alive() and name not in self.due:
                if process.process.returncode != -signal.SIGKILL:
                    self.book.breach(f"{name} ended by itself with {process.process.returncode}: "
                                     f"{process.text()[-1500:]}")
                self.restart(name)

    def restart(self, name):
        if name == "broker":
            self.cluster.broker.process.wait(10)
            self.cluster.start_broker()
        else:
            self.cluster.nodes[name].process.wait(10)
            self.start_node(name)

    # What has to hold

    def rest(self):
        """Heals everything, and waits until there is nothing left to do."""
        for proxy in self.proxies.values():
            proxy.heal()
        self.mend()
        end = time.monotonic() + REST_S
        while True:
            for pid in worker_pids(self.folder):
                try:
                    os.kill(pid, signal.SIGCONT)  # one whose node was killed
                except ProcessLookupError:
                    pass
            for job in self.book.outstanding():
                status, _, body = self.ask("GET", f"/jobs/{job}")
                if status == 200:
                    self.book.saw(json.loads(body), "at rest")
                elif status == 404:
                    self.book.breach(f"job {job} was acknowledged and is not there any more")
                    del self.book.jobs[job]
            if not self.book.outstanding() and len(self.cluster.node_names()) == len(self.proxies):
                return
            if time.monotonic() > end:
                for job in self.book.outstanding():
                    self.book.breach(f"not ended {REST_S} s after all was healed: {json.dumps(self.cluster.job(job))}")
                    del self.book.jobs[job]
                nodes = self.cluster.get("/nodes")
                if len(nodes["nodes"]) != len(self.proxies):
                    self.book.breach(f"not all nodes are back: {json.dumps(nodes)[:1000]}")
                return
            time.sleep(0.5)

    def check(self):
        status, _, body = self.ask("GET", "/healthz")
        if status != 200:
            self.book.breach(f"at rest GET /healthz answers {status}: {body[:200]}")
        self.check_jobs()
        self.check_nodes()
        self.check_models()
        self.check_processes()
        self.check_files()

    def check_jobs(self):
        for job, known in list(self.book.jobs.items()):
            status, _, body = self.ask("GET", f"/jobs/{job}")
            if status != 200:
                self.book.breach(f"job {job} was acknowledged, and GET /jobs/{job} answers {status}: {body[:100]}")
                continue
            found = json.loads(body)
            self.book.saw(found, "at rest")
            if known.get("cancelling") and found["state"] == "failed" and "cancel" not in str(found.get("reason")):
                self.book.count("cancelled, but failed for another reason")
            wanted = known["wanted"].get("modelName")
            if wanted and found["modelName"] != wanted:
                self.book.breach(f"job {job} was to make '{wanted}', and makes '{found['modelName']}'")
            results = len(found.get("results", []))
            if found["state"] == "completed" and results != known["wanted"]["epochs"]:
                self.book.breach(f"job {job} has {results} results of {known['wanted']['epochs']}")
            if not known.get("counted"):
                known["counted"] = True
                self.book.count(f"jobs {found['state']}")
                if found["state"] != "completed":
                    text = str(found.get("error") or found.get("reason") or "")
                    self.book.reasons[re.sub(r"\d+", "N", text)] += 1

    def check_nodes(self):
        """None is busy with what nobody knows of, and no name is held: each trains at once what it is given."""
        probes = {name: self.cluster.train(modelName=f"probe-{name}", node=name) for name in self.proxies}
        for name, job in probes.items():
            try:
                found = self.cluster.wait_job(job, seconds=90)
            except AssertionError:
                found = self.cluster.job(job)
            if found["state"] != "completed":
                self.book.breach(f"at rest {name} did not train what it was given: {json.dumps(found)[:500]}")

    def check_models(self):
        """The last one that was completed of each name and node, unless it was to be removed since."""
        newest = {}
        for job, known in self.book.jobs.items():
            last = known.get("last")
            if last and last["state"] == "completed":
                place = (last["modelName"], (last.get("nodes") or [last.get("node")])[0])
                if last["ended"] >= newest.get(place, {"ended": 0})["ended"]:
                    newest[place] = last
        for (name, node), job in newest.items():
            if name in self.book.removed_ms:
                continue
            path = f"/inference?model={name}&node={node}"
            for attempt in range(3):
                status, _, body = self.ask("POST", path, self.image, {"Content-Type": "image/png"})
                if status == 200:
                    break
                time.sleep(2)
            else:
                self.book.breach(f"'{name}' on {node} was completed by job {job['id']} and does not answer: {status} "
                                 f"{body[:200]}")
        status, _, body = self.ask("GET", "/models")
        pending = json.loads(body).get("removals") if status == 200 else "no answer"
        if pending:
            self.book.breach(f"every node is there, and removals are still pending: {json.dumps(pending)[:500]}")

    def check_processes(self):
        """No orphan, and of workers at most the one for inference."""
        def extra():
            known = {process.process.pid for process in (self.cluster.broker, *self.cluster.nodes.values())}
            workers = {name: worker_of(node) for name, node in self.cluster.nodes.items()}
            of_nodes = {pid for pids in workers.values() for pid in pids}
            return [f"process {pid}: {command}" for pid, command in processes_in(self.folder)
                    if pid not in known | of_nodes] + [f"{name} has workers {pids}" for name, pids in workers.items()
                                                       if len(pids) > 1]
        settle("processes left over", extra, self.book)

    def check_files(self):
        def left():
            found = []
            for name in self.proxies:
                for path in (self.folder / name).rglob("*"):
                    below = path.relative_to(self.folder / name).as_posix()
                    if path.is_file() and re.search(r"(^|/)(\.[^/]*tmp|[^/]*\.tmp|[^/]*\.part|[^/]*\.aside)$|scratch/|"
                                                    r"outcomes/", below):
                        found.append(f"{name}/{below}")
            for path in (self.folder / "state").rglob("*"):
                if path.is_file() and re.search(r"\.tmp$|\.part$|/blobs/", path.as_posix()):
                    found.append(path.relative_to(self.folder).as_posix())
            return found
        settle("files left over", left, self.book)

    def sample(self, number):
        found = {"round": number}
        for name, process in (("broker", self.cluster.broker), *self.cluster.nodes.items()):
            proc = pathlib.Path(f"/proc/{process.process.pid}")
            status = (proc / "status").read_text()
            found[name] = (int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024,
                           len(list((proc / "fd").iterdir())))
        self.samples.append(found)

    def check_growth(self):
        """After the first rounds: memory by a quarter and 4 MB, descriptors by 8, at most."""
        if len(self.samples) < 4:
            return
        for name in ("broker", *self.proxies):
            early = [sample[name] for sample in self.samples[1:3]]
            late = [sample[name] for sample in self.samples[-2:]]
            for what, at, most in (("MB", 0, lambda value: 1.25 * value + 4), ("descriptors", 1, lambda v: v + 8)):
                if min(s[at] for s in late) > most(max(s[at] for s in early)):
                    self.book.breach(f"{name} grew from {[s[at] for s in early]} to {[s[at] for s in late]} {what}")

    def round(self, number, seconds):
        until = time.monotonic() + seconds
        threads = [threading.Thread(target=self.client, args=(k, until)) for k in range(CLIENTS)]
        for thread in threads:
            thread.start()
        self.chaos(until, number)
        self.rest_began = time.monotonic()
        for proxy in self.proxies.values():
            proxy.heal()
        self.mend()
        for thread in threads:
            thread.join(120)
            if thread.is_alive():
                self.book.breach("a client's request has not ended after 120 s")
        self.rest()
        took = time.monotonic() - self.rest_began
        self.check()
        self.sample(number)
        sizes = ", ".join(f"{name} {mb:.1f} MB {count} fds" for name, (mb, count) in
                          ((name, self.samples[-1][name]) for name in ("broker", *self.proxies)))
        print(f"round {number}: {len(self.book.jobs)} jobs so far, at rest after {took:.0f} s; {sizes}", flush=True)

    def stop(self):
        for proxy in self.proxies.values():
            proxy.heal()
        begin = time.monotonic()
        try:
            self.cluster.stop()
        except AssertionError as error:
            self.book.breach(str(error))
        if time.monotonic() - begin > 5 * (1 + len(self.proxies)):
            self.book.breach(f"it took {time.monotonic() - begin:.0f} s to end all on SIGTERM")
        for proxy in self.proxies.values():
            proxy.close()
        settle("processes after the end", lambda: [f"{pid}: {command}" for pid, command in processes_in(self.folder)],
               self.book)

    def report(self, minutes):
        print(f"\nseed {self.seed}, {minutes:.1f} minutes, {len(self.samples)} rounds")
        for what, count in sorted(self.book.counts.items()):
            print(f"  {count:6} {what}")
        print("jobs that were not completed:")
        for reason, count in self.book.reasons.most_common():
            print(f"  {count:6} {reason[:160] or '(no reason)'}")
        print(f"{len(self.book.breaches)} breaches")
        for breach in self.book.breaches:
            print(f"  {breach[:2000]}")


def processes_in(folder):
    """(process id, command line) of processes of the program that were started in the folder."""
    found = []
    for proc in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            command = (proc / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if (proc / "cwd").resolve() == folder.resolve() and "dcls" in command and "soak.py" not in command:
                found.append((int(proc.name), command))
        except OSError:
            pass  # it ended meanwhile
    return found


def worker_pids(folder):
    return [pid for pid, command in processes_in(folder) if " worker " in command]


def settle(what, left, book, seconds=30):
    """What is left over may take a moment to go."""
    end = time.monotonic() + seconds
    while found := left():
        if time.monotonic() > end:
            book.breach(f"{what}: {found[:8]}")
            return
        time.sleep(0.5)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 31))
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--keep", type=pathlib.Path, help="where logs and state stay")
    wanted = parser.parse_args()
    folder = wanted.keep or pathlib.Path(tempfile.mkdtemp(prefix="dcls-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"seed {wanted.seed}, in {folder}", flush=True)
    begin = time.monotonic()
    soak = Soak(folder, wanted.seed, wanted.nodes)
    number = 0
    try:
        while (left := 60 * wanted.minutes - (time.monotonic() - begin)) > 10 or not number:
            number += 1
            soak.round(number, min(CHAOS_S, max(10, left - 20)))
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    finally:
        soak.check_growth()
        soak.stop()
        soak.report((time.monotonic() - begin) / 60)
    if not wanted.keep and not soak.book.breaches:
        shutil.rmtree(folder)
    return 1 if soak.book.breaches else 0


if __name__ == "__main__":
    sys.exit(main())
