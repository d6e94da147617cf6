#!/usr/bin/python3
"""Whether what dcls trains is as good as what PyTorch trains: the same recipe in both, in pairs.

accuracy.py REPORT.md SEEDS [CASE...]. DCLS names the program, DCLS_BUILD the folder of the build with its
tests/tools/trainer, DCLS_SHARED the folder with data/farm-animals and weights/. Fine-tunes ResNet-18 and MobileNetV2
for three epochs, trains EfficientNet-B0 for two from scratch on Fashion-MNIST, the second at a tenth of the rate, each
with SEEDS seeds, and writes what was found as a page, with what --fast-decode does to dcls. A CASE is "resnet",
"mobilenet", "efficientnet" or "fast-decode"; without any it is all of them. Both sides of a pair start from the same
weights and draw the same random numbers (replay.py). Fails where the mean of the differences is so far below 0 as
happens by chance once in a hundred times (Student's t), or where the first batch, before any weight has moved, loses
something else.
"""
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from PIL import Image

HERE = pathlib.Path(__file__).parent
DCLS, SHARED = os.environ["DCLS"], pathlib.Path(os.environ["DCLS_SHARED"])
TRAINER = pathlib.Path(os.environ["DCLS_BUILD"]) / "tests/tools/trainer"
FARM, FASHION = SHARED / "data/farm-animals", pathlib.Path("/usr/share/datasets/fashion-mnist")
WEIGHTS = {"resnet": "resnet18-imagenet.pth", "mobilenet": "mobilenet_v2-imagenet.pth"}
FIRST = 4  # batches
FIRST_LOSS_DUE = 1e-4  # relative: as PyTorch's batch norm is off where a mean is large (test_steps.py)
NAMES = {"resnet": "ResNet-18", "mobilenet": "MobileNetV2", "efficientnet": "EfficientNet-B0"}
CASES = (*NAMES, "fast-decode")
# How many standard errors below 0 the mean of 2, 3, ... differences is by chance once in a hundred times.
RARE = (31.8, 6.96, 4.54, 3.75, 3.36, 3.14, 3.00, 2.90, 2.82)


def ours(kind, data, epochs, seed, size, augment, scheduler, weights, **options):
    """The test accuracies of the epochs, in percent."""
    with tempfile.TemporaryDirectory() as folder:
        job = pathlib.Path(folder) / "job.json"
        job.write_text(json.dumps({
            "type": "WORKER TRAIN", "modelName": "m", "modelType": kind, "epochs": epochs, "batchSize": 32,
            "learningRate": 0.001, "imageSize": size, "seed": seed, "augment": augment, "scheduler": scheduler,
            "train_key": "train:1", "weights": str(weights or "none"), "dataDir": str(data), "modelsDir": folder,
            **({"weightsFile": str(weights)} if weights else {}), **options}))
        subprocess.run([DCLS, "worker", "--job", job], check=True, stdout=subprocess.DEVNULL)
        report = json.loads((pathlib.Path(folder) / "m/m.json").read_text())
    return [result["test_accuracy"] for result in report["results"]]


def theirs(kind, data, epochs, seed, size, augment, scheduler, weights):
    """The same of PyTorch, and the first batches' losses of dcls and of PyTorch."""
    with tempfile.TemporaryDirectory() as folder:
        initial = pathlib.Path(folder) / "initial.pth"

        def run(*command):
            done = subprocess.run([*map(str, command)], check=True, text=True, stdout=subprocess.PIPE)
            return done.stdout.splitlines()

        losses = run(TRAINER, kind, data, seed, size, augment, weights or "none", initial, "adam", 0.001, FIRST,
                     32)
        lines = run(sys.executable, HERE / "training_peer.py", kind, data, epochs, seed, size, augment, scheduler,
                    initial, "adam", 0.001)
    told = {"loss": [], "accuracy": []}
    for line in lines:
        word, value = line.split()
        told[word].append(float(value))
    return told["accuracy"], list(map(float, losses)), told["loss"][:FIRST]


def spread(values):
    """Mean and standard error."""
    error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0
    return statistics.mean(values), error


def listed(values, form="{:.1f}"):
    return ", ".join(form.format(value) for value in values)


def differences(ones, others):
    return [one - other for one, other in zip(ones, others)]


def is_worse(difference, error, seeds):
    return seeds > 1 and difference < -RARE[min(seeds - 2, len(RARE) - 1)] * error


def compare(seeds, kind, data, epochs, *rest):
    """The last epochs' accuracies of both sides, and how far apart the losses of the first batches are at most."""
    mine, peers, apart = [], [], [0] * FIRST
    for seed in range(1, seeds + 1):
        mine.append(ours(kind, data, epochs, seed, *rest)[-1])
        accuracies, losses, peer_losses = theirs(kind, data, epochs, seed, *rest)
        peers.append(accuracies[-1])
        apart = [max(most, abs(one / other - 1)) for most, one, other in zip(apart, losses, peer_losses)]
        print(f"{kind}, seed {seed}: dcls {mine[-1]:.2f} %, PyTorch {peers[-1]:.2f} %; first losses apart by "
              f"{listed(apart, '{:.0e}')}", flush=True)
    return mine, peers, apart


def enlarge(data, to):
    """The photos as JPEGs of eight times their sides, so that a decoder has something to leave out."""
    for path in data.rglob("*.jpg"):
        place = to / path.relative_to(data)
        place.parent.mkdir(parents=True, exist_ok=True)
        photo = Image.open(path).convert("RGB")
        photo.resize((8 * photo.width, 8 * photo.height), Image.BICUBIC).save(place, quality=90)


def decoded_fast(seeds):
    """A paragraph on what --fast-decode costs."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        enlarge(FARM, pathlib.Path(folder))
        for fast in False, True:
            found[fast] = [ours("resnet", folder, 3, seed, 112, "basic", "none",
                                SHARED / "weights" / WEIGHTS["resnet"], fastDecode=fast)[-1]
                           for seed in range(1, seeds + 1)]
            print(f"resnet, enlarged photos, fast: {fast}: {listed(found[fast])}", flush=True)
    (full, full_error), (mean, error) = spread(found[False]), spread(found[True])
    difference, of_difference = spread(differences(found[True], found[False]))
    return ["", "`--fast-decode`: the same photos with sides of eight times the length, ResNet-18 at 112x112, three",
            f"epochs: {listed(found[True])}, **{mean:.1f}** ± {error:.1f}; decoded in full {listed(found[False])}, "
            f"{full:.1f} ± {full_error:.1f}; with the same seed {difference:+.1f} ± {of_difference:.1f}."]


def main():
    page, seeds, cases = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] or CASES
    if not set(cases) <= set(CASES):
        sys.exit(f"accuracy.py: cases are {', '.join(CASES)}")
    lines = [
        "# How good the trained models are", "",
        f"Written by `make accuracy` on {time.strftime('%Y-%m-%d')}. Accuracies on the test images, in percent, and",
        "means with their standard errors. Trainings are in pairs: with each seed dcls and PyTorch start from the same",
        "weights and take the same images in the same order, augmented and with values dropped in the same way. What",
        "is left between them is rounding, which Adam carries far within some dozen batches: its first step moves",
        "every weight equally far, one whose gradient is nothing but rounding too. The last column has how far the",
        f"losses of the first {FIRST} batches are apart, relative and at most over the seeds.", "",
        "| | images | epochs | dcls, each seed | PyTorch, each seed | dcls, mean | PyTorch, mean "
        "| dcls less PyTorch, each pair | mean difference | first losses apart |",
        "| --- | --- | --: | --- | --- | --: | --: | --- | --: | --- |"]
    failed = False
    runs = [(kind, FARM, "600 photos of farm animals, 224x224, whole recipe, from ImageNet's weights", 3, 224, "basic",
             "none", SHARED / "weights" / WEIGHTS[kind]) for kind in WEIGHTS]
    # At one rate the loss leaps now and then, in PyTorch too: an epoch that ends behind a leap says nothing of either.
    runs.append(("efficientnet", FASHION, "Fashion-MNIST, 32x32, not augmented, `--scheduler step`, from scratch",
                 2, 32, "none", "step", None))
    for kind, data, told, epochs, *rest in runs:
        if kind not in cases:
            continue
        mine, peers, apart = compare(seeds, kind, data, epochs, *rest)
        pairs = differences(mine, peers)
        (mean, error), (peer_mean, peer_error), (difference, of_difference) = map(spread, (mine, peers, pairs))
        failed |= apart[0] > FIRST_LOSS_DUE or is_worse(difference, of_difference, seeds)
        lines.append(f"| {NAMES[kind]} | {told} | {epochs} | {listed(mine)} | {listed(peers)} "
                     f"| {mean:.1f} ± {error:.1f} | {peer_mean:.1f} ± {peer_error:.1f} | {listed(pairs, '{:+.1f}')} "
                     f"| **{difference:+.1f}** ± {of_difference:.1f} | {listed(apart, '{:.0e}')} |")
        page.write_text("\n".join(lines) + "\n")  # so far: the rest may take an hour
    if "fast-decode" in cases:
        lines += decoded_fast(seeds)
    page.write_text("\n".join(lines) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
