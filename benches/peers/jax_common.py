"""The common parts of the JAX runner: everything under `jit`, with Optax's optimizers."""

import jax
import optax
from jax import numpy as jnp

import runner

MOMENTUM, EPSILON = 0.9, 1e-5


def tensor(*shape):
    return jnp.asarray(runner.normal(*shape))


def operation(f, *shape, operands=1):
    """Times f forward and backward, for operands and a cotangent of the same numbers."""

    def both(g, *xs):
        y, pull = jax.vjp(f, *xs)
        return y, pull(g)

    both = jax.jit(both)
    xs = [tensor(*shape) for _ in range(operands)]
    g = tensor(*jax.eval_shape(f, *xs).shape)
    return lambda: jax.block_until_ready(both(g, *xs))


def training(loss, params, x, y, statistics=None):
    """Times a step with Adam. `loss` takes the parameters and the batch. If there are running
    statistics, it takes them too, and returns the new ones behind the loss."""
    optimizer = optax.adam(1e-3)

    def step(params, state, statistics, x, y):
        def all(params):
            return loss(params, x, y) if statistics is None else loss(params, statistics, x, y)

        value, grads = jax.value_and_grad(all, has_aux=statistics is not None)(params)
        value, new = (value, None) if statistics is None else value
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state, new, value

    step = jax.jit(step, donate_argnums=(0, 1, 2))
    params, statistics = jax.tree.map(jnp.asarray, (params, statistics))
    all = [params, optimizer.init(params), statistics]
    x, y = jnp.asarray(x), jnp.asarray(y)

    def run():
        *all[:], value = step(*all, x, y)
        jax.block_until_ready((all, value))
        return value

    return run


def updated(statistics, mean, variance, count):
    """Returns the running statistics after a batch of `count` numbers in each channel."""
    old_mean, old_variance = statistics
    unbiased = variance * (count / (count - 1))
    return (
        MOMENTUM * old_mean + (1 - MOMENTUM) * mean,
        MOMENTUM * old_variance + (1 - MOMENTUM) * unbiased,
    )


def cross_entropy(logits, y):
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()
