"""Nodes that speak the protocol and compute nothing: what the broker is loaded with where its own limits are measured.

A node registers, answers pings, takes trainings (its jobs are in `trainings`, told by `flood`), and answers inferences
after `delay` seconds, four at once, having fetched the image as a node does: on a connection of its own."""
import asyncio
import hashlib
import json
import secrets
import time

from http_load import Client

FEATURES = ["train", "infer", "progress", "cancel", "push", "remove", "removed", "blobs", "resume", "heartbeat",
            "generations", "type:resnet",
            *(f"option:{name}" for name in ("optimizer", "imageSize", "seed", "noCheckpoint", "weights"))]
REPORT = {"timestamp": "2026-01-01T00:00:00.000000", "arguments": {}, "image": "images/a.jpg", "predicted_class": "a",
          "output": [["a", 0.75], ["b", 0.25]]}
AT_ONCE = 4  # images that a node fetches


def line(kind, **fields):
    return json.dumps({"type": kind, **fields}).encode() + b"\n"


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


class FakeNode:
    def __init__(self, name, port, models=(), delay=0.02):
        self.name, self.port, self.models, self.delay = name, port, list(models), delay
        self.instance, self.secret = secrets.token_hex(8), secrets.token_hex(32)
        self.trainings, self.pongs, self.errors, self.acked = [], 0, [], 0
        self.fetching = asyncio.Semaphore(AT_ONCE)
        self.tasks = set()

    async def start(self):
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2 << 20)
        self.writer.write(line("CLIENT CONNECT", name=self.name, protocol=1, version="fake", features=FEATURES,
                               instance=self.instance, secret=self.secret, cores=1, memory=1 << 30,
                               dataset={"images": 100, "classes": 2}))
        answer = json.loads(await asyncio.wait_for(self.reader.readline(), 15))
        if answer["type"] != "SERVER ACK":
            raise RuntimeError(f"{self.name} was answered {answer}")
        self.api_port = answer["apiPort"]
        self.send_info()
        self._task(self._read())
        return self

    def send_info(self, jobs=()):
        info = [{"name": model, "sha256": digest(model)} for model in self.models]
        self.writer.write(line("NODE INFO", name=self.name, models=self.models, modelInfo=info, jobs=list(jobs)))

    def send(self, kind, **fields):
        self.writer.write(line(kind, name=self.name, **fields))

    def about(self, training):
        """What is said with each word about a training."""
        same = {key: training[key] for key in ("train_key", "job", "generation") if key in training}
        return {**same, "model_name": training["modelName"], "instance": self.instance}

    def _task(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _read(self):
        while text := await self.reader.readline():
            message = json.loads(text)
            kind = message["type"]
            if kind == "SERVER PING":
                self.send("CLIENT PONG")
            elif kind == "SERVER PONG":
                self.pongs += 1
            elif kind == "SERVER TRAIN":
                self.trainings.append(message)
                self.send("TRAINING PROGRESS", **self.about(message), epoch=0, epochs=message["epochs"])
            elif kind == "SERVER JOB ACK":
                self.acked += 1
            elif kind == "SERVER INFERENCE":
                self._task(self._infer(message))
            elif kind == "SERVER REMOVE":
                self.models = [model for model in self.models if model != message["model_name"]]
                self.send("MODEL REMOVED", **{key: message[key] for key in ("model_name", "modelSha256")
                                              if key in message})
                self.send_info()
            elif kind == "ERROR":
                self.errors.append(message["message"])

    async def _infer(self, message):
        async with self.fetching:
            failed = None
            if message.get("imageSha256"):
                try:
                    status, image = await Client(self.api_port, keep=False).request(
                        "GET", f"/blobs/{message['imageSha256']}")
                    if status != 200:
                        failed = f"the image was answered {status}"
                    elif hashlib.sha256(image).hexdigest() != message["imageSha256"]:
                        failed = "the image is another"
                except Exception as error:  # noqa: B902: the broker is told
                    failed = f"the image cannot be fetched: {type(error).__name__}"
            await asyncio.sleep(self.delay)
        if failed:
            self.send("ERROR", inference_key=message["inference_key"], message=failed)
        else:
            self.send("JSON_RESPONSE", inference_key=message["inference_key"], data=REPORT)

    def close(self):
        for task in list(self.tasks):
            task.cancel()
        self.writer.close()


async def until(what, check, seconds=30):
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not after {seconds} s")
        await asyncio.sleep(0.01)


async def serve(ending, port, names, models, delay):
    """Nodes that answer inferences until they are told to end; how often any of them was answered by an ERROR."""
    nodes = [await FakeNode(name, port, models, delay).start() for name in names]
    while not ending.is_set():
        await asyncio.sleep(0.05)
    for node in nodes:
        node.close()
    return sum(len(node.errors) for node in nodes)


async def say_info(ending, port, name, models, times, pause):
    """A node tells `times` a NODE INFO with all `models`, of another set of digests each, `pause` s apart; the seconds
    until each was through (a ping behind it was answered)."""
    node, took = await FakeNode(name, port).start(), []
    for turn in range(times):
        node.models = [f"m{turn}-{k}" for k in range(models)]
        node.send_info()
        before, start = node.pongs, time.monotonic()
        node.send("CLIENT PING")
        await until("the answer to a ping", lambda: node.pongs > before, 120)
        took.append(time.monotonic() - start)
        await asyncio.sleep(pause)
    node.close()
    return took


async def flood(ending, port, names, rate, seconds):
    """`rate` messages a second altogether, of nodes of which each has a training: progress, at each `seconds` / 10 the
    result of an epoch, and a ping every fifth. What was sent, answered, refused, and the last progress of each job."""
    nodes = [await FakeNode(name, port).start() for name in names]
    client = Client(nodes[0].api_port)
    for node in nodes:
        status, answer = await client.request(
            "POST", "/train", {"modelType": "resnet", "modelName": f"of-{node.name}", "node": node.name, "epochs": 11},
            Prefer="respond-async")
        if status != 202:
            raise RuntimeError(f"POST /train: {status} {answer}")
    await until("a training for each node", lambda: all(node.trainings for node in nodes))
    about = [line("TRAINING PROGRESS", name=node.name, **node.about(node.trainings[0]), epochs=11)[:-2]
             for node in nodes]
    sent = pings = batch = told = late = 0
    begin = time.monotonic()
    while (passed := time.monotonic() - begin) < seconds:
        owed = int(rate * passed) - sent
        if owed <= 0:
            await asyncio.sleep(0.001)
            continue
        if (epoch := int(10 * passed / seconds)) > told:
            for node, text in zip(nodes, about):
                result = {"epoch": epoch, "train_loss": 1.0, "train_accuracy": 50.0, "test_loss": 1.0,
                          "test_accuracy": 50.0, "epoch_time_seconds": 1.0}
                node.writer.write(text + b', "epoch": %d, "result": %s}\n' % (epoch, json.dumps(result).encode()))
                sent += 1
            told = epoch
        for _ in range(min(owed, 2000)):
            at = sent % len(nodes)
            if sent // len(nodes) % 5 == 4:
                nodes[at].writer.write(b'{"type": "CLIENT PING", "name": "%s"}\n' % nodes[at].name.encode())
                pings += 1
            else:
                batch += 1
                nodes[at].writer.write(about[at] + b', "epoch": %d, "batch": %d, "batches": 1000000, "loss": 0.5}\n'
                                       % (told + 1, batch))
            sent += 1
        late = max(late, owed)
        await asyncio.sleep(0)
    took = time.monotonic() - begin
    for node, text in zip(nodes, about):
        node.writer.write(text + b', "epoch": 11, "batch": 999999, "batches": 1000000, "loss": 0.5}\n')
        node.writer.write(b'{"type": "CLIENT PING", "name": "%s"}\n' % node.name.encode())
    sent, pings = sent + 2 * len(nodes), pings + len(nodes)
    try:
        await until("the answers to all pings", lambda: sum(node.pongs for node in nodes) >= pings)
    except RuntimeError:
        pass  # they are counted
    lag = time.monotonic() - begin - took
    jobs = []
    for node in nodes:
        status, answer = await client.request("GET", f"/jobs/{node.trainings[0]['job']}")
        jobs.append(json.loads(answer) if status == 200 else {})
    found = {"sent": sent, "seconds": took, "pings": pings, "pongs": sum(node.pongs for node in nodes), "lag": lag,
             "errors": [text for node in nodes for text in node.errors][:5],
             "last": sum(job.get("batch") == 999999 for job in jobs),
             "epochs": sum(len(job.get("results", [])) for job in jobs), "owed": told * len(nodes)}
    for node in nodes:
        node.close()
    return found
