"""Golden values of functions of single elements."""

import math

from recording import INF, NAN, File, Random, short  # First, for it sets torch up.

import torch
import torch.nn.functional as F

# Zeros, ones, values whose square overflows or vanishes in float32, infinities, NaN.
EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 1e-30, -1e-30, 1e4, -1e4, 1e30, -1e30, INF, -INF, NAN]
# Far from 1 even for float64.
F64_EDGES = [1e300, -1e300, 1e-300, -1e-300, 1e160, -1e160, 1e-160, 5e-324, 709.5, -745.0, 27.0, -27.0]


def real(random, *shape):
    return random.normal(*shape, scale=2.0)


def positive(random, *shape):
    return short(random.normal(*shape, scale=1.5).exp())


def nonzero(random, *shape):
    return short(positive(random, *shape) * random.normal(*shape).sign())


def above_one(random, *shape):
    return short(positive(random, *shape) + 1.0)


def unit(random, *shape):
    return random.uniform(*shape, low=-0.99, high=0.99)


def above_minus_one(random, *shape):
    return short(positive(random, *shape) - 1.0)


# Operation: (function, where it is defined, further special points).
UNARY = {
    "neg": (torch.neg, real, []),
    "add_scalar(0.75)": (lambda x: x + 0.75, real, []),
    "add_scalar(-0.1)": (lambda x: x - 0.1, real, []),
    "mul_scalar(-2.5)": (lambda x: x * -2.5, real, []),
    "mul_scalar(0)": (lambda x: x * 0.0, real, []),
    "div_scalar(3)": (lambda x: x / 3.0, real, []),
    "div_scalar(0)": (lambda x: x / 0.0, real, []),
    "abs": (torch.abs, real, []),
    "square": (torch.square, real, []),
    "sqrt": (torch.sqrt, positive, [4.0]),
    "rsqrt": (torch.rsqrt, positive, [4.0]),
    "recip": (torch.reciprocal, nonzero, []),
    "exp": (torch.exp, real, [88.0, -87.0, -100.0, 1e-8]),
    "exp_m1": (torch.expm1, real, [88.0, -87.0, 1e-8, -1e-8, 1e-4, 0.3, -0.3]),
    "ln": (torch.log, positive, [0.999, 1.001, 4.0]),
    "ln_1p": (torch.log1p, above_minus_one, [1e-8, -1e-8, -0.999, -2.0]),
    "sin": (torch.sin, real, [math.pi, -math.pi / 2, 1e6, -1e9]),
    "cos": (torch.cos, real, [math.pi, -math.pi / 2, 1e6, -1e9]),
    "erf": (torch.erf, real, [0.9, -0.9, 1e-8, 3.9, -5.0, 6.0]),
    "erfc": (torch.erfc, real, [0.9, -0.9, 1e-8, 3.9, -5.0, 6.0, 9.0]),
    "tan": (torch.tan, real, [1.5, -1.5]),
    "asin": (torch.asin, unit, [0.999, -0.999]),
    "acos": (torch.acos, unit, [0.999, -0.999]),
    "atan": (torch.atan, real, []),
    "sinh": (torch.sinh, real, [1e-8, 80.0, -80.0]),
    "cosh": (torch.cosh, real, [1e-8, 80.0, -80.0]),
    "asinh": (torch.asinh, real, [1e-8, -1e-4]),
    "acosh": (torch.acosh, above_one, [1.5, 3.0]),
    "atanh": (torch.atanh, unit, [0.999, -0.999, 1e-8]),
    "log2": (torch.log2, positive, [0.999, 8.0, 0.125]),
    "log10": (torch.log10, positive, [0.999, 1000.0, 0.1]),
    "powf(0)": (lambda x: x.pow(0.0), real, []),
    "powf(1)": (lambda x: x.pow(1.0), real, []),
    "powf(2)": (lambda x: x.pow(2.0), real, []),
    "powf(3)": (lambda x: x.pow(3.0), real, []),
    "powf(5)": (lambda x: x.pow(5.0), real, []),
    "powf(-1)": (lambda x: x.pow(-1.0), nonzero, []),
    "powf(-2)": (lambda x: x.pow(-2.0), nonzero, []),
    "powf(-3)": (lambda x: x.pow(-3.0), nonzero, []),
    "powf(0.5)": (lambda x: x.pow(0.5), positive, []),
    "powf(-0.5)": (lambda x: x.pow(-0.5), positive, []),
    "powf(0.3)": (lambda x: x.pow(0.3), positive, []),
    "powf(1.5)": (lambda x: x.pow(1.5), positive, []),
    "powf(-2.5)": (lambda x: x.pow(-2.5), positive, []),
    "powi(0)": (lambda x: x.pow(0), real, []),
    "powi(1)": (lambda x: x.pow(1), real, []),
    "powi(2)": (lambda x: x.pow(2), real, []),
    "powi(3)": (lambda x: x.pow(3), real, []),
    "powi(6)": (lambda x: x.pow(6), real, []),
    "powi(-1)": (lambda x: x.pow(-1), nonzero, []),
    "powi(-2)": (lambda x: x.pow(-2), nonzero, []),
    "powi(-3)": (lambda x: x.pow(-3), nonzero, []),
    "clamp(-1,1)": (lambda x: x.clamp(-1.0, 1.0), real, []),
    "clamp(-0.5,inf)": (lambda x: x.clamp(-0.5, INF), real, []),
    "clamp(1,-1)": (lambda x: x.clamp(1.0, -1.0), real, []),
    "floor": (torch.floor, real, [1.5, -1.5, 8388607.5, 4194304.5, -4194305.5]),
    "ceil": (torch.ceil, real, [1.5, -1.5, 8388607.5, 4194304.5, -4194305.5]),
    "trunc": (torch.trunc, real, [1.5, -1.5, 8388607.5, 4194304.5, -4194305.5]),
    "sign": (torch.sign, real, []),
    "round": (torch.round, real, [1.5, -1.5, 2.5, -2.5, 8388607.5, 4194304.5, 4194305.5, -4194305.5]),
}

TAILS = [-1e-8, -3.0, 3.0, -6.0, 6.0]
KINKS = [-3.0, 3.0, 6.0, 2.5, -2.5, 5.5]


def gelu_by_erfc(x):
    """The same function; PyTorch's own loses its digits below 0."""
    return x * 0.5 * torch.special.erfc(x * -math.sqrt(0.5))


def hard_sigmoid(x):
    """The same function; the derivative of PyTorch's own is a sixth in single precision only."""
    assert torch.equal(F.hardsigmoid(x.nan_to_num()), hard(x.nan_to_num()))
    return hard(x)


def hard(x):
    return (x + 3.0).clamp(0.0, 6.0) / 6.0


ACTIVATIONS = {
    "relu": (torch.relu, real, []),
    "leaky_relu(0.01)": (lambda x: F.leaky_relu(x, 0.01), real, []),
    "leaky_relu(0.25)": (lambda x: F.leaky_relu(x, 0.25), real, []),
    "leaky_relu(0)": (lambda x: F.leaky_relu(x, 0.0), real, []),
    "leaky_relu(-0.5)": (lambda x: F.leaky_relu(x, -0.5), real, []),
    "elu(1)": (F.elu, real, [-1e-8, -20.0, -40.0]),
    "elu(0.5)": (lambda x: F.elu(x, 0.5), real, [-1e-8, -20.0, -40.0]),
    "elu(1.7)": (lambda x: F.elu(x, 1.7), real, [-1e-8, -20.0, -40.0]),
    "elu(0)": (lambda x: F.elu(x, 0.0), real, []),
    "elu(-0.5)": (lambda x: F.elu(x, -0.5), real, []),
    "selu": (F.selu, real, [-1e-8, -20.0, -40.0]),
    "sigmoid": (torch.sigmoid, real, [-1e-8, 20.0, -20.0, -87.0, -100.0, 40.0]),
    "tanh": (torch.tanh, real, [1e-8, 0.625, 10.0, -20.0, 1e-4]),
    "celu(1)": (F.celu, real, [-1e-8, -20.0, -40.0]),
    "celu(0.5)": (lambda x: F.celu(x, 0.5), real, [-1e-8, -20.0, -40.0]),
    "celu(-2)": (lambda x: F.celu(x, -2.0), real, [-1e-8, -20.0]),
    "gelu": (F.gelu, real, TAILS),
    "gelu, by erfc": (gelu_by_erfc, real, [*TAILS, -8.0, -12.0]),
    "gelu_tanh": (lambda x: F.gelu(x, approximate="tanh"), real, TAILS),
    "silu": (F.silu, real, [*TAILS, -20.0, -40.0, 40.0]),
    "mish": (F.mish, real, [*TAILS, -20.0, -40.0, 20.0, 40.0]),
    "softplus": (F.softplus, real, [*TAILS, -20.0, -40.0, 19.5, 20.0, 20.5, 40.0]),
    "log_sigmoid": (F.logsigmoid, real, [*TAILS, -20.0, -40.0, 20.0, 40.0]),
    "hard_sigmoid": (hard_sigmoid, real, KINKS),
    "hard_tanh": (F.hardtanh, real, KINKS),
    "hard_swish": (F.hardswish, real, KINKS),
    "relu6": (F.relu6, real, KINKS),
}


def elementwise_of_one(name, operations):
    file = File(name)
    for op, (function, domain, points) in operations.items():
        random = Random(op)
        file.case(op, "spread", function, domain(random, 7, 9), second=True)
        file.case(op, "scalar", function, domain(random), second=True)
        file.case(op, "empty", function, torch.zeros(0, 3))
        file.case(op, "special", function, short(torch.tensor(EDGES + points)))
        file.case(op, "f64 special", function, torch.tensor(F64_EDGES))
    return file


def unary():
    file = elementwise_of_one("unary", UNARY)
    halves = torch.tensor(
        [2.0**51 + 0.5, 2.0**51 + 1.5, -(2.0**52) + 0.5, 2.0**50 + 0.5, 0.49999999999999994]
    )
    file.case("round", "f64 halves", torch.round, halves)
    file.case("floor", "f64 halves", torch.floor, halves)
    # Where reducing the argument by multiples of pi takes more digits than two floats hold.
    for op, function in [("sin", torch.sin), ("cos", torch.cos)]:
        file.case(op, "f64 large", function, torch.tensor([1e8 + 0.1, 1.0e9, -1.07e9, 3.5e5]))
        file.case(op, "f64 huge", function, torch.tensor([2.0**30, -9.87e8, 1e22]))
    return file


def activation():
    file = elementwise_of_one("activation", ACTIVATIONS)
    shapes = {
        "channels": ([4, 5], [5]),
        "maps": ([3, 2, 4], [2]),
        "images": ([2, 3, 2, 3], [3]),
        "one": ([4, 5], [1]),
        "scalar": ([4, 5], []),
        "vector": ([6], [1]),
        "scalar by one": ([], [1]),
        "one channel": ([4, 1, 3], [1]),
        "empty": ([0, 3], [3]),
        "no channels": ([3, 0], [0]),
    }
    for case, (x, weight) in shapes.items():
        random = Random("prelu " + case)
        file.case("prelu", case, F.prelu, real(random, *x), random.normal(*weight), second=True)
    special = short(torch.tensor(EDGES))
    file.case("prelu", "special", F.prelu, special.repeat(3, 1).T, torch.tensor([0.25, -1.5, 0.0]))
    file.case("prelu", "special weights", F.prelu, torch.tensor([[-2.0, -0.0, 3.0]] * 2), torch.tensor([INF, NAN, -INF]))
    return file


BINARY = {
    "add": (torch.add, real, real),
    "sub": (torch.sub, real, real),
    "mul": (torch.mul, real, real),
    "div": (torch.div, real, nonzero),
    "pow": (torch.pow, positive, real),
    "maximum": (torch.maximum, real, real),
    "minimum": (torch.minimum, real, real),
    "atan2": (torch.atan2, real, real),
}


def pairs(values):
    a, b = torch.meshgrid(values, values, indexing="ij")
    return a.clone(), b.clone()


def binary():
    file = File("binary")
    shapes = {
        "same": ([5, 13], [5, 13]),
        "row": ([4, 7], [7]),
        "column": ([4, 1], [4, 7]),
        "outer": ([5, 1], [1, 6]),
        "scalar": ([3, 4], []),
        "ranks": ([2, 1, 3], [4, 1]),
        "empty": ([0, 3], [3]),
        "empty by one": ([0, 3], [1, 1]),
    }
    special = short(torch.tensor([0.0, -0.0, 1.0, -1.0, 2.0, -3.0, 0.5, 1e-30, -1e-30, 1e30, INF, -INF, NAN]))
    f64_special = torch.tensor([1e200, -1e200, 1e-200, -1e-200, 5e-324, 1.5, 0.0])
    for op, (function, first, second) in BINARY.items():
        random = Random(op)
        for case, (a, b) in shapes.items():
            a, b = first(random, *a), second(random, *b)
            file.case(op, case, function, a, b, second=True)
        file.case(op, "special", function, *pairs(special))
        file.case(op, "f64 special", function, *pairs(f64_special))
        file.case(f"{op}(x,x)", "same", lambda x: function(x, x), positive(random, 5, 3), second=True)
    random = Random("pow integers")
    base = nonzero(random, 4, 5)
    file.case("pow", "integers", torch.pow, base, torch.tensor([-2.0, -1.0, 0.0, 1.0, 3.0]))
    random = Random("ties")
    for op, function in [("maximum", torch.maximum), ("minimum", torch.minimum)]:
        tied = random.labels(3, 6, 5).double()
        file.case(op, "ties", function, tied, random.labels(3, 5).double())
    return file
