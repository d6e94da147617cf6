"""Real processes on free ports of 127.0.0.1, in a folder of their own; every wait has a deadline."""
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

DCLS = os.environ.get("DCLS") or str(pathlib.Path(__file__).parents[2] / "dcls")
# Sanitizers make everything slower; only deadlines are stretched by it, never what is checked.
PATIENCE = 4 if "asan" in DCLS else 1
# No test leaves this machine: what is not in this empty cache cannot be had.
os.environ["DCLS_WEIGHTS_URL"] = "https://127.0.0.1:1"
CACHE = tempfile.TemporaryDirectory(prefix="dcls-cache-")
os.environ["XDG_CACHE_HOME"] = CACHE.name
COLOURS = {"blue": (20, 40, 220), "green": (30, 210, 40), "red": (220, 30, 30)}


def wait_for(what, check, seconds=20):
    """Calls check() until it returns something true; fails after `seconds`, naming `what`."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not after {seconds * PATIENCE} s")
        time.sleep(0.05)


def make_dataset(folder, train=8, test=4, size=32):
    """An ImageFolder of three plain colours with noise: any network learns it in a few steps."""
    from PIL import Image

    rng = random.Random(1)
    for split, count in (("train", train), ("test", test)):
        for name, colour in COLOURS.items():
            place = pathlib.Path(folder) / split / name
            place.mkdir(parents=True, exist_ok=True)
            for i in range(count):
                pixels = bytes(max(0, min(255, c + rng.randint(-20, 20))) for _ in range(size * size) for c in colour)
                Image.frombytes("RGB", (size, size), pixels).save(place / f"{i}.png")
    return pathlib.Path(folder)


def as_user(user, umask=-1):
    """What makes a process another user's: None is who runs the tests."""
    other = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    return {**other, "umask": umask}


def environment_with(changes):
    """This process's environment, changed: None takes a variable out."""
    return {name: value for name, value in {**os.environ, **(changes or {})}.items() if value is not None}


class Process:
    """One dcls process with its output in a file. `within` is what runs it elsewhere: a command that becomes it;
    `stderr` is where that goes instead."""

    def __init__(self, folder, name, *arguments, environment=None, user=None, umask=-1, within=(), stderr=None):
        self.name, self.folder = name, pathlib.Path(folder)
        self.log_path = self.folder / f"{name}.log"
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen([*within, DCLS, *map(str, arguments)], cwd=folder, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=stderr or self.log,
                                        env=environment_with(environment), **as_user(user, umask))

    def alive(self):
        return self.process.poll() is None

    def text(self):
        return self.log_path.read_text(errors="replace")

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def stop(self):
        """Ends it as a person would; it has to end by itself, without error."""
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15 * PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"{self.name} did not end on SIGTERM:\n{self.text()[-2000:]}")
        self.log.close()
        return self.process.returncode


class Cluster:
    """A broker, nodes and a client in one folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.broker, self.nodes, self.port, self.api_port = None, {}, 0, 0
        self.started = []  # every node, also those of a name that another bears by now
        self.users, self.umask = {}, -1  # users: of "broker", "node" and "client" where it is not who runs the tests

    def start_broker(self, *options, environment=None, stderr=None, within=()):
        ports = self.folder / "ports.json"
        ports.unlink(missing_ok=True)
        self.broker = Process(self.folder, "broker", "broker", "--port", self.port, "--api-port", self.api_port,
                              "--port-file", ports, "--state", self.folder / "state", *options,
                              environment=environment, user=self.users.get("broker"), umask=self.umask,
                              stderr=stderr, within=within)
        wait_for("the broker's ports", lambda: ports.exists() and ports.read_text() or not self.broker.alive())
        assert self.broker.alive(), self.broker.text()
        found = json.loads(ports.read_text())
        self.port, self.api_port = found["port"], found["api_port"]
        return self

    def start_node(self, name, *options, wait=True, environment=None, folder=None, within=(), stderr=None):
        self.nodes[name] = Process(folder or self.folder, name, "node", "--name", name, "--port", self.port,
                                   "--threads", 1, *options, environment=environment, user=self.users.get("node"),
                                   umask=self.umask, within=within, stderr=stderr)
        self.started.append(self.nodes[name])
        if wait:
            wait_for(f"{name} registered", lambda: name in self.node_names())
        return self.nodes[name]

    def node_names(self):
        return [node["name"] for node in self.get("/nodes")["nodes"]]

    def stop(self):
        """Ends everything; a process that a sanitizer or a crash ended is a failure."""
        failures = []
        for process in dict.fromkeys([*self.started, *self.nodes.values(), self.broker]):
            if not process:
                continue
            was_alive = process.alive()
            try:
                code = process.stop()
            except AssertionError as error:
                failures.append(str(error))
                continue
            if (was_alive and code != 0) or "ERROR: AddressSanitizer" in process.text() \
                    or "runtime error:" in process.text() or "LeakSanitizer" in process.text():
                failures.append(f"{process.name} ended with {code}:\n{process.text()[-3000:]}")
        assert not failures, "\n".join(failures)

    # HTTP
    @property
    def api(self):
        return f"http://127.0.0.1:{self.api_port}"

    def request(self, method, path, body=None, headers=None, timeout=30):
        """(status, headers, bytes) of any answer."""
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        request = urllib.request.Request(self.api + path, data=body, method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=timeout * PATIENCE) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def get(self, path):
        status, _, body = self.request("GET", path)
        assert status == 200, (path, status, body)
        return json.loads(body)

    def train(self, **options):
        """Submits a small training at once and returns its job id."""
        wanted = {"modelType": "resnet", "epochs": 1, "batchSize": 4, "learningRate": 0.001, "imageSize": 32,
                  "seed": 1, "noCheckpoint": True, **options}
        status, _, body = self.request("POST", "/train", wanted, {"Prefer": "respond-async"})
        assert status == 202, (status, body)
        return json.loads(body)["job"]

    def job(self, job):
        return self.get(f"/jobs/{job}")

    def wait_job(self, job, *states, seconds=60):
        """Waits until the job is in one of `states` (default: has ended)."""
        wanted = states or ("completed", "failed", "cancelled")
        return wait_for(f"job {job} {wanted}",
                        lambda: (lambda j: j if j["state"] in wanted else None)(self.job(job)), seconds)

    # the command line
    def client(self, *arguments, check=True, timeout=60):
        done = subprocess.run([DCLS, "client", *map(str, arguments)], cwd=self.folder, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout * PATIENCE,
                              env={**os.environ, "DCLS_API": self.api},
                              **as_user(self.users.get("client"), self.umask))
        if check:
            assert done.returncode == 0, (arguments, done.returncode, done.stdout, done.stderr)
        return done


def worker_of(node, wanted="worker"):
    """Process ids of a node's workers."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            arguments = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # it ended meanwhile
        if int(parent) == node.process.pid and wanted in arguments:
            found.append(int(folder.name))
    return found


def peak_of_worker(node):
    """The most memory, in bytes, that the one worker a node has left had resident at once."""
    pid, = wait_for("one worker", lambda: (lambda found: found if len(found) == 1 else None)(worker_of(node)))
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
