#!/usr/bin/python3
"""Whether what dcls trains is as good as what PyTorch trains: the same recipe in both, over several seeds.

accuracy.py REPORT.md SEEDS. DCLS names the program, DCLS_SHARED the folder with data/farm-animals and weights/.
Fine-tunes ResNet-18 and MobileNetV2 for three epochs, trains EfficientNet-B0 for two from scratch on Fashion-MNIST, the
second at a tenth of the rate, each with SEEDS seeds, and writes what was found as a page, with what --fast-decode does
to dcls. Fails where the mean of dcls is below PyTorch's by more than two standard errors of their difference.
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
FARM, FASHION = SHARED / "data/farm-animals", pathlib.Path("/usr/share/datasets/fashion-mnist")
WEIGHTS = {"resnet": "resnet18-imagenet.pth", "mobilenet": "mobilenet_v2-imagenet.pth"}
NAMES = {"resnet": "ResNet-18", "mobilenet": "MobileNetV2", "efficientnet": "EfficientNet-B0"}


def ours(kind, data, epochs, seed, size, augment, scheduler, weights, **options):
    """The test accuracies of the epochs, in percent."""
    with tempfile.TemporaryDirectory() as folder:
        job = pathlib.Path(folder) / "job.json"
        job.write_text(json.dumps({
            "type": "WORKER TRAIN", "modelName": "m", "modelType": kind, "epochs": epochs, "batchSize": 32,
            "learningRate": 0.001, "imageSize": size, "seed": seed, "augment": augment, "scheduler": scheduler,
            "train_key": "train:1", "weights": str(weights or "none"), **({"weightsFile": str(weights)} if weights else {}),
            "dataDir": str(data), "modelsDir": folder, **options}))
        subprocess.run([DCLS, "worker", "--job", job], check=True, stdout=subprocess.DEVNULL)
        report = json.loads((pathlib.Path(folder) / "m/m.json").read_text())
    return [result["test_accuracy"] for result in report["results"]]


def theirs(kind, data, epochs, seed, size, augment, scheduler, weights):
    command = [sys.executable, HERE / "training_peer.py", kind, data, epochs, seed, size, augment, scheduler]
    done = subprocess.run([*map(str, command), *([str(weights)] if weights else [])], check=True, text=True,
                          stdout=subprocess.PIPE)
    return [float(line) for line in done.stdout.split()]


def spread(values):
    """Mean and standard error."""
    error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0
    return statistics.mean(values), error


def listed(values):
    return ", ".join(f"{value:.1f}" for value in values)


def compare(seeds, kind, data, epochs, *rest):
    """The last epochs' accuracies of both sides."""
    last = {ours: [], theirs: []}
    for seed in range(1, seeds + 1):
        for side in ours, theirs:
            last[side].append(side(kind, data, epochs, seed, *rest)[-1])
            print(f"{kind}, seed {seed}, {'dcls' if side is ours else 'PyTorch'}: {last[side][-1]:.2f} %", flush=True)
    return last[ours], last[theirs]


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
            found[fast] = [ours("resnet", folder, 3, seed, 112, "basic", "none", SHARED / "weights" / WEIGHTS["resnet"],
                                fastDecode=fast)[-1] for seed in range(1, seeds + 1)]
            print(f"resnet, enlarged photos, fast: {fast}: {listed(found[fast])}", flush=True)
    (full, full_error), (mean, error) = spread(found[False]), spread(found[True])
    return ["", "`--fast-decode`: the same photos with sides of eight times the length, ResNet-18 at 112x112, three epochs:",
            f"{listed(found[True])}, **{mean:.1f}** ± {error:.1f}; decoded in full {listed(found[False])}, "
            f"{full:.1f} ± {full_error:.1f}."]


def main():
    page, seeds = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    lines = [
        "# How good the trained models are", "",
        f"Written by `make accuracy` on {time.strftime('%Y-%m-%d')}. Accuracies on the test images, in percent, the means",
        "with their standard errors; the seeds of the two programs have nothing in common but their numbers.", "",
        "| | images | epochs | dcls, each seed | PyTorch, each seed | dcls, mean | PyTorch, mean |",
        "| --- | --- | --: | --- | --- | --: | --: |"]
    failed = False
    runs = [(kind, FARM, "600 photos of farm animals, 224x224, whole recipe, from ImageNet's weights", 3, 224, "basic",
             "none", SHARED / "weights" / WEIGHTS[kind]) for kind in WEIGHTS]
    # At one rate the loss leaps now and then, in PyTorch too: an epoch that ends behind a leap says nothing of either.
    runs.append(("efficientnet", FASHION, "Fashion-MNIST, 32x32, not varied, `--scheduler step`, from scratch", 2, 32,
                 "none", "step", None))
    for kind, data, told, epochs, *rest in runs:
        mine, peers = compare(seeds, kind, data, epochs, *rest)
        (mean, error), (peer_mean, peer_error) = spread(mine), spread(peers)
        failed |= mean < peer_mean - 2 * math.hypot(error, peer_error)
        lines.append(f"| {NAMES[kind]} | {told} | {epochs} | {listed(mine)} | {listed(peers)} | **{mean:.1f}** ± {error:.1f} "
                     f"| {peer_mean:.1f} ± {peer_error:.1f} |")
        page.write_text("\n".join(lines) + "\n")
    page.write_text("\n".join(lines + decoded_fast(seeds)) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
