"""Evaluation pixels are PIL's: decoding and resizing of every test photo.

Needs DCLS_SHARED: data/farm-animals (an ImageFolder).
"""
import numpy
import pytest
from PIL import Image

import tool

FARM = tool.SHARED / "data/farm-animals"


def pixels(size, files):
    """(height, width, 3) of each file, by our decoder; resized to size x size unless that is 0."""
    out, at = tool.run("pixels", size, *files).stdout, 0
    for file in files:
        end = out.index(b"\n", at)
        line = out[at:end].decode()
        assert not line.startswith("error"), f"{file}: {line}"
        width, height = map(int, line.split())
        at = end + 1 + width * height * 3
        yield numpy.frombuffer(out[end + 1:at], numpy.uint8).reshape(height, width, 3)
    assert at == len(out)


@pytest.mark.parametrize("size", [0, 224, 64, 32])
def test_every_test_photo_has_pils_pixels(size):
    files = sorted(file for file in FARM.glob("test/*/*") if file.is_file())
    assert len(files) == 240
    for file, ours in zip(files, pixels(size, files)):
        expected = Image.open(file).convert("RGB")
        if size:
            expected = expected.resize((size, size), Image.BILINEAR)
        expected = numpy.asarray(expected)
        assert ours.shape == expected.shape, file
        # One level apart would be good enough; with the libjpeg-turbo that PIL uses they are equal.
        assert numpy.abs(ours.astype(int) - expected).max() <= 1, file
