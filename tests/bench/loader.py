#!/usr/bin/python3
"""Times dcls's loader against torchvision's on one core, in turn, and prints one JSON document.

loader.py TOOL FOLDER [PAIRS], TOOL being build/tests/tools/loader. FOLDER is filled by make_photos.py where it is not
there. Of each run the fastest of a few epochs counts, of the ratios the median.
"""
import json
import os
import pathlib
import shlex
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
PINNED = shlex.split(os.environ.get("BENCH_PIN") or f"taskset -c {max(os.sched_getaffinity(0))}")
SIZE, EPOCHS = 224, 3


def rates(*command):
    done = subprocess.run([*PINNED, *map(str, command)], check=True, stdout=subprocess.PIPE, timeout=600, text=True)
    return [float(line) for line in done.stdout.split()]


def main():
    tool, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    pairs = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    if not folder.is_dir():
        subprocess.run([sys.executable, HERE / "make_photos.py", folder], check=True, timeout=600)
    ways = {"full": ["full", 0], "fast": ["fast", 0], "cached": ["full", 1024]}
    peer, ours = [], {way: [] for way in ways}
    for _ in range(pairs):
        for way, arguments in ways.items():
            found = rates(tool, folder, SIZE, 0, EPOCHS, "basic", *arguments)
            ours[way].append(max(found[1:]))  # the first epoch fills the cache
        peer.append(max(rates(sys.executable, HERE / "loader_peer.py", folder, SIZE, EPOCHS)))
    result = {"photos": "1280x853", "size": SIZE, "threads": 1, "pairs": pairs,
              "torchvision": {"imagesPerSecond": statistics.median(peer)}}
    for way, found in ours.items():
        ratios = [a / b for a, b in zip(found, peer)]
        result[way] = {"imagesPerSecond": statistics.median(found), "ratio": round(statistics.median(ratios), 2),
                       "lowest": round(min(ratios), 2), "highest": round(max(ratios), 2)}
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
