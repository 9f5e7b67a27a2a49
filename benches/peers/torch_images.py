"""The images of the PyTorch runner: convolutional nets, single convolutions, pooling."""

import torch
from torch import nn
from torch.nn import functional as F

import runner
import workloads
from torch_common import compiled, operation, tensor, training

# Pixels before channels, which is faster here than PyTorch's default: 55 instead of 70 ms for a
# step of resnet20, and as fast or faster in all other cases.
LAYOUT = torch.channels_last


def mnist_cnn():
    net = nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(9216, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )
    return images(net, 64, 1, 28)


class Block(nn.Module):
    """Two convolutions and a shortcut, which takes every second pixel and adds channels of 0 if the
    sizes differ."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.more = outputs - inputs
        stride = 2 if self.more else 1
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1(x)), inplace=True)
        y = self.norm2(self.conv2(y))
        if self.more:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.more // 2, self.more // 2))
        return F.relu(y + x, inplace=True)


def resnet20():
    net = nn.Sequential(
        nn.Conv2d(3, 16, 3, 1, 1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(inplace=True),
        *(Block(*channels) for channels in workloads.RESNET20),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 10),
    )
    return images(net, 32, 3, 32)


def images(net, batch, channels, side):
    x = torch.from_numpy(runner.numbers(batch, channels, side, side))
    y = torch.from_numpy(runner.labels(batch))
    net, x = net.to(memory_format=LAYOUT), x.contiguous(memory_format=LAYOUT)
    return training(net, lambda x, y: F.cross_entropy(net(x), y), x, y)


def convolution(batch, inputs, outputs, side, kernel, backward):
    layer = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2).to(memory_format=LAYOUT)
    f = compiled(layer)
    x = tensor(batch, inputs, side, side).contiguous(memory_format=LAYOUT)

    def forward():
        with torch.inference_mode():
            f(x)

    if not backward:
        return forward
    g = tensor(batch, outputs, side, side).contiguous(memory_format=LAYOUT)
    leaves = [x.requires_grad_(), *layer.parameters()]

    def both():
        for leaf in leaves:
            leaf.grad = None
        f(x).backward(g)

    return both


cases = {"mnist_cnn_adam_b64": mnist_cnn, "resnet20_adam_b32": resnet20}
for name, sizes in workloads.CONVOLUTIONS.items():
    cases[f"{name}_forward"] = lambda sizes=sizes: convolution(*sizes, backward=False)
    cases[f"{name}_both"] = lambda sizes=sizes: convolution(*sizes, backward=True)
cases["max_pool_64x64x24x24"] = lambda: operation(lambda x: F.max_pool2d(x, 2), 64, 64, 24, 24)
