"""Writes the golden values of `tests/functions.rs`: PyTorch's values, gradients of a weighted sum,
and gradients of a weighted sum of these, in double precision."""

import json
import math
from pathlib import Path

import torch
from torch.nn import functional as F

EDGES = [-1000.0, -30.0, -1e-8, 1e-8, 30.0, 1000.0]
SMALL = [-2.9, -1.7, -1.1, -0.6, -0.4, -0.1, 0.1, 0.3, 0.45, 0.8, 1.2, 1.9, 2.6]
POSITIVE = [1e-6, 0.05, 0.3, 0.7, 1.0, 1.4, 2.2, 5.0, 50.0]
UNIT = [0.05, 0.2, 0.35, 0.55, 0.7, 0.9, 0.97]


def pairs(a, b):
    """Returns all pairs, as one list for each operand."""
    return [[x for x in a for _ in b], [y for _ in a for y in b]]


def triples(a, b, c):
    x = [(i, j, k) for i in a for j in b for k in c]
    return [[t[i] for t in x] for i in range(3)]


ONE = [SMALL + EDGES]
FEW = SMALL[::3]
TWO = pairs(SMALL, [s + 0.06 for s in FEW])
GATED = pairs(FEW + [-30.0, 30.0], SMALL + [-30.0, 30.0])
LABELS = [-1.0, 1.0]
SQRT_HALF = math.sqrt(0.5)


def gelu(x):
    # PyTorch's own loses the digits far below 0.
    return 0.5 * x * torch.erfc(-x * SQRT_HALF)


def softplus(x):
    return torch.where(x > 0, x, 0) + torch.log1p(torch.exp(torch.where(x > 0, -x, x)))


def focal(x, t):
    right = torch.where(t > 0.5, x, -x)
    return (torch.sigmoid(-right) ** 2.0 * softplus(-right)).mean()


def barron(x):
    alpha, scale = 0.5, 1.5
    distance = abs(alpha - 2)
    return distance / alpha * (((x / scale) ** 2 / distance + 1) ** (alpha / 2) - 1)


def tukey(x, c=2.0):
    inside = x.abs() <= c
    rest = 1 - (torch.where(inside, x, 0) / c) ** 2
    return torch.where(inside, c * c / 6 * (1 - rest**3), c * c / 6)


def log_cosh(prediction, target):
    size = (prediction - target).abs()
    return (size + torch.log1p(torch.exp(-2 * size)) - math.log(2)).mean()


def log_or_linear(x):
    inside = x > 1
    safe = torch.where(inside, x, 1.0)
    return torch.where(inside, safe.log() / safe, x - 1)


def root_or_zero(x, y):
    same = x * y > 0
    root = torch.where(same, x * y, 1.0).sqrt()
    positive = torch.where(y > 0, root, y * x)
    return torch.where(x > 0, positive, torch.where((y < 0) & (x < 0), -root, x - y))


def sinc(x):
    # PyTorch's own derivative loses all digits near 0.
    near = x.abs() < 0.25
    a = math.pi * torch.where(near, x, 0)
    series = sum((-1) ** k * a ** (2 * k) / math.factorial(2 * k + 1) for k in range(10))
    return torch.where(near, series, torch.sinc(torch.where(near, 1.0, x)))


def tanhexp(x):
    # From 4 on, tanh(exp(x)) is 1.
    near = x < 4
    return torch.where(near, x * torch.tanh(torch.exp(torch.where(near, x, 0))), x)


FUNCTIONS = {
    "celu": (lambda x: F.celu(x, 1.5), ONE),
    "elu": (lambda x: F.elu(x, 1.25), ONE),
    "geglu": (lambda v, g: v * gelu(g), GATED),
    "gelu": (gelu, [SMALL + [-30.0, -1e-8, 1e-8, 30.0]]),
    "gelu_tanh": (lambda x: F.gelu(x, approximate="tanh"), [SMALL + [-1e-8, 1e-8, 30.0]]),
    "glu": (lambda v, g: v * torch.sigmoid(g), GATED),
    "hardshrink": (lambda x: F.hardshrink(x, 0.5), ONE),
    "hardsigmoid": (lambda x: F.relu6(x + 3) / 6, [SMALL + EDGES + [-3.5, 3.5]]),
    "hardswish": (lambda x: x * F.relu6(x + 3) / 6, [SMALL + EDGES + [-3.5, 3.5]]),
    "hardtanh": (lambda x: F.hardtanh(x, -1.5, 0.75), ONE),
    "leaky_relu": (lambda x: F.leaky_relu(x, 0.125), ONE),
    "logish": (lambda x: x * torch.log1p(torch.sigmoid(x)), [SMALL + [-30.0, 30.0]]),
    "logsigmoid": (F.logsigmoid, [SMALL + [-30.0, 30.0]]),
    "mish": (F.mish, [SMALL + [-30.0, 30.0]]),
    "phish": (lambda x: x * torch.tanh(gelu(x)), [SMALL + [-30.0, 30.0]]),
    "prelu": (lambda x, w: torch.where(x > 0, x, w * x), TWO),
    "reglu": (lambda v, g: v * F.relu(g), GATED),
    "relu6": (F.relu6, [SMALL + EDGES + [5.5, 6.5]]),
    "selu": (F.selu, ONE),
    "serf": (lambda x: x * torch.erf(softplus(x)), ONE),
    "silu": (F.silu, [SMALL + [-30.0, 30.0]]),
    "sinlu": (lambda x: (x + 0.75 * torch.sin(1.5 * x)) * torch.sigmoid(x), ONE),
    "snake": (
        lambda x, a: x + torch.sin(a * x) ** 2 / a,
        pairs(SMALL + [-500.0], [0.5, 1.3, 3.0]),
    ),
    "softplus": (lambda x: F.softplus(x, 2.0, 4.0), ONE),
    "softshrink": (lambda x: F.softshrink(x, 0.5), ONE),
    "softsign": (F.softsign, ONE),
    "squareplus": (lambda x: 0.5 * (x + torch.sqrt(x * x + 4.0)), [SMALL + [30.0, 1000.0]]),
    "swiglu": (lambda v, g: v * F.silu(g), GATED),
    "swish": (lambda x: x * torch.sigmoid(1.5 * x), [SMALL + [-30.0, 30.0]]),
    "tanhexp": (tanhexp, [SMALL + EDGES + [3.9, 5.0]]),
    "tanhshrink": (F.tanhshrink, [SMALL + [-30.0, 30.0]]),
    "threshold": (lambda x: F.threshold(x, 0.25, -2.0), ONE),
    "barron": (barron, [SMALL + [-1000.0, 1000.0]]),
    "bce_with_logits": (
        lambda x, t: 2.5 * t * softplus(-x) + (1 - t) * softplus(x),
        pairs(SMALL + [-30.0, 30.0], [0.0, 0.3, 1.0]),
    ),
    "focal": (focal, pairs(SMALL + [-30.0, 30.0], [0.0, 1.0])),
    "gaussian_nll": (
        lambda x, t, v: F.gaussian_nll_loss(x, t, v, reduction="none"),
        triples(FEW, [-1.0, 0.4], [0.3, 1.0, 2.5]),
    ),
    "geman_mcclure": (lambda x: 2 * x * x / (x * x + 4), [SMALL + [-30.0, 30.0]]),
    "hinge_embedding": (
        lambda x, y: torch.where(y > 0, x, torch.clamp(1.5 - x, min=0)),
        pairs(SMALL, LABELS),
    ),
    "huber": (lambda p, t: F.huber_loss(p, t, delta=0.75, reduction="none"), TWO),
    "kl_div": (
        lambda x, t: torch.where(t > 0, t * (torch.where(t > 0, t, 1.0).log() - x), 0),
        pairs([-3.0, -1.0, -0.2], [0.0, 0.2, 0.9]),
    ),
    "l1_mean": (F.l1_loss, TWO),
    "log_cosh": (
        log_cosh,
        pairs(SMALL + [-300.0], [s + 0.06 for s in FEW]),
    ),
    "margin_ranking": (
        lambda a, b, y: F.margin_ranking_loss(a, b, y, margin=0.5, reduction="none"),
        triples(FEW, [s + 0.06 for s in FEW], LABELS),
    ),
    "mse_mean": (F.mse_loss, TWO),
    "mse_sum": (lambda p, t: F.mse_loss(p, t, reduction="sum"), TWO),
    "pinball": (
        lambda p, t: torch.where(t >= p, 0.9 * (t - p), -0.1 * (t - p)),
        TWO,
    ),
    "poisson_nll": (
        lambda x, t: F.poisson_nll_loss(x, t, reduction="none"),
        pairs(SMALL + [-30.0], [0.0, 1.0, 3.0]),
    ),
    "smooth_l1": (lambda p, t: F.smooth_l1_loss(p, t, beta=0.75, reduction="none"), TWO),
    "soft_margin": (lambda x, y: softplus(-y * x), pairs(SMALL + EDGES, LABELS)),
    "tukey": (tukey, ONE),
    "welsch": (
        lambda x: 0.5 * 1.5**2 * -torch.expm1(-((x / 1.5) ** 2)),
        [SMALL + [-30.0, 1e-8]],
    ),
    "addcdiv": (
        lambda a, b, c: torch.addcdiv(a, b, c, value=0.5),
        triples(FEW, FEW, [-2.0, 0.3, 1.5]),
    ),
    "addcmul": (lambda a, b, c: torch.addcmul(a, b, c, value=0.5), triples(FEW, FEW, FEW)),
    "hypot": (torch.hypot, pairs(SMALL, [0.4, 3.0])),
    "lerp": (torch.lerp, triples(FEW, FEW, [0.0, 0.3, 0.8])),
    "log_or_linear": (log_or_linear, [SMALL + EDGES + [0.0]]),
    "logaddexp": (torch.logaddexp, pairs(SMALL, [s + 0.06 for s in FEW])),
    "root_or_zero": (root_or_zero, pairs(SMALL + [0.0], [s + 0.06 for s in FEW])),
    "rotated": (
        lambda x, y, a: x * torch.cos(a) - y * torch.sin(a),
        triples(FEW, FEW, [-3.0, 0.2, 700.0]),
    ),
    "sinc": (sinc, [SMALL + EDGES + [0.0, 0.24, 0.26, 7.3]]),
    "xlogy": (
        lambda x, y: torch.where(x == 0, 0, x * torch.where(x == 0, 1.0, y).log()),
        pairs(SMALL + [0.0], [0.2, 1.0, 3.0]),
    ),
}


def golden(f, operands):
    xs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in operands]
    y = f(*xs)
    index = torch.arange(len(operands[0]), dtype=torch.float64)
    weights = 1.5 + torch.cos(index)
    weighted = (y * weights).sum() if y.dim() else y
    found = torch.autograd.grad(weighted, xs, create_graph=True, allow_unused=True)
    gradients = [torch.zeros_like(x) if g is None else g for g, x in zip(found, xs)]
    second_weights = [1.25 + torch.sin(index + k) for k in range(len(xs))]
    total = sum((g * w).sum() for g, w in zip(gradients, second_weights))
    second = [torch.zeros_like(x) for x in xs]
    if total.requires_grad:
        found = torch.autograd.grad(total, xs, allow_unused=True)
        second = [z if s is None else s for s, z in zip(found, second)]
    # A tensor of zeros without storage becomes a plain one.
    plain = lambda t: (t.detach() + 0.0).reshape(-1).tolist()
    numbers = lambda t: [v if math.isfinite(v) else str(v) for v in plain(t)]
    return {
        "operands": operands,
        "value": numbers(y),
        "weights": numbers(weights),
        "gradients": [numbers(g) for g in gradients],
        "second_weights": [numbers(w) for w in second_weights],
        "second": [numbers(s) for s in second],
    }


def write():
    rows = {name: golden(*FUNCTIONS[name]) for name in sorted(FUNCTIONS)}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items())
    (Path(__file__).parent / "functions.json").write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    write()
