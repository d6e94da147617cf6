#!/usr/bin/python3
"""make bench: dcls beside PyTorch and ONNX Runtime, on one core, in turn, and what was found as a page.

bench.py PEERS REPORT.md PAIRS [README.md], PEERS being the folder with node_modules in which models and photos are
kept. DCLS names the program, DCLS_BUILD its objects, BENCH_PIN what to put before each run instead of "taskset -c
LAST-CORE". Of each pair of runs the ratio is taken, of the ratios the median: machines are noisy, and their noise
changes more slowly than a pair takes. README gets the report's summary, between its two comments.
"""
import json
import os
import pathlib
import platform
import re
import shlex
import statistics
import subprocess
import sys
import time

from page import processor, quote, quoted, row

HERE = pathlib.Path(__file__).parent
DCLS, BUILD = os.environ["DCLS"], pathlib.Path(os.environ["DCLS_BUILD"])
NAMES = {"resnet": "ResNet-18", "resnet34": "ResNet-34", "resnet50": "ResNet-50",
         "mobilenet": "MobileNetV2", "efficientnet": "EfficientNet-B0"}
PINNED = shlex.split(os.environ.get("BENCH_PIN") or f"taskset -c {max(os.sched_getaffinity(0))}")
LARGE = ("resnet34", "resnet50")  # of these half the pairs, at least one: they take several times as long
STEPS = {("train", 32): 2, ("infer", 1): 30, ("infer", 32): 3}
MEGABYTE = 1e6
# What makes PyTorch train fastest here, and takes more memory: malloc gives no page back, images lie channels last.
TUNED = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "4000000000"}


def output(*command, **options):
    """What it prints; that it fails ends the benchmark with what it said."""
    done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=900, **options)
    if done.returncode:
        sys.exit(f"make bench: '{' '.join(map(str, command))}' failed:\n{done.stderr.strip()[-2000:]}")
    return done.stdout


def types():
    return re.search(r"TYPE: (.*)", output(DCLS, "bench", "--help")).group(1).split(", ")


def ours(mode, kind, batch):
    return json.loads(output(*PINNED, DCLS, "bench", mode, kind, "--threads", 1, "--batch-size", batch, "--steps",
                             STEPS[mode, batch], "--json"))


def torch(mode, kind, batch, *options, **environment):
    return json.loads(output(*PINNED, sys.executable, HERE / "torch_peer.py", mode, kind, batch,
                             STEPS[mode, batch], *options, env={**os.environ, **environment}))


def onnxruntime(peers, kind, batch):
    model = peers / f"{kind}.onnx"
    if not model.exists():
        output(sys.executable, HERE / "torch_peer.py", "export", kind, model)
    return json.loads(output(*PINNED, "node", HERE / "onnxruntime_peer.js", model.resolve(), batch,
                             STEPS["infer", batch],
                             env={**os.environ, "NODE_PATH": str((peers / "node_modules").resolve())}))


def compare(peers, mode, kind, batch, pairs):
    """Medians of all sides, dcls first, and for each peer the ratios of each round, dcls over it: of images a second
    ("speed") and, the median, of memory."""
    sides = [lambda: ours(mode, kind, batch)]
    if mode == "train":
        sides += [lambda: torch(mode, kind, batch), lambda: torch(mode, kind, batch, "channels-last", **TUNED)]
    else:
        sides += [lambda: onnxruntime(peers, kind, batch), lambda: torch(mode, kind, batch)]
    rounds = []
    for turn in range(pairs):
        order = range(len(sides)) if turn % 2 == 0 else reversed(range(len(sides)))
        found = {side: sides[side]() for side in order}
        rounds.append([found[side] for side in range(len(sides))])
    middle = {field: [statistics.median(run[field] for run in runs) for runs in zip(*rounds)]
              for field in ("images_per_second", "median_s", "peak_bytes")}
    over = {field: [[mine[field] / run[field] for run in runs] for mine, *runs in rounds]
            for field in ("images_per_second", "peak_bytes")}
    speed = list(zip(*over["images_per_second"]))
    print(f"{mode} {kind}, batch {batch}: {', '.join(f'{statistics.median(s):.2f}' for s in speed)} times",
          file=sys.stderr, flush=True)
    return {"speed": speed, **middle, "memory": [statistics.median(m) for m in zip(*over["peak_bytes"])]}


def table(*headings):
    return row(*headings) + row("---", *["--:"] * (len(headings) - 1))


def spread(values):
    return f"{min(values):.2f} – {max(values):.2f}"


def megabytes(count):
    return f"{count / MEGABYTE:.0f}"


def speeds(results, mode, batch, peer, which=1):
    """A row a network. Times where one image is waited for, images a second elsewhere. Of the peers the one at
    `which`."""
    single = batch == 1
    unit = "ms" if single else "images/s"
    text = table("", f"dcls, {unit}", f"{peer}, {unit}", "time, dcls over peer" if single else "dcls over peer",
                 "lowest – highest", "memory, dcls, MB", f"{peer}, MB", "dcls over peer")
    for kind in (kind for m, kind, b in results if (m, b) == (mode, batch)):
        found = results[mode, kind, batch]
        sides = [f"{1000 * found['median_s'][i]:.1f}" if single else f"{found['images_per_second'][i]:.1f}"
                 for i in (0, which)]
        speed = found["speed"][which - 1]
        ratios = [1 / ratio for ratio in speed] if single else speed
        text += row(NAMES.get(kind, kind), *sides, f"**{statistics.median(ratios):.2f}**", spread(ratios),
                    *(megabytes(found["peak_bytes"][i]) for i in (0, which)), f"**{found['memory'][which - 1]:.2f}**")
    return text


def photos(found):
    """The loader's own comparison, as a table."""
    says = {"full": "decoded in full", "fast": "`--fast-decode`", "cached": "from the cache, second epoch on"}
    text = table("", "images/s", "over torchvision", "lowest – highest")
    for way, words in says.items():
        way = found[way]
        text += row(f"dcls, {words}", f"{way['imagesPerSecond']:.0f}", f"**{way['ratio']:.2f}**",
                    f"{way['lowest']:.2f} – {way['highest']:.2f}")
    return text + row("torchvision, PIL", f"{found['torchvision']['imagesPerSecond']:.0f}", "", "")


def summary(results, serving, loading, pairs):
    """What README quotes."""
    text = f"""Beside PyTorch and ONNX Runtime, on {time.strftime('%Y-%m-%d')} on one core of: {processor()}. Images of
224x224, medians of {pairs} pairs of runs (half as many of {" and ".join(NAMES[kind] for kind in LARGE)}) by
`make bench`; [docs/BENCHMARKS.md](docs/BENCHMARKS.md) has it all:

"""
    text += table("", "training, batch 32", "over PyTorch", "over PyTorch, tuned", "memory over PyTorch's",
                  "inference, one image", "time over ONNX Runtime's", "inference, batch 32", "over ONNX Runtime")
    for kind in dict.fromkeys(kind for _, kind, _ in results):
        train, one, many = (results[mode, kind, batch] for mode, batch in STEPS)
        text += row(NAMES.get(kind, kind), f"{train['images_per_second'][0]:.1f} images/s",
                    *(f"{statistics.median(speed):.2f}" for speed in train["speed"]), f"{train['memory'][0]:.2f}",
                    f"{1000 * one['median_s'][0]:.1f} ms", f"{statistics.median(1 / r for r in one['speed'][0]):.2f}",
                    f"{many['images_per_second'][0]:.1f} images/s", f"{statistics.median(many['speed'][0]):.2f}")
    return text + f"""
PyTorch as it comes; tuned by hand, it keeps its pages and its images lie channels last. Serving a ResNet-18 takes
{megabytes(serving)} MB. Photos of 1280x853 are loaded and augmented by one thread at
{loading['full']['ratio']:.1f} times torchvision's pace, with `--fast-decode` at {loading['fast']['ratio']:.1f} times.
"""


def versions(peers):
    torch, torchvision = output(sys.executable, HERE / "torch_peer.py", "version").split()
    package = json.loads((peers / "node_modules/onnxruntime-node/package.json").read_text())
    onednn = output("dpkg-query", "-W", "-f", "${Version}", "libdnnl2")
    return (f"{output(DCLS, '--version').strip()} on oneDNN {onednn}, PyTorch {torch} and torchvision {torchvision} "
            f"(Debian's, on the same oneDNN), ONNX Runtime {package['version']}")


def main():
    peers, report, pairs = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
    start, results = time.monotonic(), {}
    for kind in types():
        for mode, batch in STEPS:
            results[mode, kind, batch] = compare(peers, mode, kind, batch, (pairs + 1) // 2 if kind in LARGE else pairs)
    serving = int(output(*PINNED, sys.executable, HERE / "serving.py"))
    loading = json.loads(output(sys.executable, HERE / "loader.py", BUILD / "tests/tools/loader", peers / "photos",
                                pairs))
    short = summary(results, serving, loading, pairs)
    text = f"""# What was measured

Written by `make bench` on {time.strftime('%Y-%m-%d')}, in {round((time.monotonic() - start) / 60)} minutes.

* Machine: {processor()}, {os.cpu_count()} processors, Linux {platform.release()}.
* Versions: {versions(peers)}.
* One thread, pinned to one core; images of 224x224, 1000 classes, random numbers. {pairs} rounds of runs each
  (half as many of {" and ".join(NAMES[kind] for kind in LARGE)}), dcls and its peers in turn; who begins alternates.
  Speeds and memory are medians of the runs, ratios medians of the rounds' ratios, with the lowest and the highest
  beside.
* Memory is the peak of what the process had resident, all of it: of PyTorch with Python, of ONNX Runtime with Node.

## Training, batch 32

Forward, loss, backward and a step of Adam. Higher is better; of memory, lower.

{speeds(results, "train", 32, "PyTorch")}
The same against PyTorch tuned by hand, with `channels_last` and `{" ".join(f"{k}={v}" for k, v in TUNED.items())}`:

{speeds(results, "train", 32, "PyTorch, tuned", 2)}
## Inference, one image

Lower is better.

{speeds(results, "infer", 1, "ONNX Runtime")}
{speeds(results, "infer", 1, "PyTorch", 2)}
## Inference, batch 32

Higher is better.

{speeds(results, "infer", 32, "ONNX Runtime")}
{speeds(results, "infer", 32, "PyTorch", 2)}
## Serving

The worker that answers inference with a ResNet-18, after a few requests: {megabytes(serving)} MB at most.

## Loading photos

JPEGs of 1280x853 decoded, resized to 224x224, mirrored, turned and jittered in colour, by one thread.

{photos(loading)}
## Under load

<!-- make bench-limits -->
{quoted(report, "make bench-limits") or ""}<!-- /make bench-limits -->
"""
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(text)
    if len(sys.argv) > 4:
        quote(pathlib.Path(sys.argv[4]), "make bench", short)
    print(f"written to {report}", file=sys.stderr)


if __name__ == "__main__":
    main()
