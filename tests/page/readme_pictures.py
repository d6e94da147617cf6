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
VIEWS = ("cluster", "node", "train-more", "job-running", "job-report", "compare", "classified-1", "classified-12",
         "models", "model", "jobs")
LOOKS = {"light": 416, "dark": 416, "phone": 150}  # each column's width
ROW, GAP = 260, 12


def save(picture, made):
    """Of as many colours as it may have."""
    for colours in (256, 128, 64, 32, 16):
        picture.quantize(colours, Image.Quantize.MEDIANCUT).save(made, optimize=True)
        if made.stat().st_size <= MOST_BYTES:
            break
    print(f"{made}: {made.stat().st_size:,} bytes")


def sheet(source, name, views):
    """A row a view: light, dark, and on a phone."""
    width = sum(LOOKS.values()) + GAP * (len(LOOKS) + 1)
    picture = Image.new("RGB", (width, (ROW + GAP) * len(views) + GAP), "#888888")
    for row, view in enumerate(views):
        left = GAP
        for look, wide in LOOKS.items():
            part = Image.open(source / f"{view}-{look}.png").convert("RGB")
            part = part.resize((wide, part.height * wide // part.width), Image.Resampling.LANCZOS)
            picture.paste(part.crop((0, 0, wide, min(ROW, part.height))), (left, GAP + row * (ROW + GAP)))
            left += wide + GAP
    save(picture, name)


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    source, target = map(pathlib.Path, sys.argv[1:])
    for name, (known_as, height) in CHOSEN.items():
        picture = Image.open(source / f"{name}.png").convert("RGB")
        picture = picture.crop((0, 0, picture.width, min(picture.height, height)))
        save(picture, target / f"{known_as}.png")
    for part in range(0, len(VIEWS), 4):
        sheet(source, target / f"views-{part // 4 + 1}.png", VIEWS[part:part + 4])
    return 0


if __name__ == "__main__":
    sys.exit(main())
