"""Golden values of shapes and conversions."""

from recording import INF, NAN, File, Random  # First, for it sets torch up.

import torch
import torch.nn.functional as F


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
    "slice(2,::2)": lambda x: x[:, :, ::2],
    "slice(1,-2:)": lambda x: x[:, -2:],
    "slice(2,1:-1:2)": lambda x: x[..., 1:-1:2],
    "slice(2,2:1)": lambda x: x[..., 2:1],
    "slice(2,3:0:-2)": lambda x: x[..., 1:4].flip(2)[..., ::2],
    "flip(0)": lambda x: x.flip(0),
    "flip(2,-2)": lambda x: x.flip(2, -2),
    "flip()": lambda x: x.flip([]),
    "split(2,3)": lambda x: torch.cat(x.split(3, 2)[::-1], 2),
    "split_sizes(2,[1,0,3])": lambda x: torch.cat(x.split([1, 0, 3], 2)[::-1], 2),
    "chunk(2,3)": lambda x: torch.cat(x.chunk(3, 2)[::-1], 2),
    "chunk(1,2)": lambda x: torch.cat(x.chunk(2, 1)[::-1], 1),
    "rows": lambda x: torch.cat(x.unbind(0), 1),
    "pad": lambda x: F.pad(x, (1, 2, 0, 1, 2, 0), value=0.5),
    "pad by nothing": lambda x: F.pad(x, (0, 0, 0, 0, 0, 0), value=0.5),
    "repeat(2,1,3)": lambda x: x.repeat(2, 1, 3),
    "repeat(2,1,2,1)": lambda x: x.repeat(2, 1, 2, 1),
    "repeat(1,0,1)": lambda x: x.repeat(1, 0, 1),
    "tril(0)": lambda x: x.tril(),
    "tril(-1)": lambda x: x.tril(-1),
    "tril(9)": lambda x: x.tril(9),
    "triu(0)": lambda x: x.triu(),
    "triu(2)": lambda x: x.triu(2),
    "triu(-9)": lambda x: x.triu(-9),
    "diagonal(0)": lambda x: x.diagonal(0, -2, -1),
    "diagonal(2)": lambda x: x.diagonal(2, -2, -1),
    "diagonal(-1)": lambda x: x.diagonal(-1, -2, -1),
    "diagonal(7)": lambda x: x.diagonal(7, -2, -1),
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
    # Zero times what is not finite would not be zero.
    odd = torch.tensor([[1.0, INF, NAN], [-INF, -0.0, INF], [NAN, NAN, 2.0]])
    for op in ["tril(0)", "triu(0)", "diagonal(0)", "flip(0)"]:
        file.case(op, "odd", SHAPES[op], odd)
    for op in ["tril(0)", "triu(2)", "diagonal(-1)"]:
        file.case(op, "empty", SHAPES[op], torch.zeros(2, 0, 3))
    pads = {"matrix": [2, 3], "no rows": [0, 3], "no columns": [2, 0]}
    for case, size in pads.items():
        function = lambda x: F.pad(x, (1, 0, 2, 1), value=-1.5)
        file.case("pad a matrix", case, function, Random(f"pad {case}").normal(*size), second=True)
    joined = {
        "three": ([2, 3, 4], [2, 1, 4], [2, 2, 4]),
        "one": ([2, 3, 4],),
        "empty among others": ([2, 0, 4], [2, 3, 4], [2, 0, 4]),
        "nothing": ([2, 0, 4], [2, 0, 4]),
    }
    for case, sizes in joined.items():
        inputs = [Random(f"cat {case} {i}").normal(*size) for i, size in enumerate(sizes)]
        file.case("cat(1)", case, lambda *x: torch.cat(x, 1), *inputs, second=True)
    twice = lambda x: torch.cat([x, x], -1)
    file.case("cat(x,x,-1)", "cube", twice, Random("cat twice").normal(2, 3, 4), second=True)
    for axis in [0, 1, -1]:
        inputs = [Random(f"stack {axis} {i}").normal(3, 4) for i in range(3)]
        function = lambda *x, axis=axis: torch.stack(x, axis)
        file.case(f"stack({axis})", "three", function, *inputs, second=True)
    file.case("stack(0)", "scalars", lambda *x: torch.stack(x), torch.tensor(1.5), torch.tensor(2.5), second=True)
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
        for op, function in [("argmax", torch.argmax), ("argmin", torch.argmin)]:
            file.put(f"{op}({axis})/ties/input.0", x)
            file.put(f"{op}({axis})/ties/indices", function(x, axis))
    return file
