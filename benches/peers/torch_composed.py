"""The nets of the PyTorch runner whose time is spent between kernels: gates of small operations,
second derivatives."""

import torch
from torch import nn
from torch.nn import functional as F

import runner
from torch_common import COMPILE, training

WIDTH = 256


class Gated(nn.Module):
    """A layer with twelve small operations behind its product."""

    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.linear = nn.Linear(WIDTH, 2 * WIDTH)
        self.gain = nn.Parameter(torch.ones(WIDTH))

    def forward(self, x):
        a = self.linear(self.norm(x))
        g = torch.sigmoid(a[:, :WIDTH])
        u = torch.tanh(a[:, WIDTH:])
        r = x + g * u
        size = (r * r).mean(1, keepdim=True).sqrt()
        n = r / size * self.gain
        return x + g * (n - x)


def gates():
    net = nn.Sequential(*(Gated() for _ in range(6)), nn.Linear(WIDTH, 10))
    x, y = torch.from_numpy(runner.numbers(64, WIDTH)), torch.from_numpy(runner.labels(64))
    return training(net, lambda x, y: F.cross_entropy(net(x), y), x, y)


def pinn():
    """Solves u'' + u = f between 0 and 2 with given values at both ends. The solution is sin 2x."""
    layers = [nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1)]
    net = nn.Sequential(*layers).double()
    x = torch.linspace(0, 2, 64, dtype=torch.float64)[:, None]
    f = -3 * (2 * x).sin()
    ends = torch.tensor([[0.0], [2.0]], dtype=torch.float64)
    values = (2 * ends).sin()

    def loss(x, f):
        u, curvature = forward(net, x) if COMPILE else recorded(net, x)
        residual = curvature + u - f
        missed = net(ends) - values
        return residual.square().mean() + missed.square().mean()

    return training(net, loss, x, f)


def recorded(net, x):
    """Computes the net and its second derivative from the graph of the gradient."""
    x = x.detach().requires_grad_()
    u = net(x)
    (slope,) = torch.autograd.grad(u.sum(), x, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), x, create_graph=True)
    return u, curvature


def forward(net, x):
    """Does the same in forward mode, which is three times slower unless it is compiled."""
    one = torch.ones_like(x)

    def value_and_slope(x):
        return torch.func.jvp(net, (x,), (one,))

    (u, _), (_, curvature) = torch.func.jvp(value_and_slope, (x,), (one,))
    return u, curvature


cases = {"gates12_6x256_adam_b64": gates, "pinn_f64_2x32_adam_b64": pinn}
