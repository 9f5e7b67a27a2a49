"""Golden values of gradient clipping: PyTorch's, and Optax's adaptive clipping."""

import optimizers  # noqa: F401  First: it configures torch and JAX.

import optax
import torch
from optimizers import to_jax
from recording import File, Random
from torch.nn.utils import clip_grad_norm_, clip_grad_value_

# A weight (out, in), a vector, convolution kernels of three and four axes, a scalar.
SHAPES = [(30, 20), (300,), (8, 5, 7), (4, 3, 3, 2), ()]
SMALL = [(4, 3), (5,)]


def spread(random, shape):
    """Draws magnitudes from 1e-8 to 1e8."""
    return random.normal(*shape) * 10 ** random.uniform(*shape, low=-8.0, high=8.0)


def alike(scale):
    return lambda random, shape: random.normal(*shape, scale=scale)


def one_large(random, shape):
    """Draws small values and a large first element."""
    values = random.normal(*shape, scale=1e-4)
    values.view(-1)[0] = 1e4
    return values


# Name, shapes, function that draws gradients, bound.
CASES = [
    ("beyond", SMALL, alike(2.0), 1.5),
    ("within", SMALL, alike(0.125), 3.0),
    ("zero", SMALL, alike(0.0), 1.0),
    ("tiny", SMALL, alike(1e-3), 1e-4),
    ("large sets", SHAPES, alike(1.0), 10.0),
    ("large sets within", SHAPES, alike(1.0), 1e3),
    ("magnitudes", SHAPES, spread, 1.0),
    # Norms as small as the 1e-6 that is added to them, and norms whose squares leave the range of
    # float32.
    ("1e-8", SHAPES, alike(1e-8), 1e-7),
    ("1e-30", SMALL, alike(1e-30), 1.0),
    ("1e8", SHAPES, alike(1e8), 0.5),
    ("1e30", SMALL, alike(1e30), 1e10),
    ("one large", SHAPES, one_large, 1.0),
]


def to_torch(value):
    return torch.tensor(value.tolist()).reshape(value.shape)


def adaptive(grad, weight, ratio):
    """Clips as Optax does: a unit is a row of (out, in, ...), or a whole vector or scalar."""
    axes = tuple(range(1, grad.dim())) if grad.dim() > 1 else None
    clip = lambda axis, *tensors: optax.adaptive_grad_clip(ratio, eps=1e-3, axis=axis).update(
        to_jax(tensors[0]), optax.EmptyState(), to_jax(tensors[1])
    )[0]
    clipped = to_torch(clip(axes, grad, weight))
    # By default, Optax expects kernels as (in, out) and (height, width, in, out).
    if grad.dim() == 2:
        assert torch.equal(clipped, to_torch(clip(None, grad.T, weight.T)).T)
    if grad.dim() == 4:
        turned = [x.permute(2, 3, 1, 0) for x in (grad, weight)]
        again = to_torch(clip(None, *turned)).permute(3, 2, 0, 1)
        torch.testing.assert_close(clipped, again, rtol=1e-14, atol=0.0)
    return clipped


def put(file, prefix, tensors):
    for i, tensor in enumerate(tensors):
        file.put(f"{prefix}.{i}", tensor)


def clipping():
    """Records `global_norm` of all gradients, `norm` of each, `value` and `adaptive`."""
    file = File("clipping")
    for case, shapes, draw, bound in CASES:
        random = Random(f"clipping {case}")
        grads = [draw(random, shape).float() for shape in shapes]
        put(file, f"{case}/input", grads)
        file.put(f"{case}/bound", torch.tensor(bound))
        for kind in ["global_norm", "norm", "value"]:
            params = [torch.zeros(shape, requires_grad=True) for shape in shapes]
            for param, grad in zip(params, grads):
                param.grad = grad.double()
            if kind == "global_norm":
                file.put(f"{case}/{kind}/norm", clip_grad_norm_(params, bound))
            elif kind == "norm":
                for param in params:
                    clip_grad_norm_([param], bound)
            else:
                clip_grad_value_(params, bound)
            put(file, f"{case}/{kind}/output", [param.grad for param in params])
    for case, ratio, weight_scale, draw in [
        ("some", 0.01, 1.0, alike(0.01)),
        ("none", 0.1, 1.0, alike(1e-3)),
        ("all", 0.02, 0.25, alike(10.0)),
        # Norms of weights below 1e-3 count as 1e-3.
        ("small weights", 0.01, 1e-5, alike(1e-5)),
        ("zero weights", 0.01, 0.0, alike(1e-5)),
        ("magnitudes", 0.01, 1.0, spread),
    ]:
        case, shapes = f"adaptive {case}", [(20, 16), (50,), (8, 5, 3), (4, 3, 3, 2), (1, 6), ()]
        random = Random(f"clipping {case}")
        weights = [random.normal(*shape, scale=weight_scale) for shape in shapes]
        grads = [draw(random, shape).float() for shape in shapes]
        put(file, f"{case}/weight", [weight.float() for weight in weights])
        put(file, f"{case}/input", grads)
        file.put(f"{case}/bound", torch.tensor(ratio))
        outputs = [
            adaptive(grad.double(), *rest) for grad, *rest in zip(grads, weights, [ratio] * 6)
        ]
        put(file, f"{case}/adaptive/output", outputs)
    return file
