#!/usr/bin/python3
"""Writes tests/golden/TYPE.txt: what PyTorch and torchvision compute from weights and images given by a formula.

Run by hand when a network is added (Debian: python3-torch, python3-torchvision); the tests only read its output.
PyTorch computes in double, so the file is the truth that any float backend is measured against.

The formula, in 32-bit unsigned integers, the same in test_golden.c:
    h = stream * 2654435761 + index * 40503 + 12345;  h ^= h >> 16;  h *= 73244475;  h ^= h >> 16
    u(stream, index) = h / 2**31 - 1                                    in [-1, 1)
SEED is chosen so that no activation lies so near to 0 that rounding decides whether ReLU passes it: with such a one
even PyTorch's own gradients in float and in double differ by 0.3 %. In what follows u is u(SEED + stream, index).
Parameter k of the state_dict, element i, in float:
    convolution   sqrt(6 / (out channels * kernel * kernel)) * u(k, i)
    linear        u(k, i) / sqrt(inputs)
    norm          weight 1 + u/10, bias u/10, running mean u/10, running variance 1 + u/4
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

CLASSES, BATCH, SIZE, STEPS, RATE, SAMPLES, SEED = 7, 4, 64, 10, 1e-4, 64, 10000
BUILDERS = {"resnet": torchvision.models.resnet18}


def hashed(stream, count):
    mask = numpy.uint64(0xFFFFFFFF)
    h = numpy.arange(count, dtype=numpy.uint64) * numpy.uint64(40503)
    h = (h + numpy.uint64(SEED + stream) * numpy.uint64(2654435761) + numpy.uint64(12345)) & mask
    h ^= h >> numpy.uint64(16)
    h = (h * numpy.uint64(73244475)) & mask
    return h ^ (h >> numpy.uint64(16))


def formula(stream, count):
    return hashed(stream, count).astype(numpy.float64) / 2**31 - 1


def initial(name, tensor, k):
    u = formula(k, tensor.numel()).reshape(tuple(tensor.shape))
    if tensor.dim() == 4:
        u = u * math.sqrt(6 / (tensor.shape[0] * tensor.shape[2] * tensor.shape[3]))
    elif name == "fc.weight":
        u = u / math.sqrt(tensor.shape[1])
    elif name == "fc.bias":
        u = u / math.sqrt(512)
    elif name.endswith("running_var"):
        u = 1 + u / 4
    elif name.endswith("weight"):
        u = 1 + u / 10
    else:
        u = u / 10
    return torch.from_numpy(u.astype(numpy.float32).astype(numpy.float64))


def describe(out, section, name, tensor):
    flat = tensor.detach().double().numpy().reshape(-1)
    at = hashed(3000, SAMPLES) % numpy.uint64(flat.size)
    numbers = [numpy.linalg.norm(flat), float(formula(2000, flat.size) @ flat)] + [flat[int(i)] for i in at]
    out.write(f"{section} {name} {flat.size} " + " ".join(f"{x:.7g}" for x in numbers) + "\n")


def trained(model):
    return [(name, p) for name, p in model.named_parameters()]


def stats(model):
    return [(name, b) for name, b in model.named_buffers() if not name.endswith("num_batches_tracked")]


def main(kind):
    torch.set_num_threads(1)
    model = BUILDERS[kind](num_classes=CLASSES).double()
    state = model.state_dict()
    for k, (name, tensor) in enumerate(state.items()):
        tensor.copy_(torch.zeros_like(tensor) if name.endswith("num_batches_tracked") else initial(name, tensor, k))
    images = (math.sqrt(3) * formula(1000, BATCH * 3 * SIZE * SIZE)).astype(numpy.float32).astype(numpy.float64)
    images = torch.from_numpy(images).reshape(BATCH, 3, SIZE, SIZE)
    labels = torch.tensor([(3 * n + 1) % CLASSES for n in range(BATCH)])

    with open(f"{sys.path[0]}/{kind}.txt", "w", encoding="ascii") as out:
        model.eval()
        with torch.no_grad():
            describe(out, "eval", "logits", model(images))
        model.train()
        start = {name: p.detach().clone() for name, p in trained(model)}
        adam = torch.optim.Adam(model.parameters(), lr=RATE)
        losses = []
        for step in range(STEPS):
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
    main(sys.argv[1])
