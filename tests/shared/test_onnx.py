"""Exported ONNX models in ONNX Runtime: the same answers as PyTorch has on every photo, batch norm folded or not.

Needs DCLS_SHARED: data/farm-animals and weights/*.pth; and ONNX Runtime for Node.js (see onnx_runtime.py).
"""
import numpy
import pytest
import torch
import torchvision
from PIL import Image

import onnx_runtime
import tool

FARM = tool.SHARED / "data/farm-animals"
MEAN, DEVIATION = numpy.float32([0.485, 0.456, 0.406]), numpy.float32([0.229, 0.224, 0.225])
NETWORKS = {"resnet": torchvision.models.resnet18, "mobilenet": torchvision.models.mobilenet_v2,
            "efficientnet": torchvision.models.efficientnet_b0}


@pytest.fixture(scope="module")
def images():
    """The test photos at 224 x 224, normalised: (N, 3, 224, 224)."""
    files = sorted(FARM.glob("test/*/*.jpg"))
    assert len(files) == 240
    pixels = numpy.stack([numpy.asarray(Image.open(file).convert("RGB").resize((224, 224), Image.BILINEAR))
                          for file in files])
    return ((pixels.astype(numpy.float32) / 255 - MEAN) / DEVIATION).transpose(0, 3, 1, 2).copy()


def weights_of(name, folder, images):
    """A file of that network's weights: ImageNet's where they are here, else random with statistics of the photos."""
    known = {"resnet": "resnet18-imagenet.pth", "mobilenet": "mobilenet_v2-imagenet.pth"}
    if name in known:
        return tool.SHARED / "weights" / known[name]
    torch.manual_seed(1)
    network = NETWORKS[name](weights=None, num_classes=20).train()
    with torch.no_grad():
        for at in range(0, 64, 16):
            network(torch.from_numpy(images[at:at + 16]))
    torch.save(network.state_dict(), folder / "random.pth")
    return folder / "random.pth"


@pytest.mark.parametrize("name", NETWORKS)
def test_onnx_runtime_answers_as_pytorch_does(name, images, tmp_path):
    path = weights_of(name, tmp_path, images)
    state = torch.load(path)
    classes = list(state.values())[-1].shape[0]
    network = NETWORKS[name](weights=None, num_classes=classes).eval()
    network.load_state_dict(state, strict=True)
    with torch.no_grad():
        expected = torch.cat([network(torch.from_numpy(images[at:at + 40])) for at in range(0, 240, 40)]).numpy()
    for kind, batch in ("onnx", 32), ("onnx-unfolded", 1 if name == "resnet" else 7):
        tool.run("pth", "export", name, 224, kind, path, tmp_path / "model.onnx")
        logits = onnx_runtime.run(tmp_path / "model.onnx", images, batch)
        assert logits.shape == expected.shape
        worst = numpy.abs(logits - expected).max() / numpy.abs(expected).max()
        print(f"{name}, {kind}: largest difference over the largest logit: {worst:.1e}")
        assert (logits.argmax(1) == expected.argmax(1)).all() and worst < 1e-4
