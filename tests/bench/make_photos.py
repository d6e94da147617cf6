#!/usr/bin/python3
"""Makes an ImageFolder of JPEGs to time loaders with: make_photos.py FOLDER [COUNT]

1280x853 pixels of photo-like noise: octaves of random colours, each upscaled to the whole image and half as strong as
the one before it, so that detail falls with frequency as it does in photos; quality 85, chroma halved both ways.
"""
import pathlib
import sys

import numpy as np
from PIL import Image

WIDTH, HEIGHT, QUALITY = 1280, 853, 85


def photo(seed):
    random = np.random.RandomState(seed)
    sum_of = np.full((HEIGHT, WIDTH, 3), 128.0)
    strength = 40.0
    for cells in (3, 6, 12, 24, 48, 96, 192, 384, 768):
        small = random.rand(max(2, cells * HEIGHT // WIDTH), cells, 3)
        grey = small.mean(2, keepdims=True)
        small = (0.7 * grey + 0.3 * small) * 255  # photos vary more in light than in colour
        layer = Image.fromarray(small.astype(np.uint8)).resize((WIDTH, HEIGHT), Image.BICUBIC)
        sum_of += (np.asarray(layer, float) - 127) / 64 * strength
        strength *= 0.75
    return Image.fromarray(sum_of.clip(0, 255).astype(np.uint8))


def main():
    folder, count = pathlib.Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 48
    for i in range(count):
        path = folder / ("test" if i % 8 > 5 else "train") / ("even" if i % 2 == 0 else "odd") / ("%04d.jpg" % i)
        path.parent.mkdir(parents=True, exist_ok=True)
        photo(i).save(path, quality=QUALITY)


if __name__ == "__main__":
    main()
