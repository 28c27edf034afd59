"""Training speed beside PyTorch: pictures per second of whole steps (forward, backward, SGD with momentum) on the CPU.

    pip install torch
    cargo build --release && python bench/training.py [--threads 2] [--seconds 8]

Runs this project's `headstart speed` and the same networks, batches and optimizer in PyTorch one after the
other, several rounds, and prints the better round of each and their ratio. Data are random: reading and augmenting
pictures is not measured.
"""

import argparse
import os
import re
import subprocess
import time

import torch
from torch import nn
from torch.nn import functional as F


def lenet5():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(16, 120, 5), nn.Tanh(), nn.Flatten(),
        nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
    )


class Block(nn.Module):
    """Two 3 x 3 convolutions and a shortcut, a 1 x 1 convolution where the shape changes."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = nn.Identity()
        if stride != 1:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(y)) + self.downsample(x), inplace=True)


def resnet20():
    layers = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)]
    for stage, channels in enumerate([16, 32, 64]):
        for block in range(3):
            stride = 2 if stage > 0 and block == 0 else 1
            layers.append(Block(channels // stride, channels, stride))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


NETWORKS = {"lenet5": (lenet5, [1, 32, 32], 64), "resnet20": (resnet20, [3, 32, 32], 128)}


def pytorch(name, seconds, channels_last):
    """Pictures per second of the median step."""
    build, shape, batch = NETWORKS[name]
    torch.manual_seed(0)
    model = build().train()
    x, labels = torch.randn(batch, *shape), torch.randint(10, (batch,))
    if channels_last:
        model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    times, end = [], time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        optimizer.zero_grad()
        F.cross_entropy(model(x), labels).backward()
        optimizer.step()
        times.append(time.perf_counter() - start)
    return batch / sorted(times[1:])[len(times[1:]) // 2]


def headstart(program, threads, seconds):
    """Pictures per second of every network, from the lines that `headstart speed` prints."""
    command = [program, "speed", "--seconds", str(seconds)]
    environment = dict(os.environ, RAYON_NUM_THREADS=str(threads))
    text = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    rows = re.findall(r"^(\w+) +(\d+) +([\d.]+) +([\d.]+)", text, re.MULTILINE)
    return {name: float(rate) for name, batch, milliseconds, rate in rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--program", default="target/release/headstart")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    ours, theirs = {}, {}
    for _ in range(options.rounds):
        for name, rate in headstart(options.program, options.threads, options.seconds).items():
            ours[name] = max(rate, ours.get(name, 0))
        for name in NETWORKS:
            for channels_last in (False, True):
                rate = pytorch(name, options.seconds / 2, channels_last)
                theirs[name] = max(rate, theirs.get(name, 0))
    print(f"pictures per second, {options.threads} threads, torch {torch.__version__}")
    print(f"{'network':<10} {'batch':>6} {'headstart':>10} {'PyTorch':>10} {'PyTorch / headstart':>20}")
    for name, (_, _, batch) in NETWORKS.items():
        ratio = theirs[name] / ours[name]
        print(f"{name:<10} {batch:>6} {ours[name]:>10.0f} {theirs[name]:>10.0f} {ratio:>20.2f}")


if __name__ == "__main__":
    main()
