"""Weight files as many programs write them: read as PyTorch reads them, bit for bit, or refused as PyTorch does.

Needs DCLS_SHARED: cases/make_weights.py. What PyTorch itself does not take, a dictionary around the weights or a text
in front of their names, is what people mean who train on: there the weights inside are due.
"""
import argparse
import collections
import datetime
import pathlib
import random
import subprocess
import sys

import numpy
import pytest
import torch
import torchvision

import tool
import weight_writers

MEANT = ("module-prefix.pth", "compiled-prefix.pth", "wrapped-state_dict.pth", "imagenet-example-checkpoint.pth.tar")
REFUSED = ("whole-module.pth", "swa-n_averaged.pth")
NET = torchvision.models.mobilenet_v2(num_classes=2)


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cases")
    subprocess.run([sys.executable, tool.SHARED / "cases/make_weights.py", folder], check=True,
                   stdout=subprocess.DEVNULL, timeout=300)
    yield folder
    for file in folder.iterdir():  # 600 MB
        file.unlink()


def by_pytorch(path, network):
    """The state of a fresh network after a strict load; None where PyTorch refuses."""
    try:
        network.load_state_dict(torch.load(path, map_location="cpu"))
    except Exception:
        return None
    return network.state_dict()


def by_dcls(path, name, folder):
    """Likewise, and what was said."""
    out = folder / "ours.pth"
    done = tool.run("pth", "copy", name, 2, path, out, check=False)
    said = done.stderr.decode()
    assert said.count("\n") == (done.returncode == 1), said
    return torch.load(out) if done.returncode == 0 else None, said


def expect_equal(ours, expected):
    assert list(ours) == list(expected)
    for key, tensor in expected.items():
        assert ours[key].dtype == tensor.dtype and ours[key].shape == tensor.shape, key
        assert ours[key].numpy().tobytes() == tensor.contiguous().numpy().tobytes(), key


def test_every_case_is_read_as_pytorch_reads_it_or_as_people_mean(cases, tmp_path):
    plain = torch.load(cases / "plain.pth")
    for path in sorted(cases.iterdir()):
        expected = by_pytorch(path, torchvision.models.resnet18(num_classes=2))
        assert (expected is None) == (path.name in MEANT + REFUSED), path.name
        ours, said = by_dcls(path, "resnet", tmp_path)
        if path.name in REFUSED:
            assert ours is None, path.name
        else:
            assert ours is not None, said
            expect_equal(ours, plain if path.name in MEANT else expected)


def weights(seed=1):
    """Random weights with statistics and counters that are not those of a fresh network."""
    generator = torch.Generator().manual_seed(seed)
    state = NET.state_dict()
    for key, tensor in state.items():
        if key.endswith("num_batches_tracked"):
            tensor.fill_(int(torch.randint(0, 60000, (1,), generator=generator)))
        else:
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.01)
    return collections.OrderedDict((key, tensor.clone()) for key, tensor in state.items())


def is_counter(key):
    return key.endswith("num_batches_tracked")


def changed(state, change, which=lambda key: True):
    return collections.OrderedDict((key, change(tensor) if which(key) else tensor) for key, tensor in state.items())


def expect_agreement(path, tmp_path, taken=True, plain=None):
    """As PyTorch, which takes the file or not; `plain`: what is meant where PyTorch does not take it."""
    expected = by_pytorch(path, torchvision.models.mobilenet_v2(num_classes=2))
    assert (expected is not None) == (taken and plain is None)
    ours, said = by_dcls(path, "mobilenet", tmp_path)
    assert (ours is not None) == taken, said
    if taken:
        expect_equal(ours, expected if plain is None else plain)
    return said


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_every_protocol_of_pickle_is_read(protocol, zipped, tmp_path):
    path = tmp_path / "w.pth"
    state = {"state_dict": weights(), "set": {1, 2}, "frozen": frozenset("ab"), "bytes": b"x" * 300,
             "array": bytearray(b"y"), "long": 1 << 100, "list": [[1], (2.5, None)], "big": b"z" * 70000}
    torch.save(state["state_dict"], path, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
    expect_agreement(path, tmp_path, taken=protocol > 0)  # 0: PyTorch writes what it cannot read
    if protocol > 0:
        torch.save(state, path, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
        assert "the member 'state_dict'" in expect_agreement(path, tmp_path, plain=state["state_dict"])


CONVERSIONS = {
    "half": lambda t: t.half(),
    "bfloat16": lambda t: t.bfloat16(),
    "double": lambda t: t.double() / 3 if t.is_floating_point() else t.double(),
    "int32 counters": lambda t: t if t.is_floating_point() else t.int(),
    "int16 counters": lambda t: t if t.is_floating_point() else (t // 2).short(),
    "half counters": lambda t: t if t.is_floating_point() else t.half(),
    "bfloat16 counters": lambda t: t if t.is_floating_point() else t.bfloat16(),
    "float counters": lambda t: t if t.is_floating_point() else t.float() + 0.75,
    "infinite counters": lambda t: t if t.is_floating_point() else (t * 1000 + 70000000).half(),
    "counters of shape 1": lambda t: t if t.is_floating_point() else t.reshape(1),
    "half counters of shape 1": lambda t: t.half() if t.is_floating_point() else t.half().reshape(1),
    "counters of shape 2": lambda t: t if t.is_floating_point() else torch.stack([t, t + 1]),
    "bytes": lambda t: (t * 200).byte() if t.is_floating_point() else t,
    "signed bytes": lambda t: (t * 100 - 90).char() if t.is_floating_point() else t,
    "booleans": lambda t: t > 0.5 if t.is_floating_point() else t,
    "long weights": lambda t: (t * 1e12).long() if t.is_floating_point() else t,
}


@pytest.mark.parametrize("writer", ["zip", "legacy", "tar", "safetensors"])
@pytest.mark.parametrize("name", CONVERSIONS)
def test_every_type_of_numbers_is_converted_as_pytorch_does(name, writer, tmp_path):
    state = changed(weights(), CONVERSIONS[name])
    path = tmp_path / "w.pth"
    torch.save(state, path, _use_new_zipfile_serialization=writer != "legacy")
    if writer == "tar":
        weight_writers.save_tar(state, path)
    if writer == "safetensors":
        expected = by_pytorch(path, torchvision.models.mobilenet_v2(num_classes=2))
        weight_writers.save_safetensors(state, path)
        expect_equal(by_dcls(path, "mobilenet", tmp_path)[0], expected)
    else:
        expect_agreement(path, tmp_path)


@pytest.mark.parametrize("name, change", [
    ("empty counters", lambda key, t: t.reshape(1)[:0] if is_counter(key) else t),
    ("counters of two dimensions", lambda key, t: t.reshape(1, 1) if is_counter(key) else t),
    ("complex", lambda key, t: t if is_counter(key) else t.to(torch.complex64)),
    ("a missing name", lambda key, t: None if key == "features.0.1.running_var" else t),
    ("arrays", lambda key, t: t.numpy()),
    ("a shape", lambda key, t: t.reshape(1, -1) if key == "classifier.1.bias" else t),
])
@pytest.mark.parametrize("zipped", [True, False])
def test_what_pytorch_does_not_take_is_refused(name, change, zipped, tmp_path):
    path = tmp_path / "w.pth"
    state = {key: change(key, tensor) for key, tensor in weights().items()}
    state = {key: tensor for key, tensor in state.items() if tensor is not None}
    torch.save(state, path, _use_new_zipfile_serialization=zipped)
    if name == "complex":
        assert "of 'torch.ComplexFloatStorage'" in by_dcls(path, "mobilenet", tmp_path)[1]
    else:
        expect_agreement(path, tmp_path, taken=False)


def strided(tensor):
    """The same numbers in every second place of a longer storage, from the fourth on."""
    longer = torch.zeros(2 * tensor.numel() + 3, dtype=tensor.dtype)[3:]
    longer[::2][:tensor.numel()] = tensor.flatten()
    return longer[::2][:tensor.numel()].as_strided(
        tensor.size(), [2 * stride for stride in tensor.contiguous().stride()], 3)


def in_one_storage(state):
    """All floats as views on one flat storage, and the counters on another."""
    flat = {kind: torch.cat([tensor.flatten() for tensor in state.values() if tensor.dtype == kind])
            for kind in (torch.float32, torch.int64)}
    at, views = {kind: 0 for kind in flat}, collections.OrderedDict()
    for key, tensor in state.items():
        start = at[tensor.dtype]
        at[tensor.dtype] += tensor.numel()
        views[key] = flat[tensor.dtype][start:start + tensor.numel()].view(tensor.shape)
    return views


LAYOUTS = {
    "transposed": lambda s: changed(s, lambda t: t.t().contiguous().t() if t.dim() == 2 else t),
    "channels last": lambda s: changed(s, lambda t: t.to(memory_format=torch.channels_last) if t.dim() == 4 else t),
    "every second": lambda s: changed(s, strided),
    "expanded": lambda s: changed(s, lambda t: t.flatten()[:1].expand(t.numel()).reshape(t.shape)
                                  if t.dim() == 1 else t.flatten()[0].expand(t.shape)),
    "one storage": in_one_storage,
    "one tensor under many names": lambda s: changed(s, lambda t: SHARED if t.shape == (32,) else t),
    "not used beside": lambda s: changed(s, lambda t: torch.cat([t.flatten(), torch.ones(9)])[:-9].view(t.shape)
                                         if t.is_floating_point() else t),
}
SHARED = torch.rand(32)


@pytest.mark.parametrize("writer", ["zip", "legacy", "tar"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_windows_on_storages_are_read(name, writer, tmp_path):
    state = LAYOUTS[name](weights())
    path = tmp_path / "w.pth"
    if writer == "tar":
        weight_writers.save_tar(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=writer == "zip")
    expect_agreement(path, tmp_path)


def default_dict(state):
    found = collections.defaultdict(list)
    found.update(state)
    return found


def parameters(state):
    return changed(state, lambda t: torch.nn.Parameter(t, requires_grad=t.is_floating_point()))


class Tagged(torch.Tensor):
    """A subclass of tensors, which has attributes."""


def tagged(tensor):
    tensor = tensor.as_subclass(Tagged)
    tensor.note = {"of": "this test"}
    return tensor


def made(function, arguments=lambda t: (t,), state=lambda t: None):
    return lambda s: changed(s, lambda t: weight_writers.Made(function, *arguments(t), state=state(t)))


rebuilt = weight_writers.parts
CONTAINERS = {
    "dict": dict,
    "defaultdict": default_dict,
    "parameters": parameters,
    "network's own": lambda s: NET.state_dict(keep_vars=True),
    "subclass": lambda s: changed(s, tagged),
    # What newer PyTorch makes of a tensor with attributes.
    "from type": made(torch._tensor._rebuild_from_type_v2,
                      lambda t: (torch._utils._rebuild_tensor_v2, torch.Tensor,
                                 (*rebuilt(t), False, collections.OrderedDict()), {"note": 1})),
    # PyTorch 0.1 to 0.3.
    "rebuild_tensor": made(torch._utils._rebuild_tensor, rebuilt),
    "tensor with a state": lambda s: changed(s, lambda t: weight_writers.Made(
        torch.LongTensor if t.dtype == torch.int64 else torch.FloatTensor, state=rebuilt(t))),
    "size": made(torch._utils._rebuild_tensor, lambda t: (*rebuilt(t)[:2], t.size(), t.stride())),
    "parameter of a tensor": made(torch.nn.Parameter, lambda t: (t.float() if t.dtype == torch.int64 else t, True)),
}


@pytest.mark.parametrize("python2", [True, False])
@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("name", CONTAINERS)
def test_dictionaries_and_tensors_of_every_form_are_read(name, zipped, python2, tmp_path):
    path = tmp_path / "w.pth"
    state = CONTAINERS[name](weights())
    options = {"pickle_module": weight_writers.python2()} if python2 else {}
    torch.save(state, path, _use_new_zipfile_serialization=zipped, **options)
    expect_agreement(path, tmp_path)


@pytest.mark.parametrize("pickler", ["python2", "python3"])
@pytest.mark.parametrize("protocol", [1, 2, 4])
def test_tars_of_the_first_pytorch_are_read(protocol, pickler, tmp_path):
    path = tmp_path / "w.pth"
    pickler = weight_writers.python2().Pickler if pickler == "python2" else weight_writers.pickle._Pickler
    state = weights()
    weight_writers.save_tar(state, path, protocol=protocol, pickler=pickler,
                            views=("features.0.0.weight", "classifier.1.bias", "features.0.1.num_batches_tracked"))
    expect_agreement(path, tmp_path)


def test_views_on_storages_of_old_files_are_read(tmp_path, monkeypatch):
    path = tmp_path / "w.pth"
    state, kept = weights(), []

    def on_view(tensor):
        longer = torch.cat([torch.ones(7, dtype=tensor.dtype), tensor.flatten(), torch.ones(2, dtype=tensor.dtype)])
        kept.append(longer)
        view = weight_writers.View(longer.storage(), 7, tensor.numel())
        return weight_writers.Made(torch._utils._rebuild_tensor, view, 0, tuple(tensor.size()), tensor.stride())

    class Pickler(weight_writers.ViewPickler):
        @property
        def persistent_id(self):
            return super().persistent_id

        @persistent_id.setter
        def persistent_id(self, function):
            type(self).owner = staticmethod(function)

    module = weight_writers.python2()
    module.Pickler = Pickler
    torch.save(changed(state, on_view), path, _use_new_zipfile_serialization=False, pickle_module=module)
    expect_agreement(path, tmp_path)
    expect_equal(by_dcls(path, "mobilenet", tmp_path)[0], state)


class Unknown:
    """What no other program has."""

    def __init__(self, *arguments):
        self.arguments, self.epoch = arguments, 3


class Danger:
    def __reduce__(self):
        return pathlib.Path.touch, (pathlib.Path("executed"),)


BESIDE = {
    "epoch": 5, "best_acc1": torch.tensor(71.25), "arch": "resnet18", "loss": 0.25, "none": None,
    "args": argparse.Namespace(lr=0.1, milestones=[1, 2, (3, 4)], device=torch.device("cpu"), dtype=torch.float32),
    "scalar": numpy.float64(0.5), "array": numpy.arange(6).reshape(2, 3), "when": datetime.datetime(2020, 2, 3),
    "path": pathlib.Path("a/b"), "unknown": Unknown(Unknown(), {1: Unknown}), "class": Unknown,
    "random": (random.getstate(), numpy.random.get_state(), torch.get_rng_state()), 7: "a number's name",
    "history": [{"epoch": i, "loss": float(i)} for i in range(2000)], "ordered": collections.OrderedDict(a=1),
    "counter": collections.Counter("abc"), "deque": collections.deque([1, 2], 5), "range": range(9), "slice": slice(3),
    "quantised": torch.quantize_per_tensor(torch.rand(3), 0.1, 0, torch.qint8), "flags": {True, False},
    "sparse": torch.eye(3).to_sparse(), "complex": torch.ones(2, dtype=torch.complex64), "number": 3j,
}


@pytest.mark.parametrize("protocol", [1, 2, 4, 5])
@pytest.mark.parametrize("zipped", [True, False])
def test_what_is_no_tensor_is_passed_over_and_not_executed(zipped, protocol, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "w.pth"
    state = weights()
    optimiser = torch.optim.Adam(NET.parameters())
    for parameter in NET.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimiser.step()
    beside = {**BESIDE, "optimizer": optimiser.state_dict(), "danger": Danger()}
    for file in ({**beside, "state_dict": state}, {"model": state, **beside},
                 {**{key: value for key, value in beside.items() if not torch.is_tensor(value)}, **state}):
        torch.save(file, path, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
        ours, said = by_dcls(path, "mobilenet", tmp_path)
        assert ours is not None, said
        expect_equal(ours, state)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("wrapper", ["state_dict", "model", "model_state_dict", "net", "ema", "model.state_dict"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "model.", "net.", "backbone.",
                                    "module._orig_mod.model.", "_orig_mod.module."])
def test_dictionaries_around_and_texts_in_front_are_taken_away(wrapper, prefix, tmp_path):
    path = tmp_path / "w.pth"
    state = weights()
    file = collections.OrderedDict((prefix + key, tensor) for key, tensor in state.items())
    for member in reversed(wrapper.split(".")):
        file = {"epoch": 1, member: file, "lr": [0.1]}
    torch.save(file, path)
    said = expect_agreement(path, tmp_path, plain=state)
    assert f"the member '{wrapper}'" in said and (not prefix or f"'{prefix}' in front" in said)


def test_of_two_dictionaries_the_first_of_the_order_is_taken(tmp_path):
    path = tmp_path / "w.pth"
    first, second = weights(1), weights(2)
    torch.save({"ema": second, "model": first, "net": {"width": 3}}, path)
    assert "the member 'model'" in expect_agreement(path, tmp_path, plain=first)


@pytest.mark.parametrize("content, reason", [
    (NET, "is an object of 'torchvision.models.mobilenetv2.MobileNetV2'"),
    ({"model": NET, "epoch": 1}, "its member 'model' is an object of 'torchvision.models.mobilenetv2.MobileNetV2'"),
    ({"epoch": 1, "optimizer": {}}, "the file has no tensors: 'epoch' is a number, 'optimizer' is a dictionary"),
    ([torch.ones(2)], "the file is a list"), (torch.ones(2), "the file is a tensor"), ({}, "the file has no tensors"),
    (torchvision.models.resnet34().state_dict(), "these are weights of 'resnet34'"),
    (collections.OrderedDict(weights(), **{"a.b": torch.ones(1)}), "none is missing; 1 is unexpected, 'a.b'"),
])
@pytest.mark.parametrize("zipped", [True, False])
def test_what_does_not_fit_is_refused_with_the_reason(content, reason, zipped, tmp_path):
    path = tmp_path / "w.pth"
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    assert reason in expect_agreement(path, tmp_path, taken=False)


def test_one_missing_and_one_unexpected_name_stand_side_by_side(tmp_path):
    path = tmp_path / "w.pth"
    torch.save({"x." + key: tensor for key, tensor in weights().items()}, path)
    said = expect_agreement(path, tmp_path, taken=False)
    trained = sum(not is_counter(key) for key in NET.state_dict())
    assert f"'mobilenet': {trained} are missing, the first 'features.0.0.weight'; " in said
    assert f"; {len(NET.state_dict())} are unexpected, the first 'x.features.0.0.weight'" in said


@pytest.mark.parametrize("zipped", [True, False])
def test_what_follows_the_weights_is_passed_over(zipped, tmp_path):
    path = tmp_path / "w.pth"
    torch.save(weights(), path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes() + b"\n")
    expect_agreement(path, tmp_path)


def test_a_script_is_refused(tmp_path):
    path = tmp_path / "w.pth"
    torch.jit.save(torch.jit.script(NET), path)
    expect_agreement(path, tmp_path, taken=False)
