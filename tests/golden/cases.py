"""Functions that make the cases of golden values, for expressions in the registry of operations.

Each returns a list of cases: a name, the operands, whether second derivatives are recorded, and
further arguments of the operation. Draws depend on names, so that a new case changes no other.
"""

import math

from recording import INF, NAN, Random, short, wide  # First: it configures torch.

import torch
import torch.nn.functional as F

# The operation whose cases are being made; rows.py sets it.
OPERATION = ""


def case(name, *inputs, second=True, **extras):
    return [(name, inputs, second, extras)]


def normal(**cases):
    """Makes cases with normally distributed operands, from a list of shapes for each case."""
    drawn = []
    for name, shapes in cases.items():
        random = Random(f"{OPERATION} {name}")
        drawn += case(name.replace("_", " "), *[random.normal(*shape) for shape in shapes])
    return drawn


def spaced():
    """Returns `softmax 0` for the operation `softmax(0)`: the name for its draws."""
    return OPERATION.replace("(", " ").rstrip(")")


# Domains of elementwise functions.


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


# Zeros, ones, values whose square overflows or underflows in float32, infinities, NaN.
EDGES = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.0,
    1e-30,
    -1e-30,
    1e4,
    -1e4,
    1e30,
    -1e30,
    INF,
    -INF,
    NAN,
]
# Extreme values in float64.
F64_EDGES = [
    1e300,
    -1e300,
    1e-300,
    -1e-300,
    1e160,
    -1e160,
    1e-160,
    5e-324,
    709.5,
    -745.0,
    27.0,
    -27.0,
]
TAILS = [-1e-8, -3.0, 3.0, -6.0, 6.0]
KINKS = [-3.0, 3.0, 6.0, 2.5, -2.5, 5.5]
HALVES = [2.0**51 + 0.5, 2.0**51 + 1.5, -(2.0**52) + 0.5, 2.0**50 + 0.5, 0.49999999999999994]
# Arguments whose reduction by multiples of pi needs more digits than two floats have.
LARGE, HUGE = [1e8 + 0.1, 1.0e9, -1.07e9, 3.5e5], [2.0**30, -9.87e8, 1e22]


def elementwise(domain, *points, **special):
    """Makes cases of numbers from a domain and of special points.

    Points given by keyword are a case with that name, with spaces in place of `_`.
    """
    random = Random(OPERATION)
    return (
        case("spread", domain(random, 7, 9))
        + case("scalar", domain(random))
        + case("empty", torch.zeros(0, 3), second=False)
        + case("special", short(torch.tensor([*EDGES, *points])), second=False)
        + case("f64 special", torch.tensor(F64_EDGES), second=False)
        + [
            c
            for name, values in special.items()
            for c in case(name.replace("_", " "), torch.tensor(values), second=False)
        ]
    )


def above_zero(*points):
    """Makes cases of positive numbers and of points."""
    points = short(torch.tensor(points))
    return case("spread", positive(Random(OPERATION), 7, 9)) + case("special", points)


def gelu_by_erfc(x):
    """Computes GELU; PyTorch's `gelu` loses digits below 0."""
    return x * 0.5 * torch.special.erfc(x * -math.sqrt(0.5))


def hard_sigmoid(x):
    """Computes the hard sigmoid; PyTorch rounds its derivative 1/6 to single precision."""
    assert torch.equal(F.hardsigmoid(x.nan_to_num()), hard(x.nan_to_num()))
    return hard(x)


def hard(x):
    return (x + 3.0).clamp(0.0, 6.0) / 6.0


def prelu():
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
    cases = []
    for name, (x, weight) in shapes.items():
        random = Random("prelu " + name)
        cases += case(name, real(random, *x), random.normal(*weight))
    special, weights = short(torch.tensor(EDGES)).repeat(3, 1).T, torch.tensor([0.25, -1.5, 0.0])
    cases += case("special", special, weights, second=False)
    weights = torch.tensor([INF, NAN, -INF])
    return cases + case(
        "special weights", torch.tensor([[-2.0, -0.0, 3.0]] * 2), weights, second=False
    )


# Functions of two tensors.
SHAPES_OF_TWO = {
    "same": ([5, 13], [5, 13]),
    "row": ([4, 7], [7]),
    "column": ([4, 1], [4, 7]),
    "outer": ([5, 1], [1, 6]),
    "scalar": ([3, 4], []),
    "ranks": ([2, 1, 3], [4, 1]),
    "empty": ([0, 3], [3]),
    "empty by one": ([0, 3], [1, 1]),
}


def grid(first, second):
    """Returns all pairs of numbers from two lists."""
    a, b = torch.meshgrid(torch.tensor(first), torch.tensor(second), indexing="ij")
    return a.clone(), b.clone()


def short_grid(first, second):
    return [short(x) for x in grid(first, second)]


def broadcast(random, first, second):
    return [
        case(name, first(random, *a), second(random, *b)) for name, (a, b) in SHAPES_OF_TWO.items()
    ]


def pairs(first, second, **special):
    """Makes cases of operands from two domains and of special points, some of them by name."""
    odd = [0.0, -0.0, 1.0, -1.0, 2.0, -3.0, 0.5, 1e-30, -1e-30, 1e30, INF, -INF, NAN]
    far = [1e200, -1e200, 1e-200, -1e-200, 5e-324, 1.5, 0.0]
    return (
        sum(broadcast(Random(OPERATION), first, second), [])
        + case("special", *short_grid(odd, odd), second=False)
        + case("f64 special", *grid(far, far), second=False)
        + [c for name, operands in special.items() for c in case(name, *operands, second=False)]
    )


def triples(domain):
    """Makes cases of three operands, the last from a domain."""
    shapes = {
        "same": ([5, 7], [5, 7], [5, 7]),
        "row, column": ([4, 7], [7], [4, 1]),
        "scalar": ([4, 1], [1, 6], []),
        "empty": ([0, 3], [3], [1, 1]),
    }
    cases = []
    for name, (a, b, c) in shapes.items():
        random = Random(f"{OPERATION} {name}")
        cases += case(name, real(random, *a), real(random, *b), domain(random, *c))
    odd = torch.tensor([0.0, 1.0, -0.5, 1e-30, INF, -INF, NAN])
    a, b, c = (x.clone() for x in torch.meshgrid(odd, odd, odd, indexing="ij"))
    return cases + case("special", a, b, short(c), second=False)


def doubled(first, second, **_):
    """Makes the case of an operation that takes its one operand twice."""
    random = Random(OPERATION.removesuffix("(x,x)"))
    broadcast(random, first, second)
    return case("same", positive(random, 5, 3))


def integers():
    return nonzero(Random("pow integers"), 4, 5), torch.tensor([-2.0, -1.0, 0.0, 1.0, 3.0])


def ties(number):
    """Returns operands with many equal elements."""
    random = Random("ties")
    return [(random.labels(3, 6, 5).double(), random.labels(3, 5).double()) for _ in range(2)][
        number
    ]


# Shapes.


def cube(**more):
    """Makes the case of a cube, and further cases by name."""
    return case("cube", Random(OPERATION).normal(2, 3, 4)) + [
        c for name, x in more.items() for c in case(name, x, second=False)
    ]


# A product with 0 in place of a selection would show here as NaN.
ODD = torch.tensor([[1.0, INF, NAN], [-INF, -0.0, INF], [NAN, NAN, 2.0]])
EMPTY = torch.zeros(2, 0, 3)


def padded():
    sizes = {"matrix": [2, 3], "no rows": [0, 3], "no columns": [2, 0]}
    return [
        c for name, size in sizes.items() for c in case(name, Random(f"pad {name}").normal(*size))
    ]


def joined():
    sizes = {
        "three": ([2, 3, 4], [2, 1, 4], [2, 2, 4]),
        "one": ([2, 3, 4],),
        "empty among others": ([2, 0, 4], [2, 3, 4], [2, 0, 4]),
        "nothing": ([2, 0, 4], [2, 0, 4]),
    }
    draw = lambda name, sizes: [
        Random(f"cat {name} {i}").normal(*size) for i, size in enumerate(sizes)
    ]
    return [c for name, sizes in sizes.items() for c in case(name, *draw(name, sizes))]


def stacked():
    return case("three", *[Random(f"{spaced()} {i}").normal(3, 4) for i in range(3)])


# Reductions.

REDUCED_SHAPES = {
    "cube": [3, 4, 5],
    # Longer than the blocks that a pairwise sum adds up one by one.
    "long": [2, 1100, 2],
    "empty": [0, 3, 2],
    "empty inside": [2, 0, 3],
}


def reduced():
    cases = []
    for name, shape in REDUCED_SHAPES.items():
        if name != "long":
            cases += case(name, Random(f"reduce {name}").normal(*shape), second=name == "cube")
        elif OPERATION in ["sum", "sum_over(0,1)", "mean_over(keep 1)"]:
            cases += case(name, wide(shape), second=False)
    if "_over" not in OPERATION:
        cases += case("scalar", torch.tensor(1.25))
        cases += case(
            "offset", Random("offset").uniform(1000, low=1e4 - 1, high=1e4 + 1), second=False
        )
        cases += case("infinite", torch.tensor([1.0, INF, -2.0]), second=False)
        cases += case("undefined", torch.tensor([1.0, INF, -INF]), second=False)
    return cases


def prod_over(x, axes, keep):
    """Computes products over one axis after another; PyTorch's `prod` takes one axis."""
    for axis in sorted((axis % x.dim() for axis in axes), reverse=True):
        x = x.prod(dim=axis, keepdim=keep)
    return x


def product():
    x = Random(f"product {OPERATION}").normal(3, 4, 2)
    # Along the last axis, some groups have no zero, others have one or two.
    zeros = x.clone()
    zeros[0, 1, 0] = zeros[1, 2, 0] = zeros[1, 2, 1] = zeros[2, 0, 1] = 0.0
    cases = case("cube", x) + case("zeros", zeros)
    cases += case("empty", torch.zeros(0, 3, 2), second=False)
    cases += case("empty inside", torch.zeros(2, 0, 3), second=False)
    if OPERATION in ["prod", "cumsum(0)", "cumprod(0)"]:
        for name, values in {
            "one zero": [3.0, 0.0, -2.0],
            "two zeros": [3.0, 0.0, -2.0, 0.0],
            "all zeros": [0.0, 0.0, 0.0],
            "one": [-1.5],
            "one, zero": [0.0],
        }.items():
            cases += case(name, torch.tensor(values))
        cases += case(
            "long", short(1 + Random("long").uniform(1200, low=-1e-3, high=1e-3)), second=False
        )
    # PyTorch's derivatives of products divide by elements that are infinite or NaN.
    if OPERATION == "prod":
        cases += case("zero and infinity", torch.tensor([3.0, INF, 0.0, 2.0]), second=False)
        cases += case("scalar", torch.tensor(1.25))
    if OPERATION == "cumsum(0)":
        cases += case("undefined", torch.tensor([3.0, NAN, 2.0]), second=False)
        cases += case("infinite", torch.tensor([1.0, INF, 2.0, -INF, 3.0]), second=False)
    return cases


def extremes():
    cases = case("cube", Random(f"extremes {OPERATION}").normal(3, 4, 5))
    cases += case("ties", Random(f"ties {OPERATION}").labels(3, 3, 4, 5).double())
    cases += case("equal", torch.full((2, 3, 4), 1.5))
    for name, value in {"infinite": INF, "negative infinite": -INF}.items():
        cases += case(name, torch.full((2, 3, 2), value), second=False)
        x = Random(f"{name} {OPERATION}").normal(2, 3, 4)
        x[0, 1] = x[1, :, 2] = value
        cases += case(f"some {name}", x, second=False)
    if OPERATION in ["max_over(0)", "min_over(-1)"]:
        cases += case("empty", torch.zeros(2, 0, 3), second=False)
    if "_over" not in OPERATION:
        cases += case("scalar", torch.tensor(1.25))
        cases += case("undefined", torch.tensor([1.0, NAN, 3.0, -INF, INF]), second=False)
        cases += case("twice undefined", torch.tensor([1.0, NAN, 3.0, NAN, INF]), second=False)
        cases += case("long", wide([3000]), second=False)
    return cases


def numbers():
    """Makes cases with NaN among the elements, but in no group alone unless its sum is 0."""
    x = Random(f"numbers {OPERATION}").normal(3, 4, 5)
    some = x.clone()
    some[0, 1, 2] = some[1, 1, 2] = some[2, 0, 0] = some[2, 0, 3] = NAN
    cases = case("cube", x, second=False) + case("some undefined", some)
    if "mean" not in OPERATION:
        cases += case("undefined", torch.full((2, 3, 2), NAN), second=False)
        cases += case("empty inside", torch.zeros(2, 0, 3), second=False)
    return cases


def growing():
    """Makes cases of exponents of running sums."""
    x = Random(f"growing {OPERATION}").normal(3, 4, 2)
    cases = case("cube", x) + case("empty inside", torch.zeros(2, 0, 3), second=False)
    large = torch.tensor([[710.0, -1e4, 720.0, 1e4, 1e4 - 2, 1.0]] * 2)
    cases += case("large", large, second=False)
    rows = [[-INF, 0.0, 1.0, INF, 2.0], [-INF, -INF, 3.0, 1.0, 2.0], [0.0, 1.0, NAN, 2.0, 3.0]]
    return cases + case("odd", torch.tensor(rows), second=False)


# The levels of quantiles; the registry has the same.
LEVELS = torch.tensor([0.0, 0.1, 0.5, 0.625, 0.875, 1.0])


def over(x, axes, keep, function):
    """Computes a function of the last axis over several axes."""
    axes = sorted(axis % x.dim() for axis in axes)
    kept = [axis for axis in range(x.dim()) if axis not in axes]
    y = function(x.permute(kept + axes).reshape([x.shape[axis] for axis in kept] + [-1]))
    for axis in axes if keep else []:
        y = y.unsqueeze(axis)
    return y


def middles():
    """Makes cases of medians and quantiles, in which at most one element of a group is NaN."""
    x = Random(f"middles {OPERATION}").normal(3, 4, 5)
    undefined = x.clone()
    undefined[1, 2, 3] = NAN
    cases = case("cube", x) + case("undefined", undefined, second=False)
    if "_over" not in OPERATION:
        cases += case("scalar", torch.tensor(1.25))
        cases += case("infinities", torch.tensor([INF, 2.0, -INF, 1.0]), second=False)
        if "quantile" not in OPERATION:
            cases += case("ties", Random(f"ties {OPERATION}").labels(3, 3, 4, 5).double())
            undefined = torch.tensor([NAN, 1.0, NAN, 1.0, 2.0])
            cases += case("twice undefined", undefined, second=False)
            cases += case("all undefined", torch.tensor([NAN, NAN]), second=False)
    return cases


def vector_norm(x, p):
    """Computes the norm; the function for an order of 0 has no gradient."""
    y = torch.linalg.vector_norm(x, p)
    return y + 0 * x.sum() if p == 0 else y


def lengths(p):
    """Makes cases of norms; PyTorch's powers of infinite elements are NaN."""
    cases = case("cube", Random(f"lengths {OPERATION}").normal(3, 4, 5))
    if "_over" not in OPERATION:
        x = Random(f"lengths zeros {OPERATION}").normal(6)
        x[1] = x[4] = 0.0
        cases += case("some zeros", x, second=p >= 3 or p in [0, 1])
        cases += case("zeros", torch.zeros(3), second=False)
        cases += case("one", torch.tensor([-2.5]))
        cases += case("scalar", torch.tensor(1.25))
        if p >= 0 and p != INF:
            cases += case("empty", torch.zeros(0, 3), second=False)
    return cases


def matrices():
    cases = case("cube", Random(f"matrices {OPERATION}").normal(3, 4, 5))
    cases += case("one", torch.tensor([[-2.5]]))
    return cases + case("no matrices", torch.zeros(0, 3, 4), second=False)


def vector_pairs():
    cases = []
    for name, (a, b) in {
        "same": ([4, 5], [4, 5]),
        "row": ([4, 5], [5]),
        "vectors": ([7], [7]),
        "no vectors": ([0, 3], [3]),
    }.items():
        random = Random(f"pairs {name} {OPERATION}")
        cases += case(name, random.normal(*a), random.normal(*b), second="no" not in name)
    equal = Random(f"equal {OPERATION}").normal(3, 4)
    return cases + case("equal", equal, equal.clone(), second=False)


def cdist(x, y, p):
    """Computes distances. PyTorch cannot differentiate most of their gradients."""
    return torch.cdist(x, y, p, compute_mode="donot_use_mm_for_euclid_dist")


def vector_lists():
    cases = []
    for name, (a, b) in {
        "lists": ([5, 3], [4, 3]),
        "stacks": ([2, 1, 5, 3], [3, 4, 3]),
        "wide": ([3, 40], [37, 40]),
        "one": ([1, 1], [1, 1]),
        "no vectors": ([0, 3], [2, 3]),
    }.items():
        random = Random(f"lists {name} {OPERATION}")
        cases += case(name, random.normal(*a), random.normal(*b), second=False)
    random = Random(f"equal {OPERATION}")
    x, y = random.normal(3, 4), random.normal(2, 4)
    return cases + case("equal", x, torch.cat([x[1:], y]), second=False)


def repeated(empty=True):
    """Makes cases of elements that repeat, and of others."""
    random = Random("repeated")
    x = random.labels(7, 4, 9).double() / 2 - 1
    cases = case("repeated", x, second=False) + case("spread", random.normal(40), second=False)
    cases += case("equal", torch.full((3,), 0.125), second=False)
    return cases + (case("empty", torch.zeros(0, 3), second=False) if empty else [])


def repeated_slices():
    """Makes cases of slices that repeat along each axis, and of others."""
    random = Random("repeated slices")
    x = random.labels(2, 9, 3).double()
    cases = case("rows", x, second=False) + case("columns", x.T.contiguous(), second=False)
    cases += case("cube", random.labels(2, 4, 2, 5).double(), second=False)
    return cases + case("spread", random.normal(5, 4), second=False)


def weights():
    """Makes cases of elements that repeat with a weight each, and of others."""
    random = Random("weights")
    x = random.labels(7, 4, 9).double() / 2 - 1
    cases = case("repeated", x, random.normal(4, 9) + 2)
    return cases + case("spread", random.normal(40), random.normal(40) + 2)


def distinct_slices(x, dim):
    values, inverse, counts = torch.unique(
        x.detach(), dim=dim, return_inverse=True, return_counts=True
    )
    return torch.cat([values.flatten(), inverse.double(), counts.double()]) * x.sum()


def weighted_histogram(x, y, bins, density=False, **options):
    """Computes PyTorch's sums of weights, which it does not differentiate, from a table of all
    elements and bins."""
    options |= {"weight": y.detach(), "density": density}
    expected, edges = torch.histogram(x.detach(), bins, **options)
    x, y, last = x.flatten(), y.flatten(), torch.arange(bins).unsqueeze(1) == bins - 1
    low, high = edges[:-1].unsqueeze(1), edges[1:].unsqueeze(1)
    sums = ((x >= low) & ((x < high) | (last & (x == high)))).double() @ y
    if density:
        sums = sums / sums.sum() / edges.diff()
    assert torch.allclose(sums, expected, rtol=1e-12, atol=1e-14)
    return torch.cat([sums, edges]) * x.sum()


def distinct_values(x):
    values, inverse, counts = torch.unique(x.detach(), return_inverse=True, return_counts=True)
    return torch.cat([values, inverse.flatten().double(), counts.double()]) * x.sum()


def histogram(x, bins, **options):
    counts, edges = torch.histogram(x.detach(), bins, **options)
    return torch.cat([counts, edges]) * x.sum()


def frequent(function):
    """Makes cases of modes. Lines are so short that PyTorch's sort is stable."""
    inputs = {
        "cube": Random("mode").normal(3, 4, 5),
        "ties": Random("mode ties").labels(4, 3, 9, 5).double(),
        "zeros": torch.tensor([[1.0, 0.0, -0.0, 1.0, 0.0]]).unsqueeze(-1),
    }
    return [c for name, x in inputs.items() for c in case(name, x, indices=function(x).indices)]


def statistics():
    spread = OPERATION.startswith(("var", "std"))
    few = "keep" in OPERATION or spread and "- 0" in OPERATION
    cases = case("cube", Random(f"statistics {OPERATION}").normal(3, 4, 5), second=not few)
    if not few and "LInf" not in OPERATION:
        cases += case("empty inside", torch.zeros(2, 0, 3), second=False)
    if "_over" not in OPERATION:
        for name, x in {
            "offset": Random("far").uniform(1000, low=1e4 - 1, high=1e4 + 1),
            "large": Random("large").normal(50, scale=1e4),
            "infinite": torch.tensor([1.0, INF, -2.0]),
            "negative infinite": torch.tensor([1.0, -INF, -2.0]),
            "infinities": torch.tensor([1.0, INF, -INF]),
            "all infinite": torch.tensor([-INF, -INF]),
            "undefined": torch.tensor([1.0, NAN, 3.0]),
            "one": torch.tensor([-1.5]),
            "scalar": torch.tensor(-1.5),
        }.items():
            cases += case(name, x, second=False)
    if OPERATION in ["var", "std", "var_over(1) - 0", "std_over(1) - 0"]:
        cases += case("constant", torch.tensor([[1.5, 1.5], [1.5, 1.5]]), second=False)
        cases += case("one each", torch.tensor([[1.5], [2.5]]), second=False)
    if OPERATION.startswith("norm") and OPERATION.endswith("_over(1)"):
        # PyTorch's second derivative of the Euclidean norm is NaN at 0.
        cases += case("zeros", torch.tensor([[0.0, 0.0], [0.0, -2.0]]), second=False)
        cases += case("ties", torch.tensor([[3.0, -3.0, 1.0], [0.0, 2.0, 2.0]]))
    if OPERATION in ["norm L1", "norm L2", "norm LInf"]:
        # The squares overflow or underflow in float32, in PyTorch too.
        cases += case("f64 large", torch.tensor([3e30, -4e30]), second=False)
        cases += case("f64 small", torch.tensor([3e-30, -4e-30]), second=False)
    if OPERATION == "logsumexp_over(1)":
        rows = torch.tensor([[1.0, 2.0, -INF], [1e4, 1e4, 0.0], [-1e4, -1e4 + 1, -2e4]])
        infinite = torch.tensor(
            [[1.0, 2.0, -INF], [-INF, -INF, -INF], [1.0, INF, -INF], [INF, INF, 0.0]]
        )
        cases += case("rows", rows, second=False) + case("infinite rows", infinite, second=False)
    return cases


# Products.


def matmul():
    cases = []
    for name, (a, b) in {
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
    }.items():
        random = Random(f"matmul {name}")
        cases += case(name, random.normal(*a), random.normal(*b), second=name != "blocks")
    return cases


def linear(operands=3):
    cases = []
    for name, shape in {
        "samples": [6, 4],
        "axes": [2, 3, 4],
        "vector": [4],
        "one sample": [1, 4],
        "no samples": [0, 4],
        "blocks": [21, 33],
    }.items():
        random = Random(f"linear {name}")
        drawn = random.normal(*shape), random.normal(5, shape[-1]), random.normal(5)
        cases += case(name, *drawn[:operands], second=name != "blocks")
    return cases


def dot(operands=2):
    cases = []
    for name, length in {"vectors": 7, "one": 1, "empty": 0, "long": 1500}.items():
        random = Random(f"dot {name}")
        drawn = random.normal(length), random.normal(length)
        if operands == 2 or name != "long":
            cases += case(name, *drawn[:operands], second=name != "long")
    return cases


def outer():
    cases = []
    for name, (m, n) in {
        "vectors": (3, 4),
        "one": (1, 1),
        "empty": (0, 3),
        "empty second": (2, 0),
    }.items():
        random = Random(f"outer {name}")
        cases += case(name, random.normal(m), random.normal(n))
    return cases


def addmm():
    cases = []
    for name, (bias, m, k, n) in {
        "matrix": ([3, 5], 3, 4, 5),
        "row": ([5], 3, 4, 5),
        "column": ([3, 1], 3, 4, 5),
        "scalar": ([], 3, 4, 5),
        "one": ([1, 1], 3, 4, 5),
        "inner empty": ([2, 3], 2, 0, 3),
        "outer empty": ([0, 2], 0, 3, 2),
        "blocks": ([19, 23], 19, 37, 23),
    }.items():
        random = Random(f"addmm {name}")
        drawn = random.normal(*bias), random.normal(m, k), random.normal(k, n)
        cases += case(name, *drawn, second=name != "blocks")
    return cases


def einsum(*shapes):
    random = Random(OPERATION.replace("(", " ", 1).removesuffix(")"))
    return case("normal", *[random.normal(*shape) for shape in shapes])


# Softmax and normalizations.


def along():
    """Makes cases for functions along an axis of a cube."""
    random = Random(spaced())
    cases = case("cube", random.normal(3, 4, 5, scale=2.0))
    cases += case("large", random.uniform(2, 3, 4, low=-1e4, high=1e4))
    return cases + case("large and close", random.uniform(2, 3, 4, low=1e4 - 2, high=1e4 + 2))


def lines():
    """Makes cases for functions along the last axis."""
    random = Random(OPERATION.split("(")[0])
    rows = [
        [0.0, -INF, 1.0],
        [-INF, -INF, 2.0],
        [-INF, -INF, -INF],
        [0.0, INF, 1.0],
        [0.0, NAN, 1.0],
    ]
    return (
        case("long", wide([2, 1200]), second=False)
        + case("vector", random.normal(17))
        + case("one class", random.normal(3, 1))
        + case("empty", torch.zeros(0, 3), second=False)
        + case("no classes", torch.zeros(3, 0), second=False)
        + case("infinite", torch.tensor(rows), second=False)
    )


def chosen(names, gamma, beta):
    return [{"gamma": gamma, "beta": beta}[name] for name in names]


def channels(*names, few=False, held=False):
    """Makes cases of batch normalization, with gamma and beta if they are named.

    The statistics are those of the input, or given ones if they are `held`.
    """
    inputs = {
        "samples": Random("bn 2").normal(6, 5, scale=2.0, shift=0.5),
        "lengths": Random("bn 3").normal(4, 3, 5, scale=2.0, shift=0.5),
        "images": Random("bn 4").normal(2, 3, 4, 2),
        "two values": Random("bn two").normal(2, 4),
        "one sample": Random("bn one").normal(1, 3, 7),
        "offset": Random("bn offset").uniform(256, 2, low=1e4 - 1, high=1e4 + 1),
        "constant": torch.tensor([0.3, -1e3, 7.0]).repeat(6, 1).float().double(),
    }
    cases = []
    for name, x in inputs.items():
        count, axes = x.shape[1], [axis for axis in range(x.dim()) if axis != 1]
        random = Random(f"coefficients {name}")
        gamma, beta = random.normal(count, shift=1.0), random.normal(count)
        mean, variance = random.normal(count), random.uniform(count, low=0.1, high=4.0)
        if name == "offset":
            mean = short(mean + 1e4)
        found = {
            "statistics.mean": x.mean(dim=axes),
            "statistics.variance": x.var(dim=axes, unbiased=False),
        }
        extras = {"given.mean": mean, "given.variance": variance} if held else found
        if not few or name in ["samples", "lengths"]:
            second = name not in ["offset", "constant"]
            cases += case(name, x, *chosen(names, gamma, beta), second=second, **extras)
    return cases


INFINITE_ROWS = [[0.0, INF, 1.0], [0.5, 0.25, -INF], [0.0, NAN, 1.0], [1.0, 2.0, 4.0]]


def rows(over, *names, few=False):
    """Makes cases of layer normalization over `over` axes, with gamma and beta if named."""
    inputs = {
        "samples": (1, Random("ln 2").normal(6, 5, scale=2.0, shift=0.5)),
        "words": (1, Random("ln 3").normal(2, 3, 7)),
        "images": (2, Random("ln 4").normal(3, 2, 4, 5, scale=2.0)),
        "cubes": (3, Random("ln cubes").normal(2, 3, 2, 2)),
        "vector": (1, Random("ln vector").normal(9)),
        "long": (1, Random("ln long").normal(3, 1200)),
        "offset": (1, Random("ln offset").uniform(4, 256, low=1e4 - 1, high=1e4 + 1)),
        "constant": (1, torch.tensor([[0.3] * 6, [-1e3] * 6, [7.0] * 6]).float().double()),
        "one element": (1, Random("ln one").normal(4, 1)),
        "no rows": (1, torch.zeros(0, 3)),
        "empty rows": (1, torch.zeros(3, 0)),
        "infinite": (1, torch.tensor(INFINITE_ROWS)),
    }
    cases = []
    for name, (axes, x) in inputs.items():
        shape = list(x.shape[x.dim() - axes :])
        random = Random(f"ln coefficients {name}")
        gamma, beta = random.normal(*shape, shift=1.0), random.normal(*shape)
        second = name not in ["offset", "constant", "infinite", "long", "no rows", "empty rows"]
        if axes == over and (not few or name in ["samples", "images"]):
            cases += case(name, x, *chosen(names, gamma, beta), second=second)
    return cases


def scaled_rows(over, *names):
    """Makes cases of RMS normalization over `over` axes, with gamma if it is named."""
    inputs = {
        "samples": (1, Random("rms 2").normal(6, 5, scale=2.0, shift=0.5)),
        "words": (1, Random("rms 3").normal(2, 3, 7)),
        "images": (2, Random("rms 4").normal(3, 2, 4, 5, scale=2.0)),
        "vector": (1, Random("rms vector").normal(9)),
        "long": (1, Random("rms long").normal(3, 1200)),
        "one element": (1, Random("rms one").normal(4, 1)),
        "no rows": (1, torch.zeros(0, 3)),
        "infinite": (1, torch.tensor(INFINITE_ROWS)),
    }
    cases = []
    for name, (axes, x) in inputs.items():
        gamma = Random(f"rms coefficients {name}").normal(*x.shape[x.dim() - axes :], shift=1.0)
        if axes == over:
            second = name not in ["infinite", "long", "no rows"]
            cases += case(name, x, *chosen(names, gamma, None), second=second)
    return cases


def groups(count, *names):
    """Makes cases of group normalization with `count` groups of 6 channels, with gamma and beta if
    named."""
    inputs = {
        "lengths": Random("gn 3").normal(4, 6, 5, scale=2.0, shift=0.5),
        "images": Random("gn 4").normal(2, 6, 3, 4),
        "volumes": Random("gn 5").normal(2, 6, 2, 2, 3),
        "offset": Random("gn offset").uniform(2, 6, 64, low=1e4 - 1, high=1e4 + 1),
        "constant": torch.tensor([0.3, -1e3]).reshape(2, 1, 1).expand(2, 6, 7).float().double(),
    }
    if count < 6:
        inputs["samples"] = Random("gn 2").normal(5, 6, scale=2.0, shift=0.5)
    cases = []
    for name, x in inputs.items():
        random = Random(f"gn coefficients {name}")
        gamma, beta = random.normal(6, shift=1.0), random.normal(6)
        second = name not in ["offset", "constant"]
        cases += case(name, x, *chosen(names, gamma, beta), second=second)
    return cases


# Pooling: images of one to three spatial axes.

LENGTHS = {1: [9], 2: [7, 6], 3: [5, 4, 6]}


def images(dimensions):
    random = Random(f"{OPERATION} images")
    return case("images", random.normal(2, 3, *LENGTHS[dimensions])) + case(
        "one", random.normal(1, 1, *LENGTHS[dimensions])
    )


def wide_images(dimensions):
    """Makes a case of rows that are longer than a vector register."""
    shape = [1, 2, *LENGTHS[dimensions][:-1], 37]
    return case("wide", Random(f"{OPERATION} wide").normal(*shape), second=False)


def odd_images(dimensions):
    """Makes cases of images with equal elements, and with infinite ones and NaN."""
    random, shape = Random(f"{OPERATION} odd"), [2, 3, *LENGTHS[dimensions]]
    odd = torch.tensor([1.0, INF, NAN, -INF, -INF, 0.5, -2.0])[random.labels(7, *shape)]
    return case("ties", random.labels(3, *shape).double()) + case("odd", odd, second=False)


def placed_images(dimensions, function):
    """Makes cases of images and the places of the maxima that `function` returns."""
    cases = images(dimensions) + odd_images(dimensions)
    return [
        (name, inputs, second, {"indices": function(*inputs)[1]})
        for name, inputs, second, _ in cases
    ]


def max_unpool(x, indices, size, lengths):
    """Puts maxima back at their places; PyTorch's functions for it refuse to run if all algorithms
    must be deterministic."""
    torch.use_deterministic_algorithms(False)
    theirs = {3: F.max_unpool1d, 4: F.max_unpool2d, 5: F.max_unpool3d}[x.dim()]
    expected = theirs(x, indices, size, output_size=lengths).detach()
    torch.use_deterministic_algorithms(True)
    zeros = torch.zeros(*x.shape[:2], math.prod(lengths))
    ours = zeros.scatter(2, indices.flatten(2), x.flatten(2)).unflatten(2, lengths)
    assert torch.equal(ours, expected)
    return ours


def pooled(dimensions, function):
    """Makes a case of maxima and their places."""
    x = Random(f"{OPERATION} pooled").normal(2, 3, *LENGTHS[dimensions])
    maxima, indices = function(x)
    return case("maxima", Random(OPERATION).normal(*maxima.shape), indices=indices)


# Indexing: `indices` are an argument of the operation, or the expected positions of sorting.


def selections():
    cases = []
    for name, indices in [("repeated", [1, 0, 1, 1]), ("one", [0]), ("none", [])]:
        x = Random(f"{spaced()} {name}").normal(2, 3, 4)
        cases += case(name, x, indices=torch.tensor(indices, dtype=torch.int64))
    return cases


def places(axis, scattered=False):
    cases = []
    for name, shape in {"whole": [2, 3, 4], "some lines": [1, 2, 2], "empty": [0, 3, 4]}.items():
        random = Random(f"gather {axis} {name}")
        if name != "empty":
            shape[axis] = 5
        indices = random.labels([2, 3, 4][axis], *shape)
        gathered = [random.normal(2, 3, 4)]
        # A larger source is allowed, but its gradient fails in PyTorch.
        added = [random.normal(2, 3, 4), random.normal(*shape)]
        cases += case(name, *(added if scattered else gathered), indices=indices)
    return cases


def zeros():
    """Makes a case of products with zeros, which PyTorch cannot differentiate twice."""
    random = Random("scatter zeros")
    x, y, indices = random.normal(2, 4), random.normal(2, 9), random.labels(4, 2, 9)
    x[0, 1] = y[0, ::4] = y[1, 3] = y[1, 5] = 0.0
    return case("zeros", x, y, second=False, indices=indices)


def tied():
    """Makes a case of equal elements."""
    random = Random("scatter ties")
    x, y, indices = random.labels(3, 2, 4), random.labels(3, 2, 9), random.labels(4, 2, 9)
    return case("ties", x.double(), y.double(), second=False, indices=indices)


def distinct(axis):
    """Makes cases of places that are different along each line of an axis."""
    cases = []
    for name, shape in {"whole": [2, 3, 4], "some lines": [1, 2, 2], "none": [2, 3, 4]}.items():
        random = Random(f"scatter {axis} {name}")
        lines = [slice(length) for length in shape]
        lines[axis] = slice({"whole": [2, 3, 4][axis], "some lines": 1, "none": 0}[name])
        indices = random.normal(*[2, 3, 4]).argsort(axis)[tuple(lines)]
        cases += case(name, random.normal(2, 3, 4), random.normal(*indices.shape), indices=indices)
    return cases


def slices(axis, distinct=False):
    """Makes cases of slices for indices into an axis of the lengths 2, 3 and 4."""
    cases = []
    lists = {"repeated": [1, 0, 1, 1, 0], "one": [1], "none": [], "two": [1, 0], "in order": [0, 1]}
    if distinct:
        del lists["repeated"]
    for name, indices in lists.items():
        random, shape = Random(f"{spaced()} {name}"), [2, 3, 4]
        x = random.normal(*shape)
        shape[axis] = len(indices)
        indices = torch.tensor(indices, dtype=torch.int64)
        cases += case(name, x, random.normal(*shape), indices=indices)
    return cases


def put(*shapes):
    """Makes the cases of a tensor and what is put into it, from the shapes of these."""
    whole, *parts = shapes
    cases = []
    for part in parts:
        random = Random(f"{OPERATION} {part}")
        cases += case(" by ".join(map(str, part)), random.normal(*whole), random.normal(*part))
    return cases


def searched(right, rows=True):
    """Makes cases of sorted sequences, values, and the places of the values."""
    random, cases = Random("searched"), []
    sequences = {"vector": random.labels(9, 7), "one": random.labels(9, 1), "none": torch.zeros(0)}
    if rows:
        sequences["rows"] = random.labels(9, 2, 3, 5)
    for name, x in sequences.items():
        x = x.double().sort(-1).values
        y = random.labels(11, *(x.shape[:-1] if x.dim() > 1 else [2]), 6).double() - 1
        y.view(-1)[:3] = torch.tensor([INF, -INF, 0.5])
        if x.dim() == 1:
            y[1, 0] = NAN
        cases += case(name, x, y, indices=torch.searchsorted(x, y, right=right))
    scalar = torch.tensor(2.0)
    x = torch.tensor([-INF, 2.0, 2.0, INF])
    return cases + case("scalar", x, scalar, indices=torch.searchsorted(x, scalar, right=right))


def words(hot=False):
    cases = []
    for name, shape in {"vector": [5], "matrix": [2, 3], "one": [], "none": [0, 2]}.items():
        random = Random(f"embedding {name}")
        indices = random.labels(4, *shape)
        table, row = random.normal(4, 3), random.normal(4)
        # PyTorch cannot differentiate the gradient if there are no indices.
        cases += case(name, row if hot else table, second=hot or name != "none", indices=indices)
    return cases


def ordered(function):
    """Makes cases of sorting; `function` returns the positions too."""
    odd = torch.tensor([[2.0, NAN, -1.0, 2.0, INF, NAN, 0.0, -0.0, -INF], [0.0] * 9])
    inputs = {
        "cube": Random("sort").normal(3, 4, 5),
        "long": Random("sort long").normal(2, 100, 2),
        "ties": odd.unsqueeze(-1),
        "empty": torch.zeros(2, 0, 3),
        "no lines": torch.zeros(0, 3, 2),
    }
    return [c for name, x in inputs.items() for c in case(name, x, indices=function(x).indices)]


def top(function):
    distinct = torch.tensor([[2.0, NAN, -1.0, 3.0, INF, 0.5, -INF]]).unsqueeze(-1)
    inputs = {
        "cube": Random("topk").normal(3, 4, 5),
        "long": Random("sort long").normal(2, 100, 2),
        "odd": distinct,
    }
    return [c for name, x in inputs.items() for c in case(name, x, indices=function(x).indices)]


# Losses.


def with_reduction(function, x, *others, reduction="mean", **options):
    """Computes a loss with any reduction; `batchmean` exists for one loss only in PyTorch."""
    if reduction == "batchmean":
        return function(x, *others, reduction="sum", **options) / (x.shape[0] if x.dim() else 1)
    return function(x, *others, reduction=reduction, **options)


def labelled():
    """Makes cases of cross-entropy without options."""
    logits = {
        "samples": Random("cross entropy").normal(7, 5, scale=2.0),
        "large": Random("cross entropy large").uniform(6, 4, low=-1e4, high=1e4),
        "large and close": Random("cross entropy close").uniform(6, 4, low=1e4 - 2, high=1e4 + 2),
        "one class": Random("cross entropy one").normal(3, 1),
        "one sample": Random("cross entropy sample").normal(1, 4),
    }
    cases = []
    for name, x in logits.items():
        cases += case(name, x, indices=Random(f"labels {name}").labels(x.shape[1], x.shape[0]))
    for name, x, labels in [
        ("infinite", [[0.0, -INF, 1.0], [0.5, 0.25, -INF]], [0, 1]),
        ("impossible label", [[0.0, -INF, 1.0], [0.5, 0.25, 1.0]], [1, 1]),
        ("infinite logit", [[0.0, INF, 1.0], [0.5, 0.25, 1.0]], [1, 1]),
        ("undefined logit", [[0.0, 1.0, NAN], [0.5, 0.25, 1.0]], [1, 1]),
    ]:
        cases += case(name, torch.tensor(x), second=False, indices=torch.tensor(labels))
    return cases


def classified(*names, ignored=None):
    """Makes cases of losses over classes, for the options in the operation's name.

    The inputs are logits or log-probabilities, the targets labels or probabilities.
    """
    operation, _, _ = OPERATION.partition("(")
    options = OPERATION.removeprefix(operation).removesuffix(" of probabilities")
    probable, options = ("of probabilities" in OPERATION), options if "(" in options else ""
    inputs = {
        "samples": Random("classified").normal(8, 5, scale=2.0),
        "sequences": Random("classified sequences").normal(4, 3, 5, scale=2.0),
        "images": Random("classified images").normal(3, 2, 3, 5, scale=2.0),
        "large": Random("classified large").uniform(6, 5, low=-1e4, high=1e4),
    }
    weights = (
        {"given.weight": short(torch.tensor([0.5, 2.0, 1.0, 0.3, 3.0]))}
        if "weights" in options
        else {}
    )
    cases = []
    for name in names or inputs:
        x = inputs[name]
        if probable:
            drawn = Random(f"classified target {options} {name}").normal(*x.shape)
            cases += case(name, x, short(F.softmax(drawn, -1)), **weights)
            continue
        labels = Random(f"classified labels {options} {name}").labels(5, *x.shape[:-1])
        labels[0], labels[-1] = 3, 3
        if ignored == 255:
            labels[1] = 255
        if operation == "nll_loss":
            x = short(x if name == "large" else F.log_softmax(x, -1))
        cases += case(name, x, indices=labels, **weights)
        if ignored is not None and name == "samples":
            labels = torch.full_like(labels, ignored)
            cases += case("samples all ignored", x, second=False, indices=labels, **weights)
    return cases


def classes_second(x):
    """PyTorch's layout of classes, from that in which they are the last axis."""
    return x.movedim(-1, 1).contiguous()


def few_classes(probable=False):
    cases = []
    for name, shape in {"one class": [3, 1], "no samples": [0, 3]}.items():
        if name == "no samples" and "(" not in OPERATION:
            continue  # The mean of no losses is an error.
        x = Random(name).normal(*shape)
        if probable:
            cases += case(name, x, Random(name + " target").uniform(*shape), second=False)
        else:
            cases += case(name, x, second=False, indices=torch.zeros(shape[0], dtype=torch.int64))
    return cases


INFINITE_LOGITS = torch.tensor([[0.0, -INF, 1.0], [0.5, 0.25, INF], [0.0, 1.0, NAN]])
PROBABILITIES = torch.tensor([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e-30, 1e4, -1e4, 1e30, INF, -INF, NAN]


def compared(targets=SPECIAL, kinks=False):
    """Makes cases of an elementwise loss; without a reduction also special points."""
    operation, reduction = OPERATION.rsplit(" ", 1)
    cases = []
    for name, shape in {"spread": [6, 5], "scalar": [], "one": [1, 3], "empty": [0, 3]}.items():
        if name == "empty" and "mean" in reduction:
            continue  # An error.
        random = Random(f"{OPERATION} {name}")
        x, t = random.normal(*shape, scale=2.0), random.normal(*shape)
        if operation == "bce_with_logits":
            t = random.uniform(*shape)
        if operation == "kl_div":
            x, t = -short(x.abs() + 0.1), random.uniform(*shape, low=0.01)
        cases += case(name, x, t, second=name != "empty")
    if reduction == "none":
        cases += case("special", *short_grid(SPECIAL, targets), second=False)
        if kinks:
            # The ends of the quadratic part, and equal operands.
            cases += case("kinks", torch.tensor([1.0, -1.0, 0.25, -0.25, 0.0]), torch.zeros(5))
    return cases


def weighted(*names):
    """Makes cases of binary cross-entropy with the weights of these names."""
    weights = {
        "row": Random("bce row").uniform(5, low=0.2, high=4.0),
        "column": Random("bce column").uniform(6, 1, low=0.2, high=4.0),
        "all": Random("bce all").uniform(6, 5, low=0.2, high=4.0),
        "scalar": torch.tensor(2.5),
    }
    cases = []
    for name, weight in weights.items():
        random = Random(f"bce weights {name}")
        x, t = random.normal(6, 5, scale=2.0), random.uniform(6, 5)
        x[0, 0] = 0.0
        given = [weight, random.uniform(6, 5, low=0.2, high=4.0)]
        cases += case(name, x, t, **dict(zip(names, given)))
    return cases


def weighted_special():
    x, t = short_grid([0.0, 1.0, -1.0, 30.0, -30.0, 1e4, -1e4], [0.0, 1.0, 0.25])
    extras = {"given.positive": torch.tensor(2.5), "given.weight": torch.tensor(0.5)}
    return case("special", x, t, second=False, **extras)


def share(random, *shape):
    return random.uniform(*shape, low=0.01, high=0.99)


def reduced_shapes(rows=False):
    """Returns the shapes for a loss with the reduction in its name; `rows` need an axis."""
    shapes = {"spread": [6, 5], "scalar": [], "one": [1, 3], "empty": [0, 3]}
    if rows:
        # PyTorch's loss of no rows is NaN.
        del shapes["scalar"], shapes["empty"]
    if "mean" in OPERATION.rsplit(" ", 1)[1]:
        shapes.pop("empty", None)  # An error.
    return shapes


def inside(first, second, rows=False, special=None):
    """Makes cases of a loss of two operands from two domains."""
    cases = []
    for name, shape in reduced_shapes(rows).items():
        random = Random(f"{OPERATION} {name}")
        x, t = first(random, *shape), second(random, *shape)
        cases += case(name, x, t, second=name != "empty")
    if special and OPERATION.endswith("none"):
        cases += case("special", *short_grid(*special), second=False)
    return cases


def signs(random, *shape):
    return random.normal(*shape).sign()


def signed(operands, rows=False, kinks=False):
    """Makes cases of a loss whose target is 1 or -1."""
    cases = []
    for name, shape in reduced_shapes(rows).items():
        random = Random(f"{OPERATION} {name}")
        xs = [real(random, *shape) for _ in range(operands)]
        target = {"given.weight": signs(random, *shape)}
        # PyTorch has no second derivative of the loss for rows.
        cases += case(name, *xs, second=name != "empty" and not rows, **target)
    if kinks and OPERATION.endswith("none"):
        xs, t = grid([1.0, 0.5, 2.0, INF, -INF, NAN], [1.0, -1.0])
        xs = [xs] + [torch.ones_like(xs)] * (operands - 1)
        cases += case("kinks", *xs, second=False, **{"given.weight": t})
    return cases


def signed_vectors():
    random = Random(OPERATION)
    weight = {"given.weight": torch.tensor([1.0, -1.0, 1.0, -1.0, -1.0])}
    return case("vectors", random.normal(5, 4), random.normal(5, 4), **weight)


def triplets():
    cases = []
    for name, shape in {"rows": [6, 5], "one": [1, 3]}.items():
        random = Random(f"{OPERATION} {name}")
        cases += case(name, *[random.normal(*shape) for _ in range(3)])
    return cases


def scored(kinks=False, weighted=False):
    """Makes cases of scores of classes with labels."""
    random = Random(OPERATION)
    weight = {"given.weight": short(torch.tensor([0.5, 2.0, 1.0, 0.3, 3.0]))} if weighted else {}
    labels = random.labels(5, 7)
    # PyTorch has no second derivative.
    cases = case("samples", real(random, 7, 5), second=False, indices=labels, **weight)
    if kinks:
        x = torch.tensor([[1.0, 0.0, 0.0, 2.0, -1.0], [0.0, 1.0, 0.0, 3.0, 0.5]])
        cases += case("kinks", x, second=False, indices=torch.tensor([0, 1]))
    return cases


def multilabel_margin_loss(x, applies, reduction):
    """Computes the loss of PyTorch for a target of 1 where a class applies and -1 elsewhere."""
    target = torch.full(x.shape, -1, dtype=torch.long)
    for row, given in zip(target, applies):
        labels = (given > 0).nonzero()[:, 0]
        row[: len(labels)] = labels
    return F.multilabel_margin_loss(x, target, reduction=reduction)


def sequences():
    """Makes cases of logits (batch, time, classes) with labels, and pairs of their lengths."""
    random = Random(OPERATION)
    x, labels = random.normal(4, 7, 5, scale=2.0), random.labels(4, 4, 3) + 1
    labels[0] = 2  # Equal labels need a blank between them.
    # The last sequence has no labels.
    lengths = torch.tensor([[7.0, 3.0], [5.0, 2.0], [3.0, 3.0], [6.0, 0.0]])
    labels[2] = torch.tensor([1, 3, 2])
    cases = case("batch", x, second=False, indices=labels, **{"given.weight": lengths})
    if "zero" in OPERATION:
        # One step is missing.
        lengths = torch.tensor([[4.0, 3.0], [5.0, 2.0], [2.0, 3.0], [6.0, 0.0]])
        extras = {"indices": labels, "given.weight": lengths}
        cases += case("without an alignment", x, second=False, **extras)
    return cases


def ctc(x, labels, lengths, blank=0, **options):
    """Computes the loss of logits (batch, time, classes)."""
    if blank:
        labels = labels - 1
    steps, counts = lengths.long().T
    x = F.log_softmax(x, -1).transpose(0, 1)
    return F.ctc_loss(x, labels, steps, counts, blank=blank, **options)


def weighted_shares():
    random = Random(OPERATION)
    x, t = share(random, 6, 5), share(random, 6, 5)
    return case("row", x, t, **{"given.weight": random.uniform(5, low=0.2, high=4.0)})


def variances():
    """Makes cases of means, targets and variances, some of them below epsilon."""
    cases = []
    for name, shape in reduced_shapes().items():
        random = Random(f"{OPERATION} {name}")
        x, t, v = real(random, *shape), real(random, *shape), positive(random, *shape)
        cases += case(name, x, t, v + 0.5, second=name != "empty")
    random = Random(f"{OPERATION} row")
    cases += case("one for a row", real(random, 6, 5), real(random, 6, 5), positive(random, 6, 1))
    if OPERATION.endswith("none"):
        v = torch.tensor([0.0, 1e-30, 0.25, 2.0])
        cases += case("small", torch.ones(4), torch.ones(4) * 1.5, short(v), second=False)
    return cases


def focal_loss(x, z, alpha=0.25, gamma=2.0, reduction="mean"):
    """Computes the focal loss. Torchvision's subtracts from 1. A negative alpha has no effect."""
    missed = z * torch.sigmoid(-x) + (1 - z) * torch.sigmoid(x)
    loss = F.binary_cross_entropy_with_logits(x, z, reduction="none") * missed**gamma
    if alpha >= 0:
        loss = (alpha * z + (1 - alpha) * (1 - z)) * loss
    return {"mean": torch.mean, "sum": torch.sum, "none": lambda loss: loss}[reduction](loss)


def cosines(axis):
    cases = []
    for name, (a, b) in {
        "same": ([4, 5], [4, 5]),
        "row": ([4, 5], [5]),
        "stacks": ([2, 1, 5], [3, 5]),
        "vectors": ([7], [7]),
        "one": ([3, 1], [3, 1]),
        "no vectors": ([0, 3], [3]),
        "no elements": ([3, 0], [3, 0]),
    }.items():
        random = Random(f"cosine {name} {axis}")
        cases += case(name, random.normal(*a), random.normal(*b), second="no" not in name)
    return cases


ANGLES = (
    torch.tensor([[0.0, 0.0], [1.0, 2.0], [0.0, 0.0], [INF, 1.0], [NAN, 1.0], [3.0, 4.0]]),
    torch.tensor([[1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [1.0, 1.0], [1.0, 1.0], [-3.0, -4.0]]),
)


def net(number):
    """Makes the case of one of three small nets, whose operands are drawn in sequence."""
    random, labels = Random("net"), Random("net labels").labels(3, 6)
    deep = [random.normal(*shape) for shape in ([6, 4], [5, 4], [5], [3, 5], [3])]
    weight = random.normal(3, 4)
    affine = [random.normal(6, 4), weight, random.normal(3)]
    normalized = [random.normal(6, 4), weight, random.normal(3), random.normal(3)]
    return case("net", *[deep, affine, normalized][number], indices=labels)


# Attention.

HEADS = [(2, 3, 5, 4), (2, 3, 7, 4), (2, 3, 7, 3)]
ONE = [(1, 1, 1, 1)] * 3
WIDE = [(2, 3, 20), (2, 4, 20), (2, 4, 17)]
MANY = [(1, 50, 3), (1, 67, 3), (1, 67, 2)]
PLANE = [(3, 2), (4, 2), (4, 5)]
MORE_KEYS = [(2, 3, 4), (2, 6, 4), (2, 6, 4)]
GROUPS = [(2, 4, 5, 3), (2, 2, 6, 3), (2, 2, 6, 3)]
ONE_KEY_HEAD = [(2, 3, 4, 2), (2, 1, 5, 2), (2, 1, 5, 4)]
BIASED = HEADS + [(2, 3, 5, 7)]
BIASED_KEYS = HEADS + [(2, 1, 1, 7)]
BIASED_MANY = MANY + [(50, 67)]


def attention(q, k, v, mask=None, **options):
    """Computes attention by the plain formula, which PyTorch can differentiate twice."""
    if mask is not None:
        options["attn_mask"] = mask
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        return F.scaled_dot_product_attention(q, k, v, **options)


def pattern(queries, keys):
    """Returns a mask in which the third query attends to nothing."""
    i, j = torch.arange(queries).unsqueeze(1), torch.arange(keys)
    return ((3 * i + 5 * j) % 4 != 0) & (i != 2)


def causal_from(first, q, k):
    """Returns the mask of queries at the positions from `first` on."""
    return torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool).tril(first)


def rotated(x, halves):
    """Rotates pairs of elements by the angles of their positions."""
    time, width = x.shape[-2:]
    frequencies = 10_000 ** (-2 * torch.arange(width // 2) / width)
    angles = torch.arange(time).unsqueeze(1) * frequencies
    if halves:
        a, b = x.chunk(2, -1)
    else:
        a, b = x[..., 0::2], x[..., 1::2]
    pair = a * angles.cos() - b * angles.sin(), a * angles.sin() + b * angles.cos()
    return torch.cat(pair, -1) if halves else torch.stack(pair, -1).flatten(-2)


# Convolutions.


def kernels(name, out, kernel, groups, transposed, channels, lengths):
    """Makes a case of images, a weight and a bias."""
    random = Random(f"{OPERATION} {name}")
    weight = (channels, out // groups) if transposed else (out, channels // groups)
    weight = random.normal(*weight, *kernel)
    x = random.normal(2, channels, *lengths)
    return x, weight, random.normal(out)


def convolved(out, kernel, groups=1, transposed=False):
    """Makes cases of images with 4 channels and kernels for them, with and without a bias."""
    lengths = LENGTHS[len(kernel)]
    x, weight, bias = kernels("images", out, kernel, groups, transposed, 4, lengths)
    return case("images", x, weight, bias) + case("one", x[:1], weight, second=False)


def transposed(out, kernel, groups=1):
    return convolved(out, kernel, groups, transposed=True)


def broad(out, kernel, transposed=False):
    """Makes a case of more channels and longer rows than a tile."""
    lengths = [*LENGTHS[len(kernel)][:-1], 37]
    operands = kernels("broad", out, kernel, 1, transposed, 5, lengths)
    return case("broad", *operands, second=len(kernel) < 2)


# Linear algebra.


def counting(x):
    return torch.diag(torch.arange(1.0, min(x.shape[-2:]) + 1.0))


def regular(x):
    m, n = x.shape[-2:]
    k = min(m, n)
    return F.pad(counting(x), (0, n - k, 0, m - k)) + 0.2 * x


def symmetric(x):
    return counting(x) + 0.1 * (x + x.mT)


def definite(x):
    return counting(x) + 0.1 * x @ x.mT


def decomposed(values, vectors):
    return torch.cat([values.unsqueeze(-1), vectors.square()], -1)


def cubed(u, s, vt):
    return u * s.square().unsqueeze(-2) @ vt


def recombined(q, r):
    sign = r.diagonal(dim1=-2, dim2=-1).sign()
    q, r = q * sign.unsqueeze(-2), r * sign.unsqueeze(-1)
    return q @ r.square() + q @ r


def squares():
    return normal(matrix=[[4, 4]], batch=[[2, 3, 3]], one=[[1, 1]], large=[[9, 9]],
                  no_matrices=[[0, 2, 2]])


def rectangles():
    return normal(square=[[3, 3]], tall=[[2, 4, 2]], wide=[[2, 2, 4]], one=[[1, 1]],
                  no_matrices=[[0, 2, 3]])


def systems():
    return normal(matrix=[[4, 4], [4, 2]], batch=[[2, 3, 3], [2, 3, 2]],
                  broadcast=[[2, 1, 3, 3], [4, 3, 1]], no_columns=[[3, 3], [3, 0]])


def least_squares():
    return normal(square=[[3, 3], [3, 2]], tall=[[2, 4, 2], [2, 4, 3]],
                  wide=[[2, 2, 4], [2, 2, 1]])
