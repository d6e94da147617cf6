#!/usr/bin/env python3
"""Makes the README's pictures of those that `make test-page` left: cut, and of few colours, so that each is small.
That of the cluster is not among them: one of the nodes there only says that it trains.

usage: readme_pictures.py build/page docs/page
"""
import pathlib
import sys

from PIL import Image

# Of which, and how many pixels of its height.
CHOSEN = {"train-light": ("train", 720), "job-report-light": ("report", 1100), "classified-12-light": ("classify", 770)}
MOST_BYTES = 100_000


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    source, target = map(pathlib.Path, sys.argv[1:])
    for name, (known_as, height) in CHOSEN.items():
        picture = Image.open(source / f"{name}.png").convert("RGB")
        picture = picture.crop((0, 0, picture.width, min(picture.height, height)))
        made = target / f"{known_as}.png"
        for colours in (256, 128, 64, 32):
            picture.quantize(colours, Image.Quantize.MEDIANCUT).save(made, optimize=True)
            if made.stat().st_size <= MOST_BYTES:
                break
        print(f"{made}: {made.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
