"""Pictures that other programs have faults with: PIL's pixels of what PIL reads, one line why of what is refused.

Needs DCLS_SHARED: cases/images.
"""
import numpy
import pytest
from PIL import Image

import tool

FILES = sorted((tool.SHARED / "cases/images").iterdir())


def test_there_are_cases():
    assert len(FILES) > 20


def pils_pixels(file):
    """None where PIL refuses."""
    try:
        return numpy.asarray(Image.open(file).convert("RGB"))
    except Exception:
        return None


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_pixels_are_pils_or_the_reason_is_told(file):
    line, _, pixels = tool.run("pixels", 0, file).stdout.partition(b"\n")
    expected = pils_pixels(file)
    if line.startswith(b"error: "):
        assert expected is None, line.decode()
        assert len(line) > len(b"error: ") and not pixels
    elif expected is not None:  # what PIL refuses may be read
        width, height = map(int, line.split())
        assert (height, width, 3) == expected.shape
        assert numpy.array_equal(numpy.frombuffer(pixels, numpy.uint8).reshape(height, width, 3), expected)
