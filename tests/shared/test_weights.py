"""Weight files to and from PyTorch.

Needs DCLS_SHARED: weights/*.pth in torchvision's layout.
"""
import collections

import numpy
import pytest
import torch
import torchvision

import photos
import tool

RESNET = tool.SHARED / "weights/resnet18-imagenet.pth"


def listed(path):
    """{name: (type, shape, sum)} in the file's order, by our reader."""
    found = collections.OrderedDict()
    for line in tool.run("pth", "list", path).stdout.decode().splitlines():
        name, kind, shape, total = line.split(" ")
        found[name] = kind, () if shape == "scalar" else tuple(map(int, shape.split("x"))), float(total)
    return found


@pytest.mark.parametrize("name", ["resnet18-imagenet.pth", "mobilenet_v2-imagenet.pth"])
def test_imagenet_files_are_read_as_pytorch_reads_them(name):
    path = tool.SHARED / "weights" / name
    expected, ours = torch.load(path), listed(path)
    assert list(ours) == list(expected)
    for key, tensor in expected.items():
        kind, shape, total = ours[key]
        assert "torch." + kind == str(tensor.dtype)
        assert shape == tuple(tensor.shape), key
        assert total == pytest.approx(tensor.double().sum().item(), rel=1e-9, abs=1e-9), key


def test_what_we_write_loads_in_pytorch_strictly_and_bit_equal(tmp_path):
    path = tmp_path / "copy.pth"
    tool.run("pth", "copy", "resnet", 1000, RESNET, path)
    expected = torch.load(RESNET)
    for state in torch.load(path), torch.load(path, weights_only=True):
        assert list(state) == list(expected)
        for key, tensor in expected.items():
            assert state[key].dtype == tensor.dtype and torch.equal(state[key], tensor), key
        network = torchvision.models.resnet18(weights=None)
        assert network.load_state_dict(state, strict=True).missing_keys == []


def test_a_copy_of_a_copy_has_the_same_bytes(tmp_path):
    tool.run("pth", "copy", "resnet", 1000, RESNET, tmp_path / "a.pth")
    tool.run("pth", "copy", "resnet", 1000, tmp_path / "a.pth", tmp_path / "b.pth")
    assert (tmp_path / "a.pth").read_bytes() == (tmp_path / "b.pth").read_bytes()


def test_the_last_layer_is_replaced_for_other_classes(tmp_path):
    tool.run("pth", "copy", "resnet", 6, RESNET, tmp_path / "six.pth")
    state = torch.load(tmp_path / "six.pth")
    assert state["fc.weight"].shape == (6, 512) and state["fc.bias"].shape == (6,)
    assert torch.equal(state["conv1.weight"], torch.load(RESNET)["conv1.weight"])
    torchvision.models.resnet18(weights=None, num_classes=6).load_state_dict(state, strict=True)


@pytest.mark.parametrize("name", photos.NETWORKS)
def test_a_fresh_network_goes_from_pytorch_to_here_and_back(name, tmp_path):
    network = photos.NETWORKS[name](weights=None, num_classes=10)
    torch.save(network.state_dict(), tmp_path / "fresh.pth")
    tool.run("pth", "copy", name, 10, tmp_path / "fresh.pth", tmp_path / "ours.pth")
    ours = torch.load(tmp_path / "ours.pth")
    assert list(ours) == list(network.state_dict())
    for key, tensor in network.state_dict().items():
        assert ours[key].dtype == tensor.dtype and torch.equal(ours[key], tensor), key
    network.load_state_dict(ours, strict=True)


def test_another_network_is_refused_by_name(tmp_path):
    done = tool.run("pth", "copy", "resnet", 1000, tool.SHARED / "weights/mobilenet_v2-imagenet.pth",
                    tmp_path / "x.pth", check=False)
    assert done.returncode == 1
    assert b"the first 'conv1.weight'; " in done.stderr and b"these are weights of 'mobilenet'" in done.stderr
    assert not (tmp_path / "x.pth").exists()


@pytest.mark.parametrize("name", photos.NETWORKS)
def test_photos_are_told_as_by_pytorch(name, tmp_path):
    path = photos.weights_of(name, tmp_path)
    expected = photos.torch_logits(name, path)
    done = tool.run("logits", name, 224, expected.shape[1], path, *photos.files())
    logits = numpy.frombuffer(done.stdout, numpy.float32).reshape(expected.shape)
    worst = numpy.abs(logits - expected).max()
    print(f"{name}: largest difference of a logit: {worst:.1e}")
    assert (logits.argmax(1) == expected.argmax(1)).all() and worst <= 1e-2
