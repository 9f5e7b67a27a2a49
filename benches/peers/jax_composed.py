"""The nets of the JAX runner whose time is spent between kernels: gates of small operations, second
derivatives."""

import jax
import numpy as np
from jax import numpy as jnp

import runner
from jax_common import cross_entropy, training
from jax_sequences import normalized

WIDTH = 256


def linear(weights):
    """Returns the parameters of dense layers, whose biases are 0."""
    return [(w.T.copy(), np.zeros(len(w), w.dtype)) for w in weights]


def gated(layer, x):
    """Computes a layer with twelve small operations behind its product."""
    (w, b), norm, gain = layer
    a = normalized(x, *norm) @ w + b
    g = jax.nn.sigmoid(a[:, :WIDTH])
    u = jnp.tanh(a[:, WIDTH:])
    r = x + g * u
    size = jnp.sqrt((r * r).mean(1, keepdims=True))
    n = r / size * gain
    return x + g * (n - x)


def gates():
    *layers, out = linear(runner.weights([(2 * WIDTH, WIDTH)] * 6 + [(10, WIDTH)]))
    one, zero = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)
    params = [(layer, (one, zero), one) for layer in layers], out

    def loss(params, x, y):
        layers, (w, b) = params
        for layer in layers:
            x = gated(layer, x)
        return cross_entropy(x @ w + b, y)

    return training(loss, params, runner.numbers(64, WIDTH), runner.labels(64))


def through(params, x):
    *hidden, (w, b) = params
    for weight, bias in hidden:
        x = jnp.tanh(x @ weight + bias)
    return x @ w + b


def pinn():
    """Solves u'' + u = f between 0 and 2 with given values at both ends. The solution is sin 2x."""
    weights = runner.weights([(32, 1), (32, 32), (1, 32)])
    params = linear([w.astype(np.float64) for w in weights])
    x = np.linspace(0, 2, 64)[:, None]
    ends = np.array([[0.0], [2.0]])
    values = np.sin(2 * ends)

    def loss(params, x, f):
        def net(x):
            return through(params, x)

        # Rows are independent, so one tangent gives the derivatives of all.
        one = jnp.ones_like(x)

        def value_and_slope(x):
            return jax.jvp(net, (x,), (one,))

        (u, _), (_, curvature) = jax.jvp(value_and_slope, (x,), (one,))
        residual = curvature + u - f
        missed = net(ends) - values
        return (residual**2).mean() + (missed**2).mean()

    with jax.enable_x64(True):
        step = training(loss, params, x, -3 * np.sin(2 * x))

    def run():
        with jax.enable_x64(True):
            return step()

    return run


cases = {"gates12_6x256_adam_b64": gates, "pinn_f64_2x32_adam_b64": pinn}
