"""The farm animals' test photos as tensors, torchvision's networks, and a file of weights for each."""
import functools

import numpy
import torch
import torchvision
from PIL import Image

import tool

FARM = tool.SHARED / "data/farm-animals"
MEAN, DEVIATION = numpy.float32([0.485, 0.456, 0.406]), numpy.float32([0.229, 0.224, 0.225])
NETWORKS = {"resnet": torchvision.models.resnet18, "resnet34": torchvision.models.resnet34,
            "resnet50": torchvision.models.resnet50, "mobilenet": torchvision.models.mobilenet_v2,
            "efficientnet": torchvision.models.efficientnet_b0}
IMAGENET = {"resnet": "resnet18-imagenet.pth", "mobilenet": "mobilenet_v2-imagenet.pth"}


def files():
    found = sorted(FARM.glob("test/*/*.jpg"))
    assert len(found) == 240
    return found


@functools.lru_cache
def images():
    """At 224 x 224, normalised: (N, 3, 224, 224)."""
    pixels = numpy.stack([numpy.asarray(Image.open(file).convert("RGB").resize((224, 224), Image.BILINEAR))
                          for file in files()])
    return ((pixels.astype(numpy.float32) / 255 - MEAN) / DEVIATION).transpose(0, 3, 1, 2).copy()


def weights_of(name, folder):
    """A file of that network's weights: ImageNet's where they are here, else random with statistics of the photos."""
    if name in IMAGENET:
        return tool.SHARED / "weights" / IMAGENET[name]
    torch.manual_seed(1)
    network = NETWORKS[name](weights=None, num_classes=20).train()
    with torch.no_grad():
        for at in range(0, 64, 16):
            network(torch.from_numpy(images()[at:at + 16]))
    torch.save(network.state_dict(), folder / "random.pth")
    return folder / "random.pth"


@functools.lru_cache
def torch_logits(name, path):
    """PyTorch's, (N, classes), of a network with the weights of that file; channels last is its faster layout."""
    state = torch.load(path)
    network = NETWORKS[name](weights=None, num_classes=list(state.values())[-1].shape[0]).eval()
    network.load_state_dict(state, strict=True)
    network.to(memory_format=torch.channels_last)
    inputs = torch.from_numpy(images()).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        return torch.cat([network(inputs[at:at + 40]) for at in range(0, 240, 40)]).numpy()
