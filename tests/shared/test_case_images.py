"""Pictures that other programs have faults with: PIL's pixels of what PIL reads, one line why of what is refused.

Needs DCLS_SHARED: cases/images.
"""
import json
import os
import pathlib
import shutil
import subprocess

import numpy
import pytest
from PIL import Image

import tool

DCLS = os.environ.get("DCLS") or pathlib.Path(__file__).parents[2] / "dcls"
FILES = sorted((tool.SHARED / "cases/images").iterdir())


def test_there_are_cases():
    assert len(FILES) > 20


def pils_pixels(file):
    """None where PIL refuses."""
    try:
        return numpy.asarray(Image.open(file).convert("RGB"))
    except Exception:
        return None


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_pixels_are_pils_or_the_reason_is_told(file):
    line, _, pixels = tool.run("pixels", 0, file).stdout.partition(b"\n")
    expected = pils_pixels(file)
    if line.startswith(b"error: "):
        assert expected is None, line.decode()
        assert len(line) > len(b"error: ") and not pixels
    elif expected is not None:  # what PIL refuses may be read
        width, height = map(int, line.split())
        assert (height, width, 3) == expected.shape
        assert numpy.array_equal(numpy.frombuffer(pixels, numpy.uint8).reshape(height, width, 3), expected)


def train(folder, model):
    """Two epochs by a worker of its own: the bytes of the weights, and the notices."""
    job = {"type": "WORKER TRAIN", "modelName": model, "modelType": "resnet", "train_key": "train:1", "epochs": 2,
           "imageSize": 64, "batchSize": 8, "seed": 5, "augment": "strong", "weights": "none", "noCheckpoint": True,
           "validationSplit": 0.25, "threads": 2, "dataDir": str(folder / "images"),
           "modelsDir": str(folder / "models")}
    (folder / "job.json").write_text(json.dumps(job))
    done = subprocess.run([DCLS, "worker", "--job", folder / "job.json"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    model = folder / "models" / model / model
    return model.with_suffix(".pth").read_bytes(), json.loads(model.with_suffix(".json").read_text())["notices"]


def test_two_trainings_with_one_seed_on_all_of_them_are_equal_bit_for_bit(tmp_path):
    for i, file in enumerate(FILES):
        place = tmp_path / "images" / "ab"[i % 2]
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
    counting = [file for file in FILES if not file.name.startswith(".")]
    refused = [file.name for file in counting if tool.run("pixels", 0, file).stdout.startswith(b"error: ")]
    weights, (notice,) = train(tmp_path, "first")
    assert notice.startswith(f"{len(refused)} of {len(counting)} images cannot be read and are left out: ")
    assert all(f"/{name}' (" in notice for name in refused)
    assert train(tmp_path, "second")[0] == weights
