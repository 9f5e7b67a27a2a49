"""The images of the JAX runner: convolutional nets, single convolutions, pooling. Pixels are before
channels, which is faster here than the other order."""

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

import runner
import workloads
from jax_common import EPSILON, cross_entropy, operation, tensor, training, updated


def convolve(x, weight, stride=1, padding=0):
    return lax.conv_general_dilated(
        x,
        weight,
        (stride, stride),
        [(padding, padding)] * 2,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def max_pool(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def weights(*shapes):
    """Returns the weights of PyTorch's shapes in the order of axes of this file."""
    all = runner.weights(shapes)
    return [w.transpose(2, 3, 1, 0) if w.ndim == 4 else w.T for w in all]


def pixels(batch, channels, side):
    return runner.numbers(batch, channels, side, side).transpose(0, 2, 3, 1)


def mnist_cnn():
    all = weights((32, 1, 3, 3), (64, 32, 3, 3), (128, 9216), (10, 128))
    # The images are flattened by pixels, not by channels as in PyTorch.
    all[2] = all[2].reshape(64, 144, 128).transpose(1, 0, 2).reshape(9216, 128)
    params = [(w, np.zeros(w.shape[-1], np.float32)) for w in all]

    def loss(params, x, y):
        (w1, b1), (w2, b2), (w3, b3), (w4, b4) = params
        x = jax.nn.relu(convolve(x, w1) + b1)
        x = jax.nn.relu(convolve(x, w2) + b2)
        x = max_pool(x).reshape(len(x), -1)
        x = jax.nn.relu(x @ w3 + b3)
        return cross_entropy(x @ w4 + b4, y)

    return training(loss, params, pixels(64, 1, 28), runner.labels(64))


def resnet20():
    sizes = [pair for block in workloads.RESNET20 for pair in (block, (block[1], block[1]))]
    shapes = [(16, 3, 3, 3), *((outputs, inputs, 3, 3) for inputs, outputs in sizes), (10, 64)]
    *convolutions, last = weights(*shapes)

    def pair(w):
        return np.ones(w.shape[-1], np.float32), np.zeros(w.shape[-1], np.float32)

    params = [(w, *pair(w)) for w in convolutions], (last, np.zeros(10, np.float32))
    statistics = [pair(w)[::-1] for w in convolutions]

    def loss(params, statistics, x, labels):
        layers, (w, b) = params
        layers = zip(layers, statistics)
        new = []

        def convolved(x, stride=1):
            (weight, gamma, beta), old = next(layers)
            x = convolve(x, weight, stride, 1)
            mean, variance = x.mean((0, 1, 2)), x.var((0, 1, 2))
            new.append(updated(old, mean, variance, x.size // x.shape[3]))
            return (x - mean) * (lax.rsqrt(variance + EPSILON) * gamma) + beta

        x = jax.nn.relu(convolved(x))
        for inputs, outputs in workloads.RESNET20:
            more = outputs - inputs
            y = jax.nn.relu(convolved(x, 2 if more else 1))
            y = convolved(y)
            if more:
                x = jnp.pad(x[:, ::2, ::2], ((0, 0),) * 3 + ((more // 2, more // 2),))
            x = jax.nn.relu(y + x)
        return cross_entropy(x.mean((1, 2)) @ w + b, labels), new

    return training(loss, params, pixels(32, 3, 32), runner.labels(32), statistics)


def convolution(batch, inputs, outputs, side, kernel, backward):
    x, w = tensor(batch, side, side, inputs), tensor(kernel, kernel, inputs, outputs)
    b = tensor(outputs)

    def f(x, w, b):
        return convolve(x, w, padding=kernel // 2) + b

    if not backward:
        f = jax.jit(f)
        return lambda: jax.block_until_ready(f(x, w, b))

    def both(x, w, b, g):
        y, pull = jax.vjp(f, x, w, b)
        return y, pull(g)

    both, g = jax.jit(both), tensor(batch, side, side, outputs)
    return lambda: jax.block_until_ready(both(x, w, b, g))


cases = {"mnist_cnn_adam_b64": mnist_cnn, "resnet20_adam_b32": resnet20}
for name, sizes in workloads.CONVOLUTIONS.items():
    cases[f"{name}_forward"] = lambda sizes=sizes: convolution(*sizes, backward=False)
    cases[f"{name}_both"] = lambda sizes=sizes: convolution(*sizes, backward=True)
cases["max_pool_64x64x24x24"] = lambda: operation(max_pool, 64, 24, 24, 64)
