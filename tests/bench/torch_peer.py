#!/usr/bin/python3
"""What dcls is compared with: torchvision's networks in PyTorch on synthetic images, one thread, 224x224, 1000 classes.

torch_peer.py train TYPE BATCH STEPS [channels-last]
                                         times steps: forward, loss, backward, Adam; prints one JSON line
torch_peer.py infer TYPE BATCH STEPS     times steps: forward; prints one JSON line
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
    "resnet34": torchvision.models.resnet34,
    "resnet50": torchvision.models.resnet50,
    "mobilenet": torchvision.models.mobilenet_v2,
    "efficientnet": torchvision.models.efficientnet_b0,
}
SIZE, CLASSES = 224, 1000


def peak_bytes():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def time_steps(step, batch, warm_up, steps):
    seconds = []
    for _ in range(warm_up + steps):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds[warm_up:])  # the first allocate
    print(json.dumps({"median_s": median, "images_per_second": batch / median, "peak_bytes": peak_bytes()}))


def train(kind, batch, steps, layout):
    net = NETWORKS[kind](weights=None, num_classes=CLASSES).to(memory_format=layout)
    images, labels = torch.randn(batch, 3, SIZE, SIZE), torch.randint(0, CLASSES, (batch,))
    images = images.to(memory_format=layout)
    optimiser = torch.optim.Adam(net.parameters(), lr=0.001)
    loss = torch.nn.CrossEntropyLoss()

    def step():
        optimiser.zero_grad()
        loss(net(images), labels).backward()
        optimiser.step()

    time_steps(step, batch, 1, steps)


def infer(kind, batch, steps):
    net, images = NETWORKS[kind](weights=None, num_classes=CLASSES).eval(), torch.randn(batch, 3, SIZE, SIZE)
    with torch.inference_mode():
        time_steps(lambda: net(images), batch, 3, steps)


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
    elif mode == "infer":
        infer(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    elif mode == "export":
        export(sys.argv[2], sys.argv[3])
    else:
        print(torch.__version__, torchvision.__version__)


if __name__ == "__main__":
    main()
