"""A dcls node that does on the wire what a test tells it: it answers pings by itself, and nothing else."""
import queue
import secrets
import threading

import legacy

FEATURES = ["train", "infer", "progress", "cancel", "push", "remove", "removed", "blobs", "resume", "type:resnet",
            "option:imageSize", "option:seed", "option:noCheckpoint", "generations", "heartbeat"]
DATA = {"model_path": "models/m/m.pth", "report_path": "models/m/m.json", "output_file": "models/m/m.txt",
        "output_contents": "Epoch [1/1], Train Loss: 1.0, Train Accuracy: 50.00%\n"}


class RawNode:
    def __init__(self, port, name, jobs=(), instance=None, secret=None, features=tuple(FEATURES), models=()):
        self.name, self.instance = name, instance or secrets.token_hex(8)
        self.secret, self.messages, self.answers_pings = secret or secrets.token_hex(32), queue.Queue(), True
        self.stream = legacy.connect(port)
        self.send("CLIENT CONNECT", protocol=1, version="1", features=list(features), instance=self.instance,
                  secret=self.secret)
        self.greeting = self.stream.next()
        if self.greeting and self.greeting["type"] == "SERVER ACK":
            self.send("NODE INFO", models=list(models), modelInfo=[], jobs=list(jobs))
            threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            try:
                message = self.stream.next(seconds=1000)
            except queue.Empty:
                continue
            if message is None or message["type"] not in ("SERVER PING", "SERVER ACK", "SERVER PONG"):
                self.messages.put(message)
            if message is None:
                return
            if message["type"] == "SERVER PING" and self.answers_pings:
                try:
                    self.send("CLIENT PONG")
                except OSError:
                    return

    def send(self, kind, **fields):
        self.stream.send({"type": kind, "name": self.name, **fields})

    def expect(self, kind, seconds=20):
        """The next message, which must be of that type; an expected end is None."""
        message = self.messages.get(timeout=seconds)
        assert (message and message["type"]) == kind, (kind, message)
        return message

    def expect_but(self, passed_over, kind, seconds=20):
        """The next message but those of the first type, which may be told again and again."""
        while (message := self.messages.get(timeout=seconds)) and message["type"] == passed_over:
            pass
        assert (message and message["type"]) == kind, (kind, message)
        return message

    def expect_nothing(self, seconds):
        try:
            message = self.messages.get(timeout=seconds)
        except queue.Empty:
            return
        raise AssertionError(f"nothing is due, but there came {message}")

    def about(self, order):
        """The members by which a message is about a training that was ordered, as this process tells of it."""
        kept = {key: order[key] for key in ("job", "generation", "train_key") if key in order}
        return {**kept, "instance": self.instance}

    def progress(self, order, **fields):
        self.send("TRAINING PROGRESS", **{**self.about(order), "model_name": order["modelName"], "epoch": 1,
                                          "epochs": order["epochs"], "batch": 1, "batches": 9, **fields})

    def complete(self, order, loss=1.0, **fields):
        report = {"results": [{"epoch": 1, "train_loss": loss}], "epochs": 1}
        self.send("TRAINING_COMPLETED", **{**self.about(order), "model_name": order["modelName"], "data": DATA,
                                           "report": report, **fields})

    def fail(self, order, message, **fields):
        self.send("TRAINING FAILED", **{**self.about(order), "model_name": order["modelName"], "message": message,
                                        **fields})

    def entry(self, order, state="running"):
        """What a NODE INFO lists of a training."""
        return {**self.about(order), "model_name": order["modelName"], "state": state}

    def close(self):
        self.stream.close()
