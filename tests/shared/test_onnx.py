"""Exported ONNX models in ONNX Runtime: the same answers as PyTorch has on every photo, batch norm folded or not.

Needs DCLS_SHARED: data/farm-animals and weights/*.pth; and ONNX Runtime for Node.js (see onnx_runtime.py).
"""
import numpy
import pytest

import onnx_runtime
import photos
import tool


@pytest.mark.parametrize("name", photos.NETWORKS)
def test_onnx_runtime_answers_as_pytorch_does(name, tmp_path):
    path = photos.weights_of(name, tmp_path)
    expected = photos.torch_logits(name, path)
    for kind, batch in ("onnx", 32), ("onnx-unfolded", 1 if name == "resnet" else 7):
        tool.run("pth", "export", name, 224, kind, path, tmp_path / "model.onnx")
        logits = onnx_runtime.run(tmp_path / "model.onnx", photos.images(), batch)
        assert logits.shape == expected.shape
        worst = numpy.abs(logits - expected).max() / numpy.abs(expected).max()
        print(f"{name}, {kind}: largest difference over the largest logit: {worst:.1e}")
        assert (logits.argmax(1) == expected.argmax(1)).all() and worst < 1e-4
