"""A training by dcls replayed in PyTorch: the same initial weights, order of photos, augmentation and dropped values on
both sides (tests/bench/replay.py), so that each batch's loss must be the same but for rounding. `make accuracy` rests
on it. ResNet-34 and ResNet-50 draw nothing that ResNet-18 does not; their arithmetic is looked at in test_steps.py."""
import pathlib
import subprocess
import sys

import pytest

import photos
import tool

PEER = pathlib.Path(__file__).parents[1] / "bench/training_peer.py"
SEED, SIZE, STEPS = 1, 96, 5
# Small steps: with larger ones what two machines round apart grows from batch to batch, in EfficientNet-B0 by ten each,
# and Adam's first step moves a weight whose gradient is nothing but rounding as far as any other.
OPTIMIZER = "sgd", "1e-5"


@pytest.mark.parametrize("batch", (32, 1))
@pytest.mark.parametrize("name", ("resnet", "mobilenet", "efficientnet"))
def test_each_batch_loses_what_it_loses_in_pytorch(name, batch, tmp_path):
    weights = tool.SHARED / "weights" / photos.IMAGENET[name] if name in photos.IMAGENET else "none"
    initial = tmp_path / "initial.pth"
    ours = tool.run("trainer", name, photos.FARM, SEED, SIZE, "basic", weights, initial, *OPTIMIZER, STEPS, batch)
    theirs = subprocess.run([sys.executable, PEER, name, photos.FARM, "1", str(SEED), str(SIZE), "basic", "none",
                             initial, *OPTIMIZER, str(STEPS), str(batch)],
                            check=True, stdout=subprocess.PIPE, text=True, timeout=300)
    losses = [float(line) for line in ours.stdout.split()]
    expected = [float(line.split()[1]) for line in theirs.stdout.splitlines()]
    print(f"{name}: {losses} {expected}")
    assert len(losses) == len(expected) == STEPS
    assert losses == pytest.approx(expected, rel=3e-5)
