"""One evaluation and one step of training of the size at which photos are trained on, 32 of 224x224, beside PyTorch:
logits, loss, running statistics and the gradient of every parameter.

What is due. A network is continuous but for its kinks. Where an input of ReLU lies as near to 0 as rounding goes, two
implementations may take different sides, and a gradient is in one and not in the other. Of 100 million activations
there are always some. So every network is compared twice, and each seed has to agree both times:

  smooth   with SiLU wherever there was ReLU or ReLU6: nothing is left but rounding. Each layer adds what it rounds,
           some 1e-6, and the backward pass of a batch norm, which takes means away, magnifies it: 3e-5 to 1.2e-4 of a
           gradient's norm were found at the first layers.
  sharp    as it is. Of the activations such a share flips as is the size of their errors, 1e-5 behind the last layers.
           A gradient moves by the root of that at each layer, over all of them by some 1e-2, which was found: this one
           is for what belongs to ReLU and ReLU6. With ReLU's gradient in the place of ReLU6's it is 0.8.

A max pool has kinks as well, where two pixels of a window are near each other. There they are equal in both or far
apart: the first convolution's sums are exact, of whole numbers as pixels and weights on a grid.

What each kernel owes is in test_kernel_errors.py.
"""
import functools
import pathlib
import sys

import numpy
import pytest
import torch
from PIL import Image

import photos
import tool

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "bench"))
import replay  # noqa: E402

BATCH, SIZE, CLASSES, SEED = 32, 224, 10, 1
# How far from PyTorch's, relative to their norm.
LOGITS, TRAINED_LOGITS, STATISTICS = 1e-5, 5e-5, 2e-5
GRADIENT = {"smooth": 3e-4, "sharp": 0.05}
# ResNet-34 has ResNet-18's layers; of kinks ReLU's and ReLU6's are looked at in one network each.
CASES = [("resnet", "smooth"), ("resnet50", "smooth"), ("mobilenet", "smooth"), ("efficientnet", "smooth"),
         ("resnet", "sharp"), ("mobilenet", "sharp")]
# A shift that the next batch norm takes away (of MobileNetV2's projections) has no gradient but rounding, up to 1e-7 of
# the largest gradient, and any other has 1e-4 of it: what is below this share of it in PyTorch has only to be so here.
NO_GRADIENT = 1e-6


def norms(network):
    return [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]


def before_relu6(network):
    blocks = [module for module in network.modules() if isinstance(module, torch.nn.Sequential)]
    return [block[-2] for block in blocks if isinstance(block[-1], torch.nn.ReLU6)]


def make_smooth(network):
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, (torch.nn.ReLU, torch.nn.ReLU6)):
                setattr(parent, name, torch.nn.SiLU())


def randomise(network):
    """Norms that are not the identity, and a first convolution with weights on a grid."""
    draws = numpy.random.default_rng(SEED)

    def uniform(like, centre, most):
        return torch.from_numpy(draws.uniform(centre - most, centre + most, like.shape).astype(numpy.float32))

    with torch.no_grad():
        for norm in norms(network):
            norm.weight.copy_(uniform(norm.weight, 1, 0.3))
            norm.bias.copy_(uniform(norm.bias, 0, 0.3))
            norm.running_mean.copy_(uniform(norm.running_mean, 0, 0.3))
            norm.running_var.copy_(uniform(norm.running_var, 1, 0.3))
        # Of the first, where SiLU grows with its input; of ReLU6's, so that both of its ends are met.
        for norm in {norms(network)[0], *before_relu6(network)}:
            norm.bias.add_(3)
        first = next(module for module in network.modules() if isinstance(module, torch.nn.Conv2d))
        first.weight.copy_((first.weight * 256).round() / 256)


@functools.lru_cache
def images():
    files = photos.files()[::len(photos.files()) // BATCH][:BATCH]
    pixels = [numpy.asarray(Image.open(file).convert("RGB").resize((SIZE, SIZE), Image.BILINEAR)) for file in files]
    return (torch.from_numpy(numpy.stack(pixels)).permute(0, 3, 1, 2).float() - 128) / 64


class ExactNorm(torch.autograd.Function):
    """Batch norm of a training's batch in double. PyTorch's own was 1e-4 off where a channel's mean is 40 times its
    deviation, dcls' 1e-6."""

    @staticmethod
    def forward(ctx, x, weight, bias, mean, deviation):
        ctx.save_for_backward(x, weight, mean, deviation)
        return ((x - mean) / deviation * weight + bias).float()

    @staticmethod
    def backward(ctx, dy):
        x, weight, mean, deviation = ctx.saved_tensors
        dy, normed, over = dy.double(), (x - mean) / deviation, (0, 2, 3)
        dweight, dbias = (dy * normed).sum(over, True), dy.sum(over, True)
        count = x.numel() // x.shape[1]
        dx = (dy - dbias / count - normed * dweight / count) * (weight / deviation)
        return dx.float(), dweight.float(), dbias.float(), None, None


def exact_norm(norm, x):
    with torch.no_grad():
        x64, over, count = x.double(), (0, 2, 3), x.numel() // x.shape[1]
        mean = x64.mean(over, True)
        variance = (x64 - mean).pow(2).mean(over, True)
        for running, now in (norm.running_mean, mean), (norm.running_var, variance * count / (count - 1)):
            running.lerp_(now.ravel().float(), norm.momentum)
    shape = 1, -1, 1, 1
    return ExactNorm.apply(x, norm.weight.reshape(shape), norm.bias.reshape(shape), mean, (variance + norm.eps).sqrt())


def in_torch(network):
    """Logits of evaluation and training, loss, gradients by name, and the running statistics by then."""
    with torch.no_grad():
        evaluated = network.eval()(images()).numpy()
    replay.Drops(network, SEED).start(0)
    for norm in norms(network):
        norm.forward = functools.partial(exact_norm, norm)
    logits = network.train()(images())
    loss = torch.nn.functional.cross_entropy(logits, (3 * torch.arange(BATCH) + 1) % CLASSES)
    loss.backward()
    return (evaluated, logits.detach().numpy(), loss.item(),
            {name: tensor.grad.numpy().ravel() for name, tensor in network.named_parameters()},
            {name: tensor.numpy() for name, tensor in network.named_buffers() if "running" in name})


def by_dcls(name, form, network, folder):
    """The same."""
    weights, pixels, out, after = (folder / file for file in ("weights.pth", "images", "out", "after.pth"))
    torch.save(network.state_dict(), weights)
    images().numpy().tofile(pixels)
    tool.run("step", name, CLASSES, BATCH, SIZE, SEED, form, weights, pixels, out, after)
    logits = BATCH * CLASSES
    evaluated, trained, loss, rest = numpy.split(numpy.fromfile(out, numpy.float32),
                                                 [logits, 2 * logits, 2 * logits + 1])
    gradients = {}
    for key, tensor in network.named_parameters():
        gradients[key], rest = rest[:tensor.numel()], rest[tensor.numel():]
    assert not len(rest)
    return (evaluated.reshape(BATCH, CLASSES), trained.reshape(BATCH, CLASSES), loss.item(), gradients,
            {key: tensor.numpy() for key, tensor in torch.load(after).items() if "running" in key})


def size(array):
    return numpy.linalg.norm(numpy.ravel(array).astype(float))


def apart(ours, theirs):
    return size(ours - theirs) / size(theirs)


@pytest.mark.parametrize("name,form", CASES)
def test_a_step_is_pytorchs(name, form, tmp_path):
    torch.manual_seed(SEED)
    network = photos.NETWORKS[name](weights=None, num_classes=CLASSES)
    if form == "smooth":
        make_smooth(network)
    randomise(network)
    evaluated, trained, loss, gradients, statistics = by_dcls(name, form, network, tmp_path)
    expected = in_torch(network)
    largest = max(map(size, expected[3].values()))
    none = {key for key, tensor in expected[3].items() if size(tensor) <= NO_GRADIENT * largest}
    far = {key: apart(gradients[key], tensor) for key, tensor in expected[3].items() if key not in none}
    moved = {key: apart(statistics[key], tensor) for key, tensor in expected[4].items()}
    worst, most_moved = max(far, key=far.get), max(moved, key=moved.get)
    print(f"{name}, {form}: logits {apart(evaluated, expected[0]):.1e}, {apart(trained, expected[1]):.1e}, "
          f"loss {abs(loss / expected[2] - 1):.1e}, {worst} {far[worst]:.1e}, {most_moved} {moved[most_moved]:.1e}")
    assert apart(evaluated, expected[0]) <= LOGITS and apart(trained, expected[1]) <= TRAINED_LOGITS
    assert loss == pytest.approx(expected[2], rel=LOGITS)
    assert moved[most_moved] <= STATISTICS
    assert all(size(gradients[key]) <= NO_GRADIENT * largest for key in none)
    assert far[worst] <= GRADIENT[form]
