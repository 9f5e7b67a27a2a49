"""Golden values of conversions, argmax and argmin, and of tensors that are created from numbers."""

from recording import INF, NAN, File  # First: it configures torch.

import torch


def other():
    """Records conversions, with inputs and outputs in their own dtypes, and argmax and argmin."""
    file = File("other")
    points = [
        0.1,
        -0.1,
        1 / 3,
        1e-40,
        1e-50,
        1e39,
        -1e39,
        3.5e38,
        16777217.0,
        INF,
        -INF,
        NAN,
        0.0,
        -0.0,
    ]
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


def creation():
    """Records tensors created from the numbers in `given`."""
    file = File("creation")
    ranges = [
        (0.0, 5.0, 1.0),
        (1.0, 1.3, 0.1),
        (0.0, 1.0, 0.1),
        (2.0, -1.0, -0.75),
        (3.0, 3.0, 1.0),
        (-1e9, 1e9, 3.3e8),
        (0.0, 1e-300, 3e-301),
    ]
    for start, end, step in ranges:
        prefix = f"arange/{start}..{end} by {step}"
        file.put(f"{prefix}/given", torch.tensor([start, end, step]))
        file.put(f"{prefix}/output", torch.arange(start, end, step))
    for start, end, count in [
        (0, 1, 5),
        (-3, 0.1, 8),
        (2, -5.3, 7),
        (0.1, 0.7, 2),
        (4, 5, 1),
        (4, 5, 0),
        (1e300, -1e300, 4),
    ]:
        prefix = f"linspace/{count} from {start} to {end}"
        file.put(f"{prefix}/given", torch.tensor([start, end], dtype=torch.float64))
        file.put(f"{prefix}/output", torch.linspace(start, end, count, dtype=torch.float64))
    for size in [0, 1, 4]:
        file.put(f"eye/{size}/output", torch.eye(size))
    for rows, columns in [(2, 5), (4, 3), (3, 0), (0, 2)]:
        file.put(f"eye/{rows} x {columns}/output", torch.eye(rows, columns))
    return file
