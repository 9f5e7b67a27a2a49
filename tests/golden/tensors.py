"""Golden values of reductions, shapes, conversions and matrix products."""

from recording import INF, NAN, File, Random, wide  # First, for it sets torch up.

import torch
import torch.nn.functional as F


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
    file.case(
        "broadcast_to(2,3,4,5)", "ones", lambda x: x.broadcast_to(2, 3, 4, 5), Random("ones").normal(3, 1, 5)
    )
    for axis in [0, 1, -1]:
        for case, indices in [("repeated", [1, 0, 1, 1]), ("one", [0]), ("none", [])]:
            indices = torch.tensor(indices, dtype=torch.int64)
            function = lambda x, indices=indices, axis=axis: x.index_select(axis, indices)
            x = Random(f"index_select {axis} {case}").normal(2, 3, 4)
            file.case(f"index_select({axis})", case, function, x, second=True, extras={"indices": indices})
    return file


def other():
    """Conversions, stored in the precisions that they are between, and what has no gradient."""
    file = File("other")
    points = [0.1, -0.1, 1 / 3, 1e-40, 1e-50, 1e39, -1e39, 3.5e38, 16777217.0, INF, -INF, NAN, 0.0, -0.0]
    for case, source, target in [
        ("narrowing", torch.float64, torch.float32),
        ("widening", torch.float32, torch.float64),
    ]:
        x = torch.tensor(points, dtype=torch.float64).to(source).requires_grad_()
        y = x.to(target)
        g = torch.tensor(points[::-1], dtype=torch.float64).to(target)
        (grad,) = torch.autograd.grad(y, x, g)
        for name, tensor in [("input.0", x), ("output", y), ("cotangent", g), ("grad.0", grad)]:
            file.put(f"to_dtype/{case}/{name}", tensor)
    x = torch.tensor([[1.0, 3.0, 3.0, 0.0], [NAN, 1.0, INF, NAN], [-INF, -INF, -INF, -INF]])
    for axis in [0, 1, -1]:
        file.put(f"argmax({axis})/ties/input.0", x)
        file.put(f"argmax({axis})/ties/indices", x.argmax(axis))
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
