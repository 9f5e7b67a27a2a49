"""PyTorch as a runner: eager, or with `--compile`, with its compiler."""

import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import runner
import torch_composed
import torch_images
import torch_sequences
import workloads
from torch_common import COMPILE, compiled, operation, tensor, warm

ACTIVATIONS = {"elu": nn.ELU, "selu": nn.SELU, "relu": nn.ReLU}


def net(hidden, batch_norm, activation):
    layers, last = [], 784
    for size in hidden:
        layers.append(nn.Linear(last, size, bias=not batch_norm))
        layers += [nn.BatchNorm1d(size)] * batch_norm + [ACTIVATIONS[activation]()]
        last = size
    return nn.Sequential(*layers, nn.Linear(last, 10))


def workload(hidden, batch_norm, activation, batch):
    model = net(hidden, batch_norm, activation)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    x, y = tensor(batch, 784), torch.from_numpy(runner.labels(batch))
    loss = compiled(lambda x, y: F.cross_entropy(model(x), y))

    def step():
        optimizer.zero_grad()
        loss(x, y).backward()
        optimizer.step()

    return step


def swish(x):
    return x * torch.sigmoid(runner.BETA * x)


def focal(x, target):
    p = torch.sigmoid(x)
    cross_entropy = F.binary_cross_entropy_with_logits(x, target, reduction="none")
    missed = p + target - 2 * p * target
    weight = runner.ALPHA * target + (1 - runner.ALPHA) * (1 - target)
    return (weight * missed**2 * cross_entropy).mean()


def focal_loss():
    f = compiled(focal)
    x, target = tensor(1024, 1024).requires_grad_(), torch.from_numpy(runner.targets(1024, 1024))
    one = torch.ones(())

    def run():
        x.grad = None
        f(x, target).backward(one)

    return run


def glu(a, b):
    return a * torch.sigmoid(b)


def swiglu(a, b):
    return a * torch.sigmoid(runner.BETA * a) * b


def batch_norm():
    layer = nn.BatchNorm1d(1024)
    return operation(layer, 256, 1024)


def chain():
    c = torch.tensor(1.0001)
    x = torch.tensor(1.0, requires_grad=True)

    def run():
        x.grad = None
        y = x
        for _ in range(1000):
            y = y * c
        y.backward()

    return run


def optimizer(make):
    params = [nn.Parameter(tensor(1000, 1000)) for _ in range(runner.MATRICES)]
    for param in params:
        param.grad = tensor(1000, 1000)
    return make(params).step


def square(depth, width):
    layers = [part for _ in range(depth) for part in (nn.Linear(width, width), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def inference(model, inputs):
    model.eval()
    model = compiled(model)
    x = tensor(1, inputs)

    def run():
        with torch.inference_mode():
            model(x)

    return run


def epochs():
    x, y, test_x, test_y = (torch.from_numpy(np.array(part)) for part in runner.mnist())
    y = y.long()
    model = net(*runner.BOOK)
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, nesterov=True)

    loss = compiled(lambda x, y: F.cross_entropy(model(x), y))

    def epoch():
        started = time.perf_counter()
        model.train()
        order = torch.randperm(len(x))
        for batch in order.split(128):
            optimizer.zero_grad()
            loss(x[batch], y[batch]).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        seconds = time.perf_counter() - started
        model.eval()
        with torch.inference_mode():
            right = (model(test_x).argmax(1) == test_y).float().mean().item()
        return seconds, right

    return epoch


cases = {name: lambda shape=shape: workload(*shape) for name, shape in workloads.WORKLOADS.items()}
cases |= {
    "tanh_1m": lambda: operation(torch.tanh, 1024, 1024),
    "elu_1m": lambda: operation(F.elu, 1024, 1024),
    "sigmoid_1m": lambda: operation(torch.sigmoid, 1024, 1024),
    "exp_1m": lambda: operation(torch.exp, 1024, 1024),
    "softmax_1024x1024": lambda: operation(lambda x: torch.softmax(x, 1), 1024, 1024),
    "batch_norm_256x1024": batch_norm,
    "gelu_tanh_1m": lambda: operation(lambda x: F.gelu(x, approximate="tanh"), 1024, 1024),
    "swish_1m": lambda: operation(swish, 1024, 1024),
    "focal_1m": focal_loss,
    "glu_1m": lambda: operation(glu, 1024, 1024, operands=2),
    "swiglu_1m": lambda: operation(swiglu, 1024, 1024, operands=2),
    "inference_b1": lambda: inference(net(*runner.BOOK), 784),
}
if not COMPILE:
    cases |= {
        "chain_1000": chain,
        "adam_10m": lambda: optimizer(lambda p: torch.optim.Adam(p, 1e-3, fused=True)),
        "adamw_10m": lambda: optimizer(lambda p: torch.optim.AdamW(p, 1e-3, fused=True)),
        "nesterov_10m": lambda: optimizer(
            lambda p: torch.optim.SGD(p, 1e-3, momentum=0.9, nesterov=True, fused=True)
        ),
        "rmsprop_10m": lambda: optimizer(lambda p: torch.optim.RMSprop(p, 1e-3)),
        "adagrad_10m": lambda: optimizer(lambda p: torch.optim.Adagrad(p, 1e-3, fused=True)),
    }
for name, (depth, width) in workloads.LATENCIES.items():
    cases[name] = lambda depth=depth, width=width: inference(square(depth, width), width)
cases |= torch_composed.cases | torch_images.cases | torch_sequences.cases
runner.serve(cases, epochs, warm)
