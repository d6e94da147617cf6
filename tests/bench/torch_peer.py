#!/usr/bin/python3
"""What dcls is compared with: torchvision's networks in PyTorch on synthetic images, one thread, 224x224, 1000 classes.

torch_peer.py train TYPE BATCH STEPS [channels-last]
                                         times steps: forward, loss, backward, Adam; prints one JSON line
torch_peer.py export TYPE FILE.onnx      writes the network for ONNX Runtime, the batch's size left open
torch_peer.py version                    prints PyTorch's and torchvision's
"""
import json
import statistics
import sys
import time

import torch
import torchvision

NETWORKS = {
    "resnet": torchvision.models.resnet18,
    "mobilenet": torchvision.models.mobilenet_v2,
    "efficientnet": torchvision.models.efficientnet_b0,
}
SIZE, CLASSES = 224, 1000


def peak_bytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def train(kind, batch, steps, layout):
    net = NETWORKS[kind](weights=None, num_classes=CLASSES).to(memory_format=layout)
    images, labels = torch.randn(batch, 3, SIZE, SIZE), torch.randint(0, CLASSES, (batch,))
    images = images.to(memory_format=layout)
    optimiser = torch.optim.Adam(net.parameters(), lr=0.001)
    loss = torch.nn.CrossEntropyLoss()
    seconds = []
    for _ in range(1 + steps):
        start = time.perf_counter()
        optimiser.zero_grad()
        loss(net(images), labels).backward()
        optimiser.step()
        seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds[1:])  # the first allocates
    print(json.dumps({"median_s": median, "images_per_second": batch / median, "peak_bytes": peak_bytes()}))


def export(kind, path):
    net = NETWORKS[kind](weights=None, num_classes=CLASSES).eval()
    torch.onnx.export(net, torch.randn(1, 3, SIZE, SIZE), path, opset_version=13, input_names=["x"],
                      output_names=["y"], dynamic_axes={"x": {0: "n"}, "y": {0: "n"}})


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    mode = sys.argv[1]
    if mode == "train":
        layout = torch.channels_last if sys.argv[5:] == ["channels-last"] else torch.contiguous_format
        train(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), layout)
    elif mode == "export":
        export(sys.argv[2], sys.argv[3])
    else:
        print(torch.__version__, torchvision.__version__)


if __name__ == "__main__":
    main()
