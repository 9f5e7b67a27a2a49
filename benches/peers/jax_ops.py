"""The operations of `--bench ops` in JAX, each under `jit`, for the script `ops`."""

import re

import jax
from jax import lax
from jax import numpy as jnp
from jax.scipy import special

import runner
from jax_common import tensor

ROWS, WIDTH = 20_000, 64  # the table of the operations with indices
SIZES = {"64k": (256, 256), "1M": (1024, 1024), "16M": (4096, 4096)}
HALF = jnp.arange(ROWS // 2) * 7919 % ROWS
PLACES = jnp.arange(ROWS * WIDTH)
PLACES = ((PLACES * 31 + PLACES // 7) % WIDTH).reshape(ROWS, WIDTH)
LINES = jnp.arange(ROWS)[:, None]


def forward(f, *operands):
    f = jax.jit(f)
    return lambda: jax.block_until_ready(f(*operands))


def backward(f, *operands, count=1):
    """Times f forward and backward, by its first operands."""

    def both(*operands):
        first, others = operands[:count], operands[count:]
        y, pull = jax.vjp(lambda *first: f(*first, *others), *first)
        return y, pull(jnp.ones_like(y))

    return forward(both, *operands)


def halves(x):
    a, b = jnp.split(x, 2, axis=-1)
    return a * jax.nn.sigmoid(b)


UNARY = {
    "relu": jax.nn.relu,
    "exp": jnp.exp,
    "sigmoid": jax.nn.sigmoid,
    "tanh": jnp.tanh,
    "elu": jax.nn.elu,
    "selu": jax.nn.selu,
    "exp2": jnp.exp2,
    "lgamma": special.gammaln,
    "digamma": special.digamma,
    "nan_to_num": jnp.nan_to_num,
    "is_finite": jnp.isfinite,
    "softsign": jax.nn.soft_sign,
    "tanh_shrink": lambda x: x - jnp.tanh(x),
    "softplus_with": lambda x: jax.nn.softplus(2 * x) / 2,
    "softmin": lambda x: jax.nn.softmax(-x),
    "glu": halves,
}
SEVERAL = {
    "remainder": lambda x, y, z: jnp.remainder(x, y),
    "hypot": lambda x, y, z: jnp.hypot(x, y),
    "logaddexp": lambda x, y, z: jnp.logaddexp(x, y),
    "fmax": lambda x, y, z: jnp.fmax(x, y),
    "lerp": lambda x, y, z: x + z * (y - x),
    "addcmul": lambda x, y, z: x + 0.5 * y * z,
}
SECOND = {
    "contiguous": lambda n: tensor(n, n),
    "row": lambda n: tensor(n),
    "column": lambda n: tensor(n, 1),
    "scalar": lambda n: tensor(1),
}
REDUCTIONS = {
    "sum": jnp.sum,
    "sum over rows (axis 0)": lambda x: x.sum(0),
    "sum over columns (axis 1)": lambda x: x.sum(1),
    "variance over axis 0": lambda x: x.var(0, ddof=1),
    "max over axis 1": lambda x: x.max(1),
    "nansum over axis 1": lambda x: jnp.nansum(x, 1),
    "argmax over axis 1": lambda x: x.argmax(1),
    "median over axis 1": lambda x: jnp.median(x, 1),
    "median over axis 0": lambda x: jnp.median(x, 0),
    "cumsum along axis 1": lambda x: x.cumsum(1),
    "cummax along axis 1": lambda x: lax.cummax(x, axis=1),
    "logcumsumexp along axis 1": lambda x: lax.cumlogsumexp(x, axis=1),
    "softmax": lambda x: jax.nn.softmax(x, 1),
    "log_softmax": lambda x: jax.nn.log_softmax(x, 1),
}
INDEXING = {
    "index_copy of half the rows": lambda x, s: x.at[HALF].set(s[: ROWS // 2]),
    "index_add of half the rows": lambda x, s: x.at[HALF].add(s[: ROWS // 2]),
    "scatter": lambda x, s: x.at[LINES, PLACES].set(s),
    "scatter_reduce of maxima": lambda x, s: x.at[LINES, PLACES].max(s),
    "slice_scatter of half": lambda x, s: x.at[:, : WIDTH // 2].set(s[:, : WIDTH // 2]),
    "roll": lambda x, s: jnp.roll(x, 5, 1),
    "repeat_interleave by 2": lambda x, s: jnp.repeat(x, 2, 0),
}


def elementwise(name, size, also):
    shape = SIZES[size]
    if f := SEVERAL.get(name):
        return forward(f, *(tensor(*shape) for _ in range(3)))
    return (backward if also else forward)(UNARY[name], tensor(*shape))


def add(layout, also):
    operands = tensor(1024, 1024), SECOND[layout](1024)
    return backward(jnp.add, *operands, count=2) if also else forward(jnp.add, *operands)


def reduction(name, rows, columns, also):
    return (backward if also else forward)(REDUCTIONS[name], tensor(int(rows), int(columns)))


def indexing(name, also):
    operands = tensor(ROWS, WIDTH), tensor(ROWS, WIDTH)
    return (backward if also else forward)(INDEXING[name], *operands)


def bucketize():
    return forward(jnp.searchsorted, jnp.linspace(-3, 3, 99), tensor(ROWS, WIDTH))


def cross_entropy(m, n):
    labels = jnp.arange(int(m)) * 7 % int(n)
    rows = jnp.arange(int(m))
    loss = lambda x: -jax.nn.log_softmax(x)[rows, labels].mean()
    return backward(loss, tensor(int(m), int(n)))


def product(n):
    return forward(jnp.matmul, tensor(int(n), int(n)), tensor(int(n), int(n)))


def choice(names):
    return "|".join(re.escape(name) for name in names)


ALSO = r"( forward \+ backward)?"
PATTERNS = [
    (rf"({choice(UNARY | SEVERAL)}) (64k|1M|16M){ALSO}", elementwise),
    (rf"add 1M ({choice(SECOND)}){ALSO}", add),
    (rf"({choice(REDUCTIONS)}) (\d+) x (\d+){ALSO}", reduction),
    (rf"({choice(INDEXING)}) of \[20000, 64\]{ALSO}", indexing),
    (r"bucketize 1280000 into 100", bucketize),
    (r"cross_entropy (\d+) x (\d+) forward \+ backward", cross_entropy),
    (r"matmul (\d+)", product),
]

if __name__ == "__main__":
    runner.serve_by_name(PATTERNS)
