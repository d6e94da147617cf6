"""A few thousand of Fashion-MNIST's pictures (Debian's dataset-fashion-mnist), as its own four files and as PNG files:
enough that a network learns in seconds and still errs."""
import gzip
import pathlib
import struct

from PIL import Image

FOLDER = pathlib.Path("/usr/share/datasets/fashion-mnist")
CLASSES = ["t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"]
SIDE = 28


def read(name, head, count):
    """What lies behind `head` bytes, of the first `count` pictures or labels."""
    with gzip.open(FOLDER / name) as file:
        file.read(head)
        return file.read(count * (SIDE * SIDE if head == 16 else 1))


def make_idx(folder, train=1600, test=400):
    """The dataset, cut: the four IDX files and classes.txt."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for split, count in (("train", train), ("t10k", test)):
        pixels = read(f"{split}-images-idx3-ubyte.gz", 16, count)
        (folder / f"{split}-images-idx3-ubyte").write_bytes(struct.pack(">4i", 0x803, count, SIDE, SIDE) + pixels)
        labels = read(f"{split}-labels-idx1-ubyte.gz", 8, count)
        (folder / f"{split}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 0x801, count) + labels)
    (folder / "classes.txt").write_text("\n".join(CLASSES) + "\n")
    return folder


def make_pictures(folder, count=40, side=140, first=0):
    """The test pictures from `first` on as PNG files of `side` pixels, FOLDER/CLASS/N.png; their paths in order."""
    pixels = read("t10k-images-idx3-ubyte.gz", 16, first + count)
    labels = read("t10k-labels-idx1-ubyte.gz", 8, first + count)
    paths = []
    for i in range(first, first + count):
        path = pathlib.Path(folder) / CLASSES[labels[i]] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.frombytes("L", (SIDE, SIDE), pixels[i * SIDE * SIDE:(i + 1) * SIDE * SIDE])
        picture.resize((side, side), Image.Resampling.BICUBIC).convert("RGB").save(path)
        paths.append(path)
    return paths
