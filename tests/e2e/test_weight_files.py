"""Files of weights that people have, given to `train --weights`: what is chosen is told, and why one is refused.

The pickles are put together by hand, around the one of a model that was trained here: no PyTorch is needed.
"""
import pickle
import struct
import zipfile

import pytest

AGAIN = ["train", "resnet", "--name", "again", "--epochs", 1, "--image-size", 32, "--batch-size", 8,
         "--learning-rate", 0]
OPTIMISER = pickle.dumps({"state": {0: {"step": 7}}, "param_groups": [{"lr": 0.1, "params": [0, 1]}]}, 2)[2:-1]


def text(word):
    return b"X" + struct.pack("<I", len(word)) + word.encode()


def model_pickle(trained):
    """Of the dictionary, without what begins and ends it."""
    with zipfile.ZipFile(trained.folder / "node0/models/colours/colours.pth") as archive:
        return archive.read("archive/data.pkl")[2:-1]


def make_file(trained, path, pickled, version=2):
    """The model's archive with another pickle."""
    with zipfile.ZipFile(trained.folder / "node0/models/colours/colours.pth") as model, \
            zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80" + bytes([version]) + pickled + b".")
        for name in model.namelist()[1:]:
            archive.writestr(name, model.read(name))
    return path


def in_front(pickled, prefix):
    """The same dictionary with a text in front of each name, which ends in one of these."""
    for name in "weight", "bias", "running_mean", "running_var", "num_batches_tracked":
        at = 0
        while (at := pickled.find(name.encode(), at)) >= 0:
            start = pickled.rfind(b"X", 0, at)
            end = at + len(name)
            while struct.unpack("<I", pickled[start + 1:start + 5])[0] != end - start - 5:
                start = pickled.rfind(b"X", 0, start)
            word = text(prefix + pickled[start + 5:end].decode())
            pickled = pickled[:start] + word + pickled[end:]
            at = start + len(word)
    return pickled


def expect_told(trained, path, told):
    """The training starts from those weights, and the client, the report and the log tell that line."""
    done = trained.client(*AGAIN, "--weights", path)
    assert "Test Accuracy: 100.00%" in done.stdout + done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("dcls: the weights ")]
    assert said == ([f"dcls: {told}"] if told else [])
    assert trained.get("/jobs")["jobs"][0].get("notices", []) == ([told] if told else [])
    assert (f"Notice: {told}" in trained.client("log", "again").stdout) == bool(told)
    trained.client("rm", "again")


def test_a_checkpoints_weights_are_taken_and_nothing_else_of_it(trained, tmp_path):
    model = model_pickle(trained)
    namespace = b"cargparse\nNamespace\n)\x81}" + text("lr") + b"K\1sb"
    danger = b"cos\nsystem\n" + text(f"touch {tmp_path}/executed") + b"\x85R"
    path = make_file(trained, tmp_path / "a.pth.tar",
                     b"}(" + text("epoch") + b"K\5" + text("args") + namespace + text("optimizer") + OPTIMISER +
                     text("run") + danger + text("state_dict") + in_front(model, "module.") + b"u")
    expect_told(trained, path, "the weights are the member 'state_dict' of their file, without 'module.' in front of "
                               "all names")
    path = make_file(trained, tmp_path / "b.pth", b"}" + text("model") + model + b"s", version=4)
    expect_told(trained, path, "the weights are the member 'model' of their file")
    path = make_file(trained, tmp_path / "c.pth", in_front(model, "_orig_mod.model."))
    expect_told(trained, path, "the weights are taken without '_orig_mod.model.' in front of all names")
    expect_told(trained, make_file(trained, tmp_path / "d.pth", model), "")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("change, reason", [
    (lambda model: b"cmodels\nNet\n)\x81}" + text("layer") + model + b"sb",
     "the file is an object of 'models.Net' instead of a dictionary of tensors: save its state_dict()"),
    (lambda model: b"}" + text("net") + b"cmodels\nNet\n)\x81s",
     "its member 'net' is an object of 'models.Net' instead of a dictionary of tensors: save its state_dict()"),
    (lambda model: b"}" + text("epoch") + b"K\1s", "the file has no tensors: 'epoch' is a number"),
    (lambda model: in_front(model, "x."), "the names do not fit 'resnet': 102 are missing, the first 'conv1.weight'; "
                                          "122 are unexpected, the first 'x.conv1.weight'"),
    (lambda model: model.replace(b"fc.bias", b"fc.bios"), "the names do not fit 'resnet': 1 is missing, 'fc.bias'; "
                                                          "1 is unexpected, 'fc.bios'"),
    (lambda model: model.replace(b"fc.bias", b"fc.bios")[:-1] + text("fc.bias") + b"Nu",
     "'fc.bias' is no tensor that is read, but None"),
])
def test_what_does_not_fit_is_refused_with_the_reason(trained, tmp_path, change, reason):
    path = make_file(trained, tmp_path / "a.pth", change(model_pickle(trained)))
    done = trained.client(*AGAIN, "--weights", path, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(": " + reason), done.stderr


def test_weights_of_another_type_are_told(trained, tmp_path):
    path = tmp_path / "a.safetensors"
    trained.client("export", "colours", "-o", path)
    done = trained.client("train", "mobilenet", *AGAIN[2:], "--weights", path, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("the first 'bn1.num_batches_tracked': these are weights of "
                                                   "'resnet'"), done.stderr
