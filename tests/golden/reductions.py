"""Golden values of reductions and of running results."""

import warnings

from recording import INF, NAN, File, Random, short, wide  # First, for it sets torch up.

import torch

# Of variances with too large a correction, which is what some cases are about.
warnings.filterwarnings("ignore", "(std|var).*degrees of freedom")

AXES = [(0,), (1,), (-1,), (0, 1), (1, 2), (-1, 0), (0, 1, 2)]


def over(op, axes, keep=False):
    return f"{op}_over({'keep ' if keep else ''}{','.join(map(str, axes))})"


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
                    name = over(op, axes, keep)
                    cases[name] = lambda x, f=function, axes=axes, keep=keep: f(x, dim=axes, keepdim=keep)
        if case == "long":
            names = ["sum", "sum_over(0,1)", "mean_over(keep 1)"]
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


def prod_over(axes, keep):
    """One axis after another, which is what PyTorch has."""

    def function(x):
        for axis in sorted((axis % x.dim() for axis in axes), reverse=True):
            x = x.prod(dim=axis, keepdim=keep)
        return x

    return function


def product():
    file = File("product")
    functions = {"prod": lambda x: x.prod()}
    for axes in AXES:
        for keep in [False, True]:
            functions[over("prod", axes, keep)] = prod_over(axes, keep)
    for axis in [0, 1, -1]:
        functions[f"cumsum({axis})"] = lambda x, axis=axis: x.cumsum(axis)
        functions[f"cumprod({axis})"] = lambda x, axis=axis: x.cumprod(axis)
    for op, function in functions.items():
        x = Random(f"product {op}").normal(3, 4, 2)
        file.case(op, "cube", function, x, second=True)
        # Of the groups of the last axis one has no zero, others have one or two.
        zeros = x.clone()
        zeros[0, 1, 0] = zeros[1, 2, 0] = zeros[1, 2, 1] = zeros[2, 0, 1] = 0.0
        file.case(op, "zeros", function, zeros, second=True)
        file.case(op, "empty", function, torch.zeros(0, 3, 2))
        file.case(op, "empty inside", function, torch.zeros(2, 0, 3))
    one = {"prod": lambda x: x.prod(), "cumsum(0)": lambda x: x.cumsum(0), "cumprod(0)": lambda x: x.cumprod(0)}
    for op, function in one.items():
        for case, values in {
            "one zero": [3.0, 0.0, -2.0],
            "two zeros": [3.0, 0.0, -2.0, 0.0],
            "all zeros": [0.0, 0.0, 0.0],
            "one": [-1.5],
            "one, zero": [0.0],
        }.items():
            file.case(op, case, function, torch.tensor(values), second=True)
        file.case(op, "long", function, short(1 + Random("long").uniform(1200, low=-1e-3, high=1e-3)))
    # Where an element is infinite or NaN, PyTorch's derivatives of products divide by it.
    file.case("prod", "zero and infinity", torch.prod, torch.tensor([3.0, INF, 0.0, 2.0]))
    file.case("cumsum(0)", "undefined", lambda x: x.cumsum(0), torch.tensor([3.0, NAN, 2.0]))
    file.case("prod", "scalar", torch.prod, torch.tensor(1.25), second=True)
    file.case("cumsum(0)", "infinite", lambda x: x.cumsum(0), torch.tensor([1.0, INF, 2.0, -INF, 3.0]))
    return file


def extremes():
    file = File("extremes")
    functions = {}
    for op, function in [("max", torch.amax), ("min", torch.amin)]:
        for axes in AXES:
            for keep in [False, True]:
                name = over(op, axes, keep)
                functions[name] = lambda x, f=function, axes=axes, keep=keep: f(x, dim=axes, keepdim=keep)
    functions["max"], functions["min"] = torch.max, torch.min
    for op, function in functions.items():
        file.case(op, "cube", function, Random(f"extremes {op}").normal(3, 4, 5), second=True)
        file.case(op, "ties", function, Random(f"ties {op}").labels(3, 3, 4, 5).double(), second=True)
        file.case(op, "equal", function, torch.full((2, 3, 4), 1.5), second=True)
        for case, value in {"infinite": INF, "negative infinite": -INF}.items():
            file.case(op, case, function, torch.full((2, 3, 2), value))
            x = Random(f"{case} {op}").normal(2, 3, 4)
            x[0, 1] = x[1, :, 2] = value
            file.case(op, f"some {case}", function, x)
    file.case("max_over(0)", "empty", lambda x: x.amax(0), torch.zeros(2, 0, 3))
    file.case("min_over(-1)", "empty", lambda x: x.amin(-1), torch.zeros(2, 0, 3))
    for op, function in [("max", torch.max), ("min", torch.min)]:
        file.case(op, "scalar", function, torch.tensor(1.25), second=True)
        file.case(op, "undefined", function, torch.tensor([1.0, NAN, 3.0, -INF, INF]))
        file.case(op, "twice undefined", function, torch.tensor([1.0, NAN, 3.0, NAN, INF]))
        file.case(op, "long", function, wide([3000]))
    return file


CORRECTIONS = [1, 0, 0.5]


def statistics():
    file = File("statistics")
    functions = {
        "var": torch.var,
        "std": torch.std,
        "logsumexp": lambda x: x.logsumexp(tuple(range(x.dim()))),
    }
    norms = [("L1", 1), ("L2", 2), ("LInf", INF)]
    for name, order in norms:
        functions[f"norm {name}"] = lambda x, order=order: torch.linalg.vector_norm(x, order)
    for axes in AXES:
        for keep in [False, True]:
            arguments = dict(dim=axes, keepdim=keep)
            for op, function in [("var", torch.var), ("std", torch.std)]:
                for correction in CORRECTIONS:
                    name = f"{over(op, axes, keep)} - {correction:g}"
                    functions[name] = lambda x, f=function, a=arguments, c=correction: f(x, correction=c, **a)
            functions[over("logsumexp", axes, keep)] = lambda x, a=arguments: torch.logsumexp(x, **a)
            for name, order in norms:
                functions[over(f"norm {name}", axes, keep)] = (
                    lambda x, order=order, a=arguments: torch.linalg.vector_norm(x, order, **a)
                )
    for op, function in functions.items():
        few = "keep" in op or ("var" in op or "std" in op) and "- 0" in op
        x = Random(f"statistics {op}").normal(3, 4, 5)
        file.case(op, "cube", function, x, second=not few)
        if not few and "LInf" not in op:
            file.case(op, "empty inside", function, torch.zeros(2, 0, 3))
    for op in ["var", "std", "logsumexp", "norm L1", "norm L2", "norm LInf"]:
        function = functions[op]
        offset = Random("far").uniform(1000, low=1e4 - 1, high=1e4 + 1)
        file.case(op, "offset", function, offset)
        file.case(op, "large", function, Random("large").normal(50, scale=1e4))
        file.case(op, "infinite", function, torch.tensor([1.0, INF, -2.0]))
        file.case(op, "negative infinite", function, torch.tensor([1.0, -INF, -2.0]))
        file.case(op, "infinities", function, torch.tensor([1.0, INF, -INF]))
        file.case(op, "all infinite", function, torch.tensor([-INF, -INF]))
        file.case(op, "undefined", function, torch.tensor([1.0, NAN, 3.0]))
        file.case(op, "one", function, torch.tensor([-1.5]))
        file.case(op, "scalar", function, torch.tensor(-1.5))
    for op in ["var", "std", "var_over(1) - 0", "std_over(1) - 0"]:
        file.case(op, "constant", functions[op], torch.tensor([[1.5, 1.5], [1.5, 1.5]]))
        file.case(op, "one each", functions[op], torch.tensor([[1.5], [2.5]]))
    x = torch.tensor([[1.0, 2.0, 4.0], [3.0, 2.0, 5.0]])
    for op, f in [("var", torch.var), ("std", torch.std)]:
        file.case(f"{op}_over(0) - 2", "too large", lambda x, f=f: f(x, dim=0, correction=2), x)
    zeros = torch.tensor([[0.0, 0.0], [0.0, -2.0]])
    for norm in ["L1", "L2", "LInf"]:
        # PyTorch's second derivative of the Euclidean norm is NaN at 0.
        file.case(f"norm {norm}_over(1)", "zeros", functions[f"norm {norm}_over(1)"], zeros)
        ties = torch.tensor([[3.0, -3.0, 1.0], [0.0, 2.0, 2.0]])
        file.case(f"norm {norm}_over(1)", "ties", functions[f"norm {norm}_over(1)"], ties, second=True)
        # In float32 the squares overflow: in PyTorch too.
        file.case(f"norm {norm}", "f64 large", functions[f"norm {norm}"], torch.tensor([3e30, -4e30]))
        file.case(f"norm {norm}", "f64 small", functions[f"norm {norm}"], torch.tensor([3e-30, -4e-30]))
    rows = torch.tensor([[1.0, 2.0, -INF], [1e4, 1e4, 0.0], [-1e4, -1e4 + 1, -2e4]])
    infinite = torch.tensor([[1.0, 2.0, -INF], [-INF, -INF, -INF], [1.0, INF, -INF], [INF, INF, 0.0]])
    for case, x in {"rows": rows, "infinite rows": infinite}.items():
        file.case("logsumexp_over(1)", case, functions["logsumexp_over(1)"], x)
    return file
