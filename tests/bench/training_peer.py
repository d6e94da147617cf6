#!/usr/bin/python3
"""What a training by dcls is compared with: torchvision's networks and transforms in PyTorch, with the same initial
weights, order of images, augmentation and dropped values (replay.py).

training_peer.py TYPE DATA EPOCHS SEED SIZE AUGMENT SCHEDULER INITIAL.pth adam|sgd RATE [STEPS [BATCH]] prints a line
"loss X" for each batch and "accuracy X", on the test images in percent, after each epoch; it ends after STEPS batches
where they are given; a batch has BATCH (32) images. DATA is an ImageFolder with train/ and test/, or holds the IDX
files of the MNIST family, gzipped. AUGMENT is "none" or "basic", SCHEDULER "none" or "step": a tenth, then a hundredth,
after each third of the epochs. INITIAL.pth is written by tests/tools/trainer.

The layout is PyTorch's own, NCHW. Channels last is quicker, but PyTorch 1.13's batch norm sums up its statistics in a
way that moves the first loss of EfficientNet-B0 at 224x224 by 3e-4, where NCHW and dcls are 3e-7 and 2e-6 from float64.
"""
import gzip
import pathlib
import sys

import numpy
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import datasets, models, transforms

import replay

NETWORKS = {
    "resnet": models.resnet18,
    "resnet34": models.resnet34,
    "resnet50": models.resnet50,
    "mobilenet": models.mobilenet_v2,
    "efficientnet": models.efficientnet_b0,
}


class Idx(Dataset):
    def __init__(self, folder, split, transform):
        def read(name, skip):
            with gzip.open(folder / f"{split}-{name}.gz") as file:
                return numpy.frombuffer(file.read(), numpy.uint8)[skip:]

        self.labels = read("labels-idx1-ubyte", 8)
        self.images = read("images-idx3-ubyte", 16).reshape(len(self.labels), 28, 28)
        self.classes = sorted(set(self.labels.tolist()))
        self.transform = transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = Image.fromarray(self.images[index])
        return self.transform(image) if self.transform else image, int(self.labels[index])


def open_split(data, training, transform):
    if (data / "train").is_dir():
        return datasets.ImageFolder(data / ("train" if training else "test"), transform)
    return Idx(data, "train" if training else "t10k", transform)


def norms_have_one_value(net, size):
    """Whether some batch norm sees one value a channel of one image, as which PyTorch refuses to train."""
    planes = []
    hooks = [layer.register_forward_hook(lambda layer, inputs, output: planes.append(output[0, 0].numel()))
             for layer in net.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    net.eval()
    with torch.no_grad():
        net(torch.zeros(1, 3, size, size))
    for hook in hooks:
        hook.remove()
    return min(planes) == 1


def accuracy(net, loader):
    net.eval()
    with torch.no_grad():
        right = sum((net(images).argmax(1) == labels).sum().item() for images, labels in loader)
    return 100 * right / len(loader.dataset)


def main():
    kind, data, epochs, seed, size, augment, scheduler, initial, optimizer, rate = sys.argv[1:11]
    data, epochs, seed, size = pathlib.Path(data), int(epochs), int(seed), int(size)
    steps_left = int(sys.argv[11]) if len(sys.argv) > 11 else -1
    batch = int(sys.argv[12]) if len(sys.argv) > 12 else 32
    prepare = transforms.Compose([transforms.ToTensor(),
                                  transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])
    samples = replay.Samples(open_split(data, True, None), seed, size, augment, prepare)
    test = DataLoader(open_split(data, False, transforms.Compose([
        transforms.Lambda(lambda image: image.convert("RGB")), transforms.Resize((size, size)), prepare])), batch)
    state = torch.load(initial)
    net = NETWORKS[kind](weights=None, num_classes=len(samples.dataset.classes))
    net.load_state_dict(state)
    leaves_one_out = norms_have_one_value(net, size)
    drops = replay.Drops(net, seed)
    optimiser = torch.optim.Adam(net.parameters(), lr=float(rate)) if optimizer == "adam" else \
        torch.optim.SGD(net.parameters(), lr=float(rate), momentum=0.9)
    third = (epochs + 2) // 3 if scheduler == "step" else epochs
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, third, 0.1)
    criterion, step = torch.nn.CrossEntropyLoss(), 0
    for epoch in range(1, epochs + 1):
        net.train()
        samples.start(epoch)
        for images, labels in DataLoader(samples, batch):
            if len(labels) == 1 and leaves_one_out:
                continue  # as dcls
            drops.start(step)
            optimiser.zero_grad()
            loss = criterion(net(images), labels)
            loss.backward()
            optimiser.step()
            step += 1
            print("loss %.9g" % loss.item(), flush=True)
            if step == steps_left:
                return
        schedule.step()
        print("accuracy %.2f" % accuracy(net, test), flush=True)


if __name__ == "__main__":
    main()
