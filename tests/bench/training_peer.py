#!/usr/bin/python3
"""What a training by dcls is compared with: torchvision's networks and transforms of the same recipe in PyTorch.

training_peer.py TYPE DATA EPOCHS SEED SIZE AUGMENT SCHEDULER [WEIGHTS.pth] prints the test accuracy after each epoch in
percent, a line each. DATA is an ImageFolder with train/ and test/, or holds the IDX files of the MNIST family, gzipped.
AUGMENT is "none" or "basic", SCHEDULER "none" or "step": a tenth, then a hundredth, after each third of the epochs.
WEIGHTS are ImageNet's; the last layer is replaced.
"""
import gzip
import pathlib
import sys

import numpy
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import datasets, models, transforms

NETWORKS = {
    "resnet": models.resnet18,
    "mobilenet": models.mobilenet_v2,
    "efficientnet": models.efficientnet_b0,
}
BATCH = 32


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
        return self.transform(Image.fromarray(self.images[index]).convert("RGB")), int(self.labels[index])


def open_split(data, training, size, augment):
    variation = [
        transforms.RandomHorizontalFlip(),
        transforms.RandomRotation(10),
        transforms.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.2),
    ]
    prepare = transforms.Compose([
        transforms.Resize((size, size)),
        *(variation if training and augment == "basic" else []),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ])
    if (data / "train").is_dir():
        return datasets.ImageFolder(data / ("train" if training else "test"), prepare)
    return Idx(data, "train" if training else "t10k", prepare)


def network(kind, classes, weights):
    if not weights:
        return NETWORKS[kind](weights=None, num_classes=classes)
    net = NETWORKS[kind](weights=None)
    net.load_state_dict(torch.load(weights))
    if kind == "resnet":
        net.fc = torch.nn.Linear(net.fc.in_features, classes)
    else:
        net.classifier[1] = torch.nn.Linear(net.classifier[1].in_features, classes)
    return net


def laid_out(images):
    """The faster of its layouts here."""
    return images.contiguous(memory_format=torch.channels_last)


def accuracy(net, loader):
    net.eval()
    with torch.no_grad():
        right = sum((net(laid_out(images)).argmax(1) == labels).sum().item() for images, labels in loader)
    return 100 * right / len(loader.dataset)


def main():
    kind, data, epochs, seed, size, augment, scheduler = sys.argv[1:8]
    torch.manual_seed(int(seed))
    train = open_split(pathlib.Path(data), True, int(size), augment)
    test = DataLoader(open_split(pathlib.Path(data), False, int(size), augment), batch_size=BATCH)
    batches = DataLoader(train, batch_size=BATCH, shuffle=True)
    net = network(kind, len(train.classes), sys.argv[8] if len(sys.argv) > 8 else None)
    net = net.to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(net.parameters(), lr=0.001)
    third = (int(epochs) + 2) // 3 if scheduler == "step" else int(epochs)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, third, 0.1)
    loss = torch.nn.CrossEntropyLoss()
    for _ in range(int(epochs)):
        net.train()
        for images, labels in batches:
            optimiser.zero_grad()
            loss(net(laid_out(images)), labels).backward()
            optimiser.step()
        schedule.step()
        print("%.2f" % accuracy(net, test), flush=True)


if __name__ == "__main__":
    main()
