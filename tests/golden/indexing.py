"""Golden values of indexing and sorting, and of tensors made from a rule."""

from recording import INF, NAN, File, Random  # First, for it sets torch up.

import torch
import torch.nn.functional as F


def indexing():
    """`indices` are what an operation is given, or the places that sorting must find."""
    file = File("indexing")
    for axis in [0, 1, -1]:
        for case, indices in [("repeated", [1, 0, 1, 1]), ("one", [0]), ("none", [])]:
            indices = torch.tensor(indices, dtype=torch.int64)
            function = lambda x, indices=indices, axis=axis: x.index_select(axis, indices)
            x = Random(f"index_select {axis} {case}").normal(2, 3, 4)
            file.case(f"index_select({axis})", case, function, x, second=True, extras={"indices": indices})
    shapes = {"whole": [2, 3, 4], "some lines": [1, 2, 2], "empty": [0, 3, 4]}
    for axis in [0, 1, -1]:
        for case, shape in shapes.items():
            random = Random(f"gather {axis} {case}")
            if case != "empty":
                shape = shape.copy()
                shape[axis] = 5
            indices = random.labels([2, 3, 4][axis], *shape)
            extras = {"indices": indices}
            function = lambda x, indices=indices, axis=axis: x.gather(axis, indices)
            file.case(f"gather({axis})", case, function, random.normal(2, 3, 4), second=True, extras=extras)
            function = lambda x, y, indices=indices, axis=axis: x.scatter_add(axis, indices, y)
            # A larger source is allowed, but its gradient fails in PyTorch.
            inputs = [random.normal(2, 3, 4), random.normal(*shape)]
            file.case(f"scatter_add({axis})", case, function, *inputs, second=True, extras=extras)
    for case, shape in {"vector": [5], "matrix": [2, 3], "one": [], "none": [0, 2]}.items():
        random = Random(f"embedding {case}")
        indices = random.labels(4, *shape)
        function = lambda x, indices=indices: F.embedding(indices, x)
        # PyTorch cannot differentiate the gradient of none.
        second = case != "none"
        file.case("embedding", case, function, random.normal(4, 3), second=second, extras={"indices": indices})
        hot = lambda x, indices=indices: x * F.one_hot(indices, 4).double()
        file.case("one_hot", case, hot, random.normal(4), second=True, extras={"indices": indices})
    order(file)
    return file


def order(file):
    ties = torch.tensor([[2.0, NAN, -1.0, 2.0, INF, NAN, 0.0, -0.0, -INF], [0.0] * 9])
    inputs = {
        "cube": Random("sort").normal(3, 4, 5),
        "long": Random("sort long").normal(2, 100, 2),
        "ties": ties.unsqueeze(-1),
        "empty": torch.zeros(2, 0, 3),
        "no lines": torch.zeros(0, 3, 2),
    }
    for case, x in inputs.items():
        for descending in [False, True]:
            sort = lambda x, descending=descending: x.sort(dim=1, descending=descending, stable=True)
            extras = {"indices": sort(x).indices}
            op = f"sort(1,{str(descending).lower()})"
            file.case(op, case, lambda x: sort(x).values, x, second=True, extras=extras)
    distinct = torch.tensor([[2.0, NAN, -1.0, 3.0, INF, 0.5, -INF]]).unsqueeze(-1)
    inputs = {"cube": Random("topk").normal(3, 4, 5), "long": inputs["long"], "odd": distinct}
    for case, x in inputs.items():
        for largest in [False, True]:
            for k in [0, 1, 3]:
                top = lambda x, k=k, largest=largest: x.topk(k, dim=1, largest=largest, sorted=True)
                extras = {"indices": top(x).indices}
                op = f"top_k({k},1,{str(largest).lower()})"
                file.case(op, case, lambda x: top(x).values, x, second=True, extras=extras)


def creation():
    """Tensors made from a few numbers, which are in `given`."""
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
    for start, end, count in [(0, 1, 5), (-3, 0.1, 8), (2, -5.3, 7), (0.1, 0.7, 2), (4, 5, 1), (4, 5, 0), (1e300, -1e300, 4)]:
        prefix = f"linspace/{count} from {start} to {end}"
        file.put(f"{prefix}/given", torch.tensor([start, end], dtype=torch.float64))
        file.put(f"{prefix}/output", torch.linspace(start, end, count, dtype=torch.float64))
    for size in [0, 1, 4]:
        file.put(f"eye/{size}/output", torch.eye(size))
    return file
