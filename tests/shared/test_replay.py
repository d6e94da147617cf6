"""A training by dcls replayed in PyTorch: the same initial weights, order of photos, augmentation and dropped values on
both sides (tests/bench/replay.py), so that each batch's loss must be the same but for rounding. `make accuracy` rests
on it. ResNet-34 and ResNet-50 draw nothing that ResNet-18 does not; their arithmetic is looked at in test_steps.py."""
import pathlib
import shutil
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


def losses_of(name, data, size, weights, initial, steps, batch):
    """Of the first batches: dcls', PyTorch's."""
    ours = tool.run("trainer", name, data, SEED, size, "basic", weights, initial, *OPTIMIZER, steps, batch)
    theirs = subprocess.run([sys.executable, PEER, name, data, "1", str(SEED), str(size), "basic", "none", initial,
                             *OPTIMIZER, str(steps), str(batch)],
                            check=True, stdout=subprocess.PIPE, text=True, timeout=300)
    told = [line.split() for line in theirs.stdout.splitlines()]
    return [float(line) for line in ours.stdout.split()], [float(loss) for word, loss in told if word == "loss"]


@pytest.mark.parametrize("batch", (32, 1))
@pytest.mark.parametrize("name", ("resnet", "mobilenet", "efficientnet"))
def test_each_batch_loses_what_it_loses_in_pytorch(name, batch, tmp_path):
    weights = tool.SHARED / "weights" / photos.IMAGENET[name] if name in photos.IMAGENET else "none"
    initial = tmp_path / "initial.pth"
    losses, expected = losses_of(name, photos.FARM, SIZE, weights, initial, STEPS, batch)
    print(f"{name}: {losses} {expected}")
    assert len(losses) == len(expected) == STEPS
    assert losses == pytest.approx(expected, rel=3e-5)


@pytest.mark.parametrize("size,steps", ((32, 2), (64, 3)))
def test_a_last_batch_of_one_photo_is_left_out_where_batch_norm_sees_one_value(size, steps, tmp_path):
    for split, label, count in ("train", "cow", 9), ("train", "pig", 8), ("test", "cow", 1), ("test", "pig", 1):
        folder = tmp_path / split / label
        folder.mkdir(parents=True)
        for photo in sorted((photos.FARM / split / label).iterdir())[:count]:
            shutil.copy(photo, folder)
    losses, expected = losses_of("resnet", tmp_path, size, "none", tmp_path / "initial.pth", 9, 8)
    print(f"{size}: {losses} {expected}")
    assert len(losses) == len(expected) == steps
    assert losses[0] == pytest.approx(expected[0], rel=3e-5)  # behind it, what planes of few values round grows
