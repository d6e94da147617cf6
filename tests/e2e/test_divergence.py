"""Trainings that leave the finite numbers fail, say why and what is left, and make no model."""
import json
import re
import struct

# The last layer's weights grow ninefold at each of the six steps of an epoch.
GROWING = ["train", "resnet", "--image-size", 32, "--batch-size", 4, "--weights", "none", "--freeze", "--optimizer",
           "sgd", "--momentum", 0, "--learning-rate", 10, "--weight-decay", 1]


def put_nan(path, tensor):
    """In place of the tensor's first number in a .safetensors file."""
    content = bytearray(path.read_bytes())
    start = 8 + struct.unpack("<Q", content[:8])[0]
    at = start + json.loads(content[8:start])[tensor]["data_offsets"][0]
    content[at:at + 4] = struct.pack("<f", float("nan"))
    path.write_bytes(content)


def test_a_training_that_diverges_fails_and_names_the_last_good_checkpoint(running):
    done = running.client(*GROWING, "--epochs", 20, "--name", "m", check=False, timeout=120)
    assert done.returncode == 1
    said = re.search(r"epoch (\d+), batch \d: the loss is not finite: most likely the learning rate of 10 is too high; "
                     r"the last good checkpoint is that of epoch (\d+), '(models/\.checkpoints/m/last\.safetensors)'",
                     done.stderr)
    assert said and int(said[1]) == int(said[2]) + 1 > 2, done.stderr
    assert (running.folder / "node0" / said[3]).exists()
    _, _, text = running.request("GET", "/jobs/1")
    job = json.loads(text)
    assert job["state"] == "failed" and len(job["results"]) == int(said[2]) and said[0] in job["error"]
    assert b"null" not in text and b"nan" not in text.lower()
    assert running.get("/nodes")["nodes"][0]["models"] == [] and not (running.folder / "node0/models/m").exists()
    again = running.client("train", "resnet", "--resume", "m", "--epochs", 20, check=False)
    assert again.returncode == 1 and said[0] in again.stderr
    none = running.client(*GROWING, "--epochs", 20, "--no-checkpoint", check=False, timeout=120)
    assert none.returncode == 1 and "; there is no checkpoint of an earlier epoch" in none.stderr


def test_weights_that_are_not_finite_fail_before_the_first_epoch(running):
    running.client("train", "resnet", "--image-size", 32, "--epochs", 1, "--weights", "none", "--name", "m")
    weights = running.folder / "node0/models/.checkpoints/m/best.safetensors"
    put_nan(weights, "layer4.1.bn2.running_mean")
    done = running.client("train", "resnet", "--image-size", 32, "--epochs", 1, "--weights", weights, check=False)
    assert done.returncode == 1 and "'layer4.1.bn2.running_mean' has a value that is not finite" in done.stderr
    assert "Epoch" not in done.stdout + done.stderr
