#!/usr/bin/python3
"""Writes tests/golden/TYPE.txt: what PyTorch and torchvision compute from weights and images given by a formula.

Run by hand when a network is added (Debian: python3-torch, python3-torchvision); the tests only read its output.
PyTorch computes in double, so the file is the truth that any float backend is measured against.

The formula, in 32-bit unsigned integers, the same in test_golden.c:
    h = stream * 2654435761 + index * 40503 + 12345;  h ^= h >> 16;  h *= 73244475;  h ^= h >> 16
    u(stream, index) = h / 2**31 - 1                                    in [-1, 1)
SEEDS are chosen so that no activation lies so near to 0 that rounding decides whether ReLU passes it: with such
a one even PyTorch's own gradients in float and in double differ by 0.3 %. `make_golden.py TYPE search` prints that
difference for one seed after another. In what follows u is u(SEED + stream, index).
Parameter k of the state_dict, element i, in float:
    convolution   sqrt(6 / (out channels * kernel * kernel)) * u(k, i)
    linear        u(k, i) / sqrt(inputs)
    norm          weight 1 + u/10, bias u/10, running mean u/10, running variance 1 + u/4
    other biases  u/10
    MobileNetV2   bias of norm 3 + u/10: a few in a thousand activations are cut off by ReLU6, hardly one lies at a
                  kink. Around 0 some of its two million would whatever the seed, and ten steps with such differ by a
                  fifth even between PyTorch's float and double.
    ResNet-34, -50    bias of norm 1 + u/10: one in six activations is cut off. Around 0 the gradients of so many
                  layers are ill-conditioned: ResNet-50's differ by 1 % between PyTorch's float and double. (Around 3
                  the sums of residuals would all but ignore the biases.)
What is dropped in training follows from the generator of nn/rng.h with SEED as its seed: see drop_factors.
Image element i: sqrt(3) * u(1000, i). Label of image n: (3 n + 1) % classes.

Section adam: after STEPS steps, parameters as their change since the start, which is small beside them.

A line a tensor: section, name, element count, norm, projection (sum of u(2000, i) * t[i]), then SAMPLES elements, the
s-th of them at index h(SEED + 3000, s) % count.
"""
import math
import sys

import numpy
import torch
import torchvision

CLASSES, BATCH, STEPS, RATE, SAMPLES = 7, 4, 10, 1e-4, 64
BUILDERS = {"resnet": torchvision.models.resnet18, "resnet34": torchvision.models.resnet34,
            "resnet50": torchvision.models.resnet50, "mobilenet": torchvision.models.mobilenet_v2,
            "efficientnet": torchvision.models.efficientnet_b0}
NORM_BIAS = {"resnet34": 1, "resnet50": 1, "mobilenet": 3}
SEEDS = {"resnet": 10000, "resnet34": 10000, "resnet50": 10000, "mobilenet": 10000, "efficientnet": 10002}
SIZES = {"resnet": 64, "resnet34": 33, "resnet50": 33, "mobilenet": 64, "efficientnet": 64}
# A shift that the next batch norm takes away again has no gradient: what stands here then is rounding.
ZERO = 1e-10
seed = 0


def hashed(stream, count):
    mask = numpy.uint64(0xFFFFFFFF)
    h = numpy.arange(count, dtype=numpy.uint64) * numpy.uint64(40503)
    h = (h + numpy.uint64(seed + stream) * numpy.uint64(2654435761) + numpy.uint64(12345)) & mask
    h ^= h >> numpy.uint64(16)
    h = (h * numpy.uint64(73244475)) & mask
    return h ^ (h >> numpy.uint64(16))


def formula(stream, count):
    return hashed(stream, count).astype(numpy.float64) / 2**31 - 1


def initial(kind, name, tensor, k, inputs):
    u = formula(k, tensor.numel()).reshape(tuple(tensor.shape))
    if tensor.dim() == 4:
        u = u * math.sqrt(6 / (tensor.shape[0] * tensor.shape[2] * tensor.shape[3]))
    elif tensor.dim() == 2:
        u = u / math.sqrt(tensor.shape[1])
    elif name in ("fc.bias", "classifier.1.bias"):
        u = u / math.sqrt(inputs)
    elif name.endswith(".bias") and kind in NORM_BIAS:
        u = NORM_BIAS[kind] + u / 10
    elif name.endswith("running_var"):
        u = 1 + u / 4
    elif name.endswith("weight"):
        u = 1 + u / 10
    else:
        u = u / 10
    return torch.from_numpy(u.astype(numpy.float32).astype(numpy.float64))


def drop_factors(number, step, count, drop):
    """What the number-th layer that drops multiplies by in this step: rng_uniform() of nn/rng.h against `drop`."""
    full = (1 << 64) - 1
    factors = []
    for i in range(count):
        z = (seed * 0x9e3779b97f4a7c15 + (0x64726f70 << 32) + number) & full
        for turn in range(2):
            z = ((z ^ (z >> 30)) * 0xbf58476d1ce4e5b9) & full
            z = ((z ^ (z >> 27)) * 0x94d049bb133111eb) & full
            z = ((z ^ (z >> 31)) + (0 if turn else ((step << 32 | i) * 0x9e3779b97f4a7c15))) & full
        kept = (z >> 11) * 2.0**-53 >= float(numpy.float32(drop))
        factors.append(1 / (1 - drop) if kept else 0.0)
    return torch.tensor(factors, dtype=torch.float64)


class Drops:
    """Takes the place of the random masks of a model's dropouts and stochastic depths."""

    def __init__(self, model):
        self.step = 0
        layers = [m for m in model.modules() if isinstance(m, (torch.nn.Dropout, torchvision.ops.StochasticDepth))]
        # A block without a shortcut has a stochastic depth that is never used, the first one has probability 0.
        number = 0
        for block in model.modules():
            if isinstance(block, torchvision.models.efficientnet.MBConv):
                depth = block.stochastic_depth
                layers.remove(depth)
                if block.use_res_connect and depth.p > 0:
                    depth.forward = self.rows(number, depth)
                    number += 1
        for dropout in layers:
            dropout.forward = self.numbers(number, dropout)
            number += 1

    def rows(self, number, layer):
        def forward(x):
            if not layer.training:
                return x
            return x * drop_factors(number, self.step, x.shape[0], layer.p).to(x.dtype).reshape(-1, 1, 1, 1)
        return forward

    def numbers(self, number, layer):
        def forward(x):
            if not layer.training:
                return x
            return x * drop_factors(number, self.step, x.numel(), layer.p).to(x.dtype).reshape(x.shape)
        return forward


def describe(out, section, name, tensor):
    flat = tensor.detach().double().numpy().reshape(-1)
    at = hashed(3000, SAMPLES) % numpy.uint64(flat.size)
    numbers = [numpy.linalg.norm(flat), float(formula(2000, flat.size) @ flat)] + [flat[int(i)] for i in at]
    out.write(f"{section} {name} {flat.size} " + " ".join(f"{x:.7g}" for x in numbers) + "\n")


def trained(model):
    return [(name, p) for name, p in model.named_parameters()]


def stats(model):
    return [(name, b) for name, b in model.named_buffers() if not name.endswith("num_batches_tracked")]


def build(kind):
    model = BUILDERS[kind](num_classes=CLASSES).double()
    inputs = list(model.parameters())[-2].shape[1]  # of the last layer
    for k, (name, tensor) in enumerate(model.state_dict().items()):
        counts = name.endswith("num_batches_tracked")
        tensor.copy_(torch.zeros_like(tensor) if counts else initial(kind, name, tensor, k, inputs))
    return model, Drops(model)


def batch(kind):
    size = SIZES[kind]
    images = (math.sqrt(3) * formula(1000, BATCH * 3 * size * size)).astype(numpy.float32).astype(numpy.float64)
    labels = torch.tensor([(3 * n + 1) % CLASSES for n in range(BATCH)])
    return torch.from_numpy(images).reshape(BATCH, 3, size, size), labels


def search(kind):
    global seed
    for seed in range(10000, 10400):
        gradients = []
        for dtype in (torch.float64, torch.float32):
            model, _ = build(kind)
            images, labels = batch(kind)
            torch.nn.functional.cross_entropy(model.to(dtype).train()(images.to(dtype)), labels).backward()
            gradients.append([p.grad.double() for p in model.parameters()])
        worst = max(float((a - b).norm() / a.norm()) for a, b in zip(*gradients) if a.norm() > ZERO)
        print(seed, f"{worst:.2e}", flush=True)


def main(kind):
    global seed
    seed = SEEDS[kind]
    model, drops = build(kind)
    images, labels = batch(kind)

    with open(f"{sys.path[0]}/{kind}.txt", "w", encoding="ascii") as out:
        model.eval()
        with torch.no_grad():
            describe(out, "eval", "logits", model(images))
        model.train()
        start = {name: p.detach().clone() for name, p in trained(model)}
        adam = torch.optim.Adam(model.parameters(), lr=RATE)
        losses = []
        for step in range(STEPS):
            drops.step = step
            adam.zero_grad()
            logits = model(images)
            loss = torch.nn.functional.cross_entropy(logits, labels)
            loss.backward()
            losses.append(loss.detach())
            if step == 0:
                describe(out, "train", "logits", logits)
                describe(out, "train", "loss", loss)
                for name, p in trained(model):
                    describe(out, "grad", name, p.grad)
                for name, b in stats(model):
                    describe(out, "stats", name, b)
            adam.step()
        for name, p in trained(model):
            describe(out, "adam", name, p - start[name])
        for name, b in stats(model):
            describe(out, "adam", name, b)
        describe(out, "adam", "losses", torch.stack(losses))


if __name__ == "__main__":
    torch.set_num_threads(1)
    (search if sys.argv[2:] == ["search"] else main)(sys.argv[1])
