"""The random choices of a training by dcls, made again: its random numbers (nn/rng.h) are a function of seed, stream
and index alone, so that the same order of samples, the same augmentation of each and the same dropped values can be had
anywhere. Augmentations are applied by torchvision, whose pixels dcls has (tests/unit/nn/test_augment.c)."""
import numpy
import torch
from torchvision import transforms
from torchvision.ops import StochasticDepth
from torchvision.transforms import functional

GOLDEN, MIX = numpy.uint64(0x9e3779b97f4a7c15), (numpy.uint64(0xbf58476d1ce4e5b9), numpy.uint64(0x94d049bb133111eb))
ORDER, AUGMENT, DROP = 1 << 56, 2 << 56, 0x64726f70 << 32  # streams; an epoch's or a layer's number is added
JITTER, ANGLE = 0.2, 10.0


def bits(seed, stream, index):
    """rng_bits() of an array of indices."""
    index = numpy.asarray(index, numpy.uint64)
    with numpy.errstate(over="ignore"):
        z = numpy.full(index.shape, seed, numpy.uint64) * GOLDEN + numpy.uint64(stream)
        for again in False, True:
            z = (z ^ (z >> numpy.uint64(30))) * MIX[0]
            z = (z ^ (z >> numpy.uint64(27))) * MIX[1]
            z = (z ^ (z >> numpy.uint64(31))) + (numpy.uint64(0) if again else index * GOLDEN)
    return z


def uniform(seed, stream, index):
    return (bits(seed, stream, index) >> numpy.uint64(11)).astype(numpy.float64) * 2.0 ** -53


def order(seed, epoch, count):
    """Which sample is at each position of an epoch (nn/data/loader.c)."""
    at = numpy.arange(count, dtype=numpy.uint64)
    others = bits(seed, ORDER + epoch, at) % (at + numpy.uint64(1))
    samples = list(range(count))
    for i in range(count - 1, 0, -1):
        other = int(others[i])
        samples[i], samples[other] = samples[other], samples[i]
    return samples


class Augmentation:
    """What is done to a sample in an epoch where "basic" is asked for (augment_choose of nn/data/augment.c)."""

    def __init__(self, seed, epoch, sample):
        draws = iter(uniform(seed, AUGMENT + epoch, numpy.arange(sample * 64, sample * 64 + 9)).tolist())

        def draw(low, high):
            return low + (high - low) * next(draws)

        self.flip = draw(0, 1) < 0.5
        self.angle = draw(-ANGLE, ANGLE)
        self.amounts = [draw(centre - JITTER, centre + JITTER) for centre in (1, 1, 1, 0)]
        self.order = [0, 1, 2, 3]
        for i in 3, 2, 1:
            other = int(draw(0, i + 1))
            self.order[i], self.order[other] = self.order[other], self.order[i]

    def __call__(self, image):
        if self.flip:
            image = functional.hflip(image)
        image = functional.rotate(image, self.angle)
        changes = (functional.adjust_brightness, functional.adjust_contrast, functional.adjust_saturation,
                   functional.adjust_hue)
        for i in self.order:
            image = changes[i](image, self.amounts[i])
        return image


class Samples(torch.utils.data.Dataset):
    """The training samples of `dataset`, (PIL image, label) each, in the order and as augmented as in the epoch that
    start() began; `prepare` makes tensors of images."""

    def __init__(self, dataset, seed, size, augment, prepare):
        self.dataset, self.seed, self.augment, self.prepare = dataset, seed, augment, prepare
        self.resize = transforms.Resize((size, size))

    def start(self, epoch):
        self.epoch, self.order = epoch, order(self.seed, epoch, len(self.dataset))

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, position):
        sample = self.order[position]
        image, label = self.dataset[sample]
        image = self.resize(image.convert("RGB"))
        if self.augment == "basic":
            image = Augmentation(self.seed, self.epoch, sample)(image)
        return self.prepare(image), label


class Drop(torch.nn.Module):
    """Dropout, or where `rows` stochastic depth, by dcls' numbers (drop_factor of nn/graph/op.c)."""

    def __init__(self, drops, rate, rows):
        super().__init__()
        self.drops, self.rate, self.rows = drops, numpy.float32(rate), rows

    def forward(self, x):
        if not self.training or not self.rate:
            return x
        stream = DROP + self.drops.next
        self.drops.next += 1
        index = numpy.arange(len(x) if self.rows else x.numel(), dtype=numpy.uint64)
        random = uniform(self.drops.seed, stream, numpy.uint64(self.drops.step << 32) | index)
        one = numpy.float32(1)
        factors = torch.from_numpy(numpy.where(random < self.rate, numpy.float32(0), one / (one - self.rate)))
        return x * (factors.reshape(-1, *[1] * (x.dim() - 1)) if self.rows else factors.reshape(x.shape))


class Drops:
    """Puts such layers into a network. Before each forward that trains: start(step), counted from 0."""

    def __init__(self, network, seed):
        self.seed = seed
        for parent in list(network.modules()):
            for name, child in parent.named_children():
                if isinstance(child, torch.nn.Dropout):
                    setattr(parent, name, Drop(self, child.p, False))
                if isinstance(child, StochasticDepth):
                    setattr(parent, name, Drop(self, child.p, True))

    def start(self, step):
        self.step, self.next = step, 0  # the layers are numbered as they run
