"""The common parts of the PyTorch runner."""

import sys

import torch

import runner

torch.set_num_threads(2)
torch.manual_seed(1)
COMPILE = "--compile" in sys.argv


def compiled(f):
    return torch.compile(f) if COMPILE else f


def tensor(*shape):
    return torch.from_numpy(runner.normal(*shape))


def operation(f, *shape, operands=1, parameters=()):
    """Times f forward and backward, for operands and a cotangent of the same numbers."""
    f, parameters = compiled(f), list(parameters)
    xs = [tensor(*shape).requires_grad_() for _ in range(operands)]
    g = None

    def run():
        nonlocal g
        for x in xs + parameters:
            x.grad = None
        y = f(*xs)
        if g is None:
            g = tensor(*y.shape)
        y.backward(g)

    return run


def set_weights(net):
    """Gives all runners the same weights: numbers for matrices, 0 for biases; 1 stays for gains."""
    matrices = [param for param in net.parameters() if param.dim() > 1]
    with torch.no_grad():
        for param, weight in zip(matrices, runner.weights([param.shape for param in matrices])):
            param.copy_(torch.from_numpy(weight))
        for name, param in net.named_parameters():
            if "bias" in name:
                param.zero_()


def training(net, loss, x, y):
    """Times a step with Adam. `loss` calls the net."""
    set_weights(net)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3, fused=True)
    loss = compiled(loss)

    def step():
        optimizer.zero_grad()
        value = loss(x, y)
        value.backward()
        optimizer.step()
        return value.detach()

    return step


def warm():
    """Runs one step of each kind of layer, which loads code and starts threads."""
    layers = [torch.nn.Conv2d(1, 8, 3), torch.nn.Flatten(), torch.nn.Linear(288, 10)]
    net = torch.nn.Sequential(*layers)
    step = training(net, lambda x, y: net(x).sum() + y, torch.ones(2, 1, 8, 8), torch.ones(()))
    step()
