"""Writes the golden values in data/: what PyTorch computes in float64, with the inputs.

    python -m venv golden && golden/bin/pip install -r requirements.txt
    golden/bin/python generate.py

Run twice it writes the same bytes. Tensors are named `operation/case/role`, the roles being

    input.0, input.1, ...    operands (those of a differentiable operation, in its order)
    indices                  labels or indices, int64
    given.*, statistics.*    of batch normalization: statistics to use, statistics to find
    output, cotangent        the result, and a random cotangent for it
    grad.0, grad.1, ...      the vector-Jacobian product for each operand
    direction.N              random vectors v, and of the sum s of all v . grad
    second.N, second.g       the gradients with respect to each operand and to the cotangent

Inputs are exact in float32, so that the float64 results hold for them in that precision too; cases
that are not, for they go to the ends of float64's range, have a name that starts with `f64`.
"""

import math
import os
import pathlib
import zlib

# The results must not depend on the instruction set of the machine that computes them.
os.environ["ATEN_CPU_CAPABILITY"] = "default"
os.environ["MKL_CBWR"] = "COMPATIBLE"

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

DATA = pathlib.Path(__file__).parent / "data"
INF, NAN = math.inf, math.nan


def short(tensor):
    """The same rounded to what float32 holds."""
    return tensor.float().double()


class Random:
    """Draws that depend on a name only: another case more or less changes no other."""

    def __init__(self, name):
        self.generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))

    def normal(self, *shape, scale=1.0, shift=0.0):
        return short(torch.randn(shape, generator=self.generator) * scale + shift)

    def uniform(self, *shape, low=0.0, high=1.0):
        return short(torch.rand(shape, generator=self.generator) * (high - low) + low)

    def labels(self, bound, *shape):
        return torch.randint(bound, shape, generator=self.generator)


class File:
    """The golden values of one family of operations."""

    def __init__(self, name):
        self.name, self.tensors = name, {}

    def put(self, key, tensor):
        assert key not in self.tensors, key
        # A copy of its own, contiguous, or safetensors objects to shared storage.
        self.tensors[key] = tensor.detach().clone(memory_format=torch.contiguous_format)

    def case(self, op, case, function, *inputs, second=False, extras=None):
        """Records a function at inputs. What it is given beside the inputs is in `extras`."""
        prefix = f"{op}/{case}"
        random = Random(prefix + " cotangent")
        for name, extra in (extras or {}).items():
            self.put(f"{prefix}/{name}", extra)
        inputs = [x.clone().requires_grad_() for x in inputs]
        output = function(*inputs)
        g = random.normal(*output.shape).requires_grad_()
        grads = torch.autograd.grad(output, inputs, g, create_graph=second)
        for i, (x, grad) in enumerate(zip(inputs, grads)):
            self.put(f"{prefix}/input.{i}", x)
            self.put(f"{prefix}/grad.{i}", grad)
        self.put(f"{prefix}/output", output)
        self.put(f"{prefix}/cotangent", g)
        if second:
            directions = [random.normal(*x.shape) for x in inputs]
            s = sum((v * grad).sum() for v, grad in zip(directions, grads))
            # What the gradients do not depend on has derivative zero, be it all of them.
            if s.requires_grad:
                seconds = torch.autograd.grad(s, inputs + [g], materialize_grads=True)
            else:
                seconds = [torch.zeros_like(x) for x in inputs + [g]]
            for name, value in zip([*range(len(inputs)), "g"], seconds):
                self.put(f"{prefix}/second.{name}", value)
            for i, v in enumerate(directions):
                self.put(f"{prefix}/direction.{i}", v)

    def save(self):
        DATA.mkdir(exist_ok=True)
        save_file(self.tensors, DATA / f"{self.name}.safetensors")


# Elementwise ----------------------------------------------------------------------------------

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
    "clamp(-1,1)": (lambda x: x.clamp(-1.0, 1.0), real, []),
    "clamp(-0.5,inf)": (lambda x: x.clamp(-0.5, INF), real, []),
    "clamp(1,-1)": (lambda x: x.clamp(1.0, -1.0), real, []),
    "floor": (torch.floor, real, [1.5, -1.5, 8388607.5, 4194304.5, -4194305.5]),
    "round": (torch.round, real, [1.5, -1.5, 2.5, -2.5, 8388607.5, 4194304.5, 4194305.5, -4194305.5]),
}

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
    halves = torch.tensor([2.0**51 + 0.5, 2.0**51 + 1.5, -(2.0**52) + 0.5, 2.0**50 + 0.5, 0.49999999999999994])
    file.case("round", "f64 halves", torch.round, halves)
    file.case("floor", "f64 halves", torch.floor, halves)
    # Where reducing the argument by multiples of pi takes more digits than two floats hold.
    for op, function in [("sin", torch.sin), ("cos", torch.cos)]:
        file.case(op, "f64 large", function, torch.tensor([1e8 + 0.1, 1.0e9, -1.07e9, 3.5e5]))
        file.case(op, "f64 huge", function, torch.tensor([1e12, -4e14, 1e22]))
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


# Reductions, shapes, matrices -------------------------------------------------------------------


def axes_name(op, axes):
    return f"{op}({','.join(map(str, axes))})"


def reduce():
    file = File("reduce")
    shapes = {
        "cube": [3, 4, 5],
        # Longer than the pieces that are accumulated without pairing.
        "long": [2, 1100, 2],
        "empty": [0, 3, 2],
        "empty inside": [2, 0, 3],
    }
    for case, shape in shapes.items():
        cases = {"sum": lambda x: x.sum(), "mean": lambda x: x.mean()}
        for axes in [(0,), (1,), (-1,), (0, 1), (1, 2), (-1, 0), (0, 1, 2)]:
            for op, function in [("sum", torch.sum), ("mean", torch.mean)]:
                for keep in [False, True]:
                    name = axes_name(f"{op}_axes" + ("_keep" if keep else ""), axes)
                    cases[name] = lambda x, f=function, axes=axes, keep=keep: f(x, dim=axes, keepdim=keep)
        if case == "long":
            names = ["sum", "sum_axes(0,1)", "mean_axes_keep(1)"]
            cases = {name: cases[name] for name in names}
        for op, function in cases.items():
            x = wide(shape) if case == "long" else Random(f"reduce {case}").normal(*shape)
            file.case(op, case, function, x, second=case == "cube")
    for op, function in [("sum", torch.sum), ("mean", torch.mean)]:
        file.case(op, "scalar", function, torch.tensor(1.25), second=True)
        file.case(op, "offset", function, Random("offset").uniform(1000, low=1e4 - 1, high=1e4 + 1))
        file.case(op, "infinite", function, torch.tensor([1.0, INF, -2.0]))
        file.case(op, "undefined", function, torch.tensor([1.0, INF, -INF]))
    return file


def wide(shape):
    """Values of small integers over a power of two: large in number, few in kind."""
    return Random("wide").labels(257, *shape).double() / 64 - 2


SHAPES = {
    "reshape(6,4)": lambda x: x.reshape(6, 4),
    "reshape(24)": lambda x: x.reshape(24),
    "reshape(2,3,1,4)": lambda x: x.reshape(2, 3, 1, 4),
    "flatten": lambda x: x.flatten(1),
    "permute(2,0,1)": lambda x: x.permute(2, 0, 1),
    "permute(1,0,2)": lambda x: x.permute(1, 0, 2),
    "permute(0,1,2)": lambda x: x.permute(0, 1, 2),
    "permute(2,0,1).reshape(8,3)": lambda x: x.permute(2, 0, 1).reshape(8, 3),
    "transpose(0,2)": lambda x: x.transpose(0, 2),
    "transpose(-1,-2)": lambda x: x.transpose(-1, -2),
    "transpose(1,1)": lambda x: x.transpose(1, 1),
    "unsqueeze(0)": lambda x: x.unsqueeze(0),
    "unsqueeze(2)": lambda x: x.unsqueeze(2),
    "unsqueeze(-1)": lambda x: x.unsqueeze(-1),
    "unsqueeze(1).broadcast_to(2,5,3,4)": lambda x: x.unsqueeze(1).broadcast_to(2, 5, 3, 4),
    "broadcast_to(3,2,3,4)": lambda x: x.broadcast_to(3, 2, 3, 4),
    "narrow(1,1,2)": lambda x: x.narrow(1, 1, 2),
    "narrow(-1,0,1)": lambda x: x.narrow(-1, 0, 1),
    "narrow(0,1,0)": lambda x: x.narrow(0, 1, 0),
    "narrow(2,1,3).transpose(0,2)": lambda x: x.narrow(2, 1, 3).transpose(0, 2),
}


def shape():
    file = File("shape")
    for op, function in SHAPES.items():
        file.case(op, "cube", function, Random(op).normal(2, 3, 4), second=True)
    x = Random("squeeze").normal(3, 1, 4, 1)
    file.case("squeeze(1)", "ones", lambda x: x.squeeze(1), x, second=True)
    file.case("squeeze(-1)", "ones", lambda x: x.squeeze(-1), x, second=True)
    file.case("broadcast_to(2,3,4,5)", "ones", lambda x: x.broadcast_to(2, 3, 4, 5), Random("ones").normal(3, 1, 5))
    for axis in [0, 1, -1]:
        for case, indices in [("repeated", [1, 0, 1, 1]), ("one", [0]), ("none", [])]:
            indices = torch.tensor(indices, dtype=torch.int64)
            function = lambda x, indices=indices, axis=axis: x.index_select(axis, indices)
            x = Random(f"index_select {axis} {case}").normal(2, 3, 4)
            file.case(f"index_select({axis})", case, function, x, second=True, extras={"indices": indices})
    x = torch.tensor([[1.0, 3.0, 3.0, 0.0], [NAN, 1.0, INF, NAN], [-INF, -INF, -INF, -INF]])
    for axis in [0, 1, -1]:
        file.put(f"argmax({axis})/ties/input.0", x)
        file.put(f"argmax({axis})/ties/indices", x.argmax(axis))
    return file


def cast():
    """Conversions between the two precisions: these tensors are stored in their own."""
    file = File("cast")
    points = [0.1, -0.1, 1 / 3, 1e-40, 1e-50, 1e39, -1e39, 3.5e38, 16777217.0, INF, -INF, NAN, 0.0, -0.0]
    for case, source, target in [("narrowing", torch.float64, torch.float32), ("widening", torch.float32, torch.float64)]:
        x = torch.tensor(points, dtype=torch.float64).to(source).requires_grad_()
        y = x.to(target)
        g = torch.tensor(points[::-1], dtype=torch.float64).to(target)
        (grad,) = torch.autograd.grad(y, x, g)
        for name, tensor in [("input.0", x), ("output", y), ("cotangent", g), ("grad.0", grad)]:
            file.put(f"to_dtype/{case}/{name}", tensor)
    return file


def matmul():
    file = File("matmul")
    shapes = {
        "matrices": ([3, 4], [4, 5]),
        "batches": ([2, 3, 4], [2, 4, 5]),
        "broadcast batches": ([2, 1, 3, 4], [5, 4, 2]),
        "batch by matrix": ([2, 3, 4], [4, 5]),
        "matrix by batch": ([3, 4], [2, 4, 5]),
        "vectors": ([7], [7]),
        "vector by matrix": ([4], [4, 5]),
        "matrix by vector": ([3, 4], [4]),
        "vector by batch": ([4], [2, 4, 5]),
        "batch by vector": ([2, 3, 4], [4]),
        "blocks": ([19, 37], [37, 23]),
        "inner empty": ([2, 0], [0, 3]),
        "outer empty": ([0, 3], [3, 2]),
    }
    for case, (a, b) in shapes.items():
        random = Random(f"matmul {case}")
        second = case not in ["blocks"]
        file.case("matmul", case, torch.matmul, random.normal(*a), random.normal(*b), second=second)
    file.case("matmul(x,x)", "matrices", lambda x: x @ x, Random("x x").normal(4, 4), second=True)
    for case, shape in {
        "samples": [6, 4],
        "axes": [2, 3, 4],
        "vector": [4],
        "one sample": [1, 4],
        "no samples": [0, 4],
        "blocks": [21, 33],
    }.items():
        random = Random(f"linear {case}")
        x, weight, bias = random.normal(*shape), random.normal(5, shape[-1]), random.normal(5)
        second = case not in ["blocks"]
        file.case("linear", case, F.linear, x, weight, bias, second=second)
        file.case("linear without bias", case, F.linear, x, weight, second=second)
    return file


# Softmax, losses, normalization -----------------------------------------------------------------


def softmax():
    file = File("softmax")
    for op, function in [("softmax", F.softmax), ("log_softmax", F.log_softmax)]:
        for axis in [0, 1, -1]:
            along = lambda x, function=function, axis=axis: function(x, axis)
            random = Random(f"{op} {axis}")
            file.case(f"{op}({axis})", "cube", along, random.normal(3, 4, 5, scale=2.0), second=True)
            large = random.uniform(2, 3, 4, low=-1e4, high=1e4)
            file.case(f"{op}({axis})", "large", along, large, second=True)
            close = random.uniform(2, 3, 4, low=1e4 - 2, high=1e4 + 2)
            file.case(f"{op}({axis})", "large and close", along, close, second=True)
        along = lambda x, function=function: function(x, -1)
        random = Random(op)
        file.case(f"{op}(-1)", "long", along, wide([2, 1200]))
        file.case(f"{op}(-1)", "vector", along, random.normal(17), second=True)
        file.case(f"{op}(-1)", "one class", along, random.normal(3, 1), second=True)
        file.case(f"{op}(-1)", "empty", along, torch.zeros(0, 3))
        file.case(f"{op}(-1)", "no classes", along, torch.zeros(3, 0))
        rows = [[0.0, -INF, 1.0], [-INF, -INF, 2.0], [-INF, -INF, -INF], [0.0, INF, 1.0], [0.0, NAN, 1.0]]
        file.case(f"{op}(-1)", "infinite", along, torch.tensor(rows))
    return file


def cross_entropy_cases(file):
    logits = {
        "samples": Random("cross entropy").normal(7, 5, scale=2.0),
        "large": Random("cross entropy large").uniform(6, 4, low=-1e4, high=1e4),
        "large and close": Random("cross entropy close").uniform(6, 4, low=1e4 - 2, high=1e4 + 2),
        "one class": Random("cross entropy one").normal(3, 1),
        "one sample": Random("cross entropy sample").normal(1, 4),
        "infinite": torch.tensor([[0.0, -INF, 1.0], [0.5, 0.25, -INF]]),
    }
    for case, x in logits.items():
        labels = Random(f"labels {case}").labels(x.shape[1], x.shape[0])
        if case == "infinite":
            labels = torch.tensor([0, 1])
        function = lambda x, labels=labels: F.cross_entropy(x, labels)
        second = case != "infinite"
        file.case("cross_entropy", case, function, x, second=second, extras={"indices": labels})
    x, labels = torch.tensor([[0.0, -INF, 1.0], [0.5, 0.25, 1.0]]), torch.tensor([1, 1])
    function = lambda x: F.cross_entropy(x, labels)
    file.case("cross_entropy", "impossible label", function, x, extras={"indices": labels})


def losses():
    file = File("losses")
    cross_entropy_cases(file)
    random, labels = Random("net"), Random("net labels").labels(3, 6)

    def net(x, w1, b1, w2, b2):
        return F.cross_entropy(F.linear(torch.tanh(F.linear(x, w1, b1)), w2, b2), labels)

    operands = [random.normal(6, 4), random.normal(5, 4), random.normal(5), random.normal(3, 5), random.normal(3)]
    file.case("linear tanh linear cross_entropy", "net", net, *operands, second=True, extras={"indices": labels})
    weight = random.normal(3, 4)
    affine = lambda x, weight, bias: F.cross_entropy(F.linear(x, weight, bias), labels)
    operands = [random.normal(6, 4), weight, random.normal(3)]
    file.case("linear cross_entropy", "net", affine, *operands, second=True, extras={"indices": labels})
    normalized = lambda x, weight, gamma, beta: F.cross_entropy(
        F.elu(F.batch_norm(F.linear(x, weight), None, None, gamma, beta, training=True)), labels
    )
    operands = [random.normal(6, 4), weight, random.normal(3), random.normal(3)]
    file.case("linear batch_norm elu cross_entropy", "net", normalized, *operands, second=True, extras={"indices": labels})
    return file


def batch_norm():
    file = File("batch_norm")
    inputs = {
        "samples": Random("bn 2").normal(6, 5, scale=2.0, shift=0.5),
        "lengths": Random("bn 3").normal(4, 3, 5, scale=2.0, shift=0.5),
        "images": Random("bn 4").normal(2, 3, 4, 2),
        "two values": Random("bn two").normal(2, 4),
        "one sample": Random("bn one").normal(1, 3, 7),
        "offset": Random("bn offset").uniform(256, 2, low=1e4 - 1, high=1e4 + 1),
        "constant": torch.tensor([0.3, -1e3, 7.0]).repeat(6, 1).float().double(),
    }
    for case, x in inputs.items():
        channels, axes = x.shape[1], [axis for axis in range(x.dim()) if axis != 1]
        random = Random(f"coefficients {case}")
        gamma, beta = random.normal(channels, shift=1.0), random.normal(channels)
        mean, variance = random.normal(channels), random.uniform(channels, low=0.1, high=4.0)
        if case == "offset":
            mean += 1e4
            mean = short(mean)
        statistics = {
            "statistics.mean": x.mean(dim=axes),
            "statistics.variance": x.var(dim=axes, unbiased=False),
        }
        given = {"given.mean": mean, "given.variance": variance}
        second = case not in ["offset", "constant"]
        norm = lambda x, w=None, b=None, eps=1e-5: F.batch_norm(x, None, None, w, b, training=True, eps=eps)
        held = lambda x, w=None, b=None, eps=1e-5: F.batch_norm(x, mean, variance, w, b, training=False, eps=eps)
        record = lambda op, f, *operands, extras: file.case(op, case, f, *operands, second=second, extras=extras)
        record("batch_norm(1e-5)", norm, x, extras=statistics)
        record("batch_norm(gamma,beta,1e-5)", norm, x, gamma, beta, extras=statistics)
        record("batch_norm_with(1e-5)", held, x, extras=given)
        record("batch_norm_with(gamma,beta,1e-5)", held, x, gamma, beta, extras=given)
        if case in ["samples", "lengths"]:
            record("batch_norm(gamma,beta,1e-1)", lambda *t: norm(*t, eps=0.1), x, gamma, beta, extras=statistics)
            record("batch_norm(gamma,1e-5)", lambda x, w: norm(x, w), x, gamma, extras=statistics)
            # PyTorch cannot differentiate this twice with no gamma at all.
            ones = torch.ones(channels)
            record("batch_norm(beta,1e-5)", lambda x, b: norm(x, ones, b), x, beta, extras=statistics)
            record("batch_norm_with(gamma,beta,1e-1)", lambda *t: held(*t, eps=0.1), x, gamma, beta, extras=given)
    return file


# Layers and optimizers --------------------------------------------------------------------------


def layers():
    """BatchNorm through five training steps, then predicting."""
    file = File("layers")
    settings = {
        "default": (dict(), [4]),
        "momentum 0.3": (dict(momentum=0.3), [4, 6]),
        "cumulative": (dict(momentum=None), [4]),
        "epsilon 0.01": (dict(eps=0.01), [3, 2, 3]),
        "no affine": (dict(affine=False), [4]),
        "no running statistics": (dict(track_running_stats=False), [4]),
        "offset": (dict(), [2]),
    }
    kinds = {1: torch.nn.BatchNorm1d, 2: torch.nn.BatchNorm1d, 3: torch.nn.BatchNorm2d}
    for name, (options, shape) in settings.items():
        random = Random(f"layer {name}")
        norm = kinds[len(shape)](shape[0], **options)
        params = dict(norm.named_parameters())
        with torch.no_grad():
            for param in params:
                norm.get_parameter(param).copy_(random.normal(shape[0], shift=1.0))
                file.put(f"{name}/start/{param}", norm.get_parameter(param))
        sizes = [6, 5, 9, 2, 6] if name != "offset" else [120, 60, 200, 90, 150]
        for step in range(5 + 2):
            norm.train(step < 5)
            at = f"{name}/{step}" if step < 5 else f"{name}/predict.{step - 5}"
            draw = random.normal(sizes[step % 5], *shape, scale=1.0 + step, shift=step - 2.0)
            if name == "offset":
                draw = random.uniform(sizes[step % 5], *shape, low=1e4 - 1, high=1e4 + 1)
            x = draw.requires_grad_()
            y = norm(x)
            g = random.normal(*y.shape)
            grads = torch.autograd.grad(y, [x, *params.values()], g)
            for role, tensor in [("input", x), ("output", y), ("cotangent", g), *zip(["grad.input", *(f"grad.{p}" for p in params)], grads)]:
                file.put(f"{at}/{role}", tensor)
            for role, tensor in norm.named_buffers():
                file.put(f"{at}/{role}", tensor)
    return file


class AdamInside:
    """Adam with epsilon inside the root, as the textbook has it; PyTorch has no such form."""

    def __init__(self, params, lr, betas, eps):
        self.params, self.lr, self.betas, self.eps = list(params), lr, betas, eps
        self.m = [torch.zeros_like(p) for p in self.params]
        self.v = [torch.zeros_like(p) for p in self.params]
        self.t = 0

    @torch.no_grad()
    def step(self):
        self.t += 1
        b1, b2 = self.betas
        for p, m, v in zip(self.params, self.m, self.v):
            m.copy_(b1 * m + (1 - b1) * p.grad)
            v.copy_(b2 * v + (1 - b2) * p.grad**2)
            m_hat, v_hat = m / (1 - b1**self.t), v / (1 - b2**self.t)
            p.sub_(self.lr * m_hat / torch.sqrt(v_hat + self.eps))


def optimizers():
    """Two hundred steps on a quadratic and quartic bowl of two parameters, coupled."""
    file = File("optimizers")
    sgd, adam = torch.optim.SGD, torch.optim.Adam
    settings = {
        "sgd(0.05)": lambda p: sgd(p, lr=0.05),
        "sgd(0.05,decay=0.1)": lambda p: sgd(p, lr=0.05, weight_decay=0.1),
        "momentum(0.01)": lambda p: sgd(p, lr=0.01, momentum=0.9),
        "momentum(0.02,0.8,dampening=0.3)": lambda p: sgd(p, lr=0.02, momentum=0.8, dampening=0.3),
        "momentum(0.01,decay=0.1)": lambda p: sgd(p, lr=0.01, momentum=0.9, weight_decay=0.1),
        "momentum(0.02,0.5,dampening=1,decay=0.05)": lambda p: sgd(
            p, lr=0.02, momentum=0.5, dampening=1.0, weight_decay=0.05
        ),
        "nesterov(0.01)": lambda p: sgd(p, lr=0.01, momentum=0.9, nesterov=True),
        "nesterov(0.02,0.7,decay=0.1)": lambda p: sgd(p, lr=0.02, momentum=0.7, nesterov=True, weight_decay=0.1),
        "adam(0.001)": lambda p: adam(p, lr=0.001),
        "adam(0.02)": lambda p: adam(p, lr=0.02),
        "adam(0.01,0.8,0.99,1e-3)": lambda p: adam(p, lr=0.01, betas=(0.8, 0.99), eps=1e-3),
        "adam(0.01,0,0.9,1e-8)": lambda p: adam(p, lr=0.01, betas=(0.0, 0.9)),
        "adam(0.01,decay=0.1)": lambda p: adam(p, lr=0.01, weight_decay=0.1),
        "adam(0.01,inside=1e-8)": lambda p: AdamInside(p, 0.01, (0.9, 0.999), 1e-8),
        "adam(0.01,0.8,0.99,inside=1e-2)": lambda p: AdamInside(p, 0.01, (0.8, 0.99), 1e-2),
        # The second parameter has no gradient in every third step, and so stands still with its state.
        "momentum(0.01) skipping": lambda p: sgd(p, lr=0.01, momentum=0.9),
        "nesterov(0.01) skipping": lambda p: sgd(p, lr=0.01, momentum=0.9, nesterov=True),
        "adam(0.01) skipping": lambda p: adam(p, lr=0.01),
    }
    problem = {
        "curvature": torch.tensor([1.0, 10.0, 0.125]),
        "target": torch.tensor([0.5, -1.0, 2.0]),
        "start.first": torch.tensor([1.5, -0.5, -2.0]),
        "start.second": torch.tensor([[1.0, -2.0], [0.75, 3.0]]),
    }
    for name, tensor in problem.items():
        file.put(f"problem/{name}", tensor)
    for name, optimizer in settings.items():
        first = problem["start.first"].clone().requires_grad_()
        second = problem["start.second"].clone().requires_grad_()
        optimizer = optimizer([first, second])
        trajectory = []
        for step in range(200):
            bowl = (problem["curvature"] * (first - problem["target"]).square()).sum() * 0.5
            quartic = second.square().square().sum() * 0.25
            loss = bowl + quartic + first.sum() * second.sum() * 0.0625
            first.grad, second.grad = torch.autograd.grad(loss, [first, second])
            if "skipping" in name and step % 3 == 2:
                second.grad = None
            optimizer.step()
            trajectory.append(torch.cat([first.detach(), second.detach().flatten()]))
        file.put(f"{name}/trajectory", torch.stack(trajectory))
    return file


def clipping():
    file = File("clipping")
    for case, scale, bound in [("beyond", 2.0, 1.5), ("within", 0.125, 3.0), ("zero", 0.0, 1.0), ("tiny", 1e-3, 1e-4)]:
        random = Random(f"clipping {case}")
        params = [torch.zeros(4, 3, requires_grad=True), torch.zeros(5, requires_grad=True)]
        for kind in ["norm", "value"]:
            for i, param in enumerate(params):
                param.grad = random.normal(*param.shape, scale=scale)
                file.put(f"{kind}/{case}/input.{i}", param.grad)
            if kind == "norm":
                file.put(f"{kind}/{case}/norm", torch.nn.utils.clip_grad_norm_(params, bound))
            else:
                torch.nn.utils.clip_grad_value_(params, bound)
            file.put(f"{kind}/{case}/bound", torch.tensor(bound))
            for i, param in enumerate(params):
                file.put(f"{kind}/{case}/output.{i}", param.grad)
    return file


if __name__ == "__main__":
    for family in [
        unary(),
        elementwise_of_one("activation", ACTIVATIONS),
        binary(),
        reduce(),
        shape(),
        cast(),
        matmul(),
        softmax(),
        losses(),
        batch_norm(),
        layers(),
        optimizers(),
        clipping(),
    ]:
        family.save()
        size = (DATA / f"{family.name}.safetensors").stat().st_size
        print(f"{family.name}: {len(family.tensors)} tensors, {size} bytes")
