#!/usr/bin/python3
"""What dcls's loader is compared with: torchvision's transforms of the same recipe, on one thread.

loader_peer.py FOLDER SIZE EPOCHS prints the images a second of each epoch over FOLDER/train, a line each.
"""
import sys
import time

import torch
from torch.utils.data import DataLoader
from torchvision import datasets, transforms


def main():
    folder, size, epochs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    recipe = transforms.Compose([
        transforms.Resize((size, size)),
        transforms.RandomHorizontalFlip(),
        transforms.RandomRotation(10),
        transforms.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.2),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ])
    data = datasets.ImageFolder(folder + "/train", recipe)
    loader = DataLoader(data, batch_size=32, shuffle=True, num_workers=0)
    for _ in range(epochs):
        start = time.perf_counter()
        for _ in loader:
            pass
        print("%.1f" % (len(data) / (time.perf_counter() - start)), flush=True)


if __name__ == "__main__":
    main()
