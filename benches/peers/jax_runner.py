"""JAX as a runner: everything under `jit`, with Optax's optimizers."""

import time

import jax
import numpy as np
import optax
from jax import numpy as jnp

import jax_composed
import jax_images
import jax_sequences
import runner
import workloads
from jax_common import EPSILON, operation, tensor, updated

ACTIVATIONS = {"elu": jax.nn.elu, "selu": jax.nn.selu, "relu": jax.nn.relu}


def initial(hidden, batch_norm):
    """Returns parameters and running statistics by layer."""
    params, statistics = [], []
    sizes = [784, *hidden, 10]
    for layer, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
        weight = tensor(inputs, outputs) * (2 / inputs) ** 0.5
        part = {"weight": weight}
        if batch_norm and layer < len(hidden):
            part |= {"gamma": jnp.ones(outputs), "beta": jnp.zeros(outputs)}
            statistics.append((jnp.zeros(outputs), jnp.ones(outputs)))
        else:
            part["bias"] = jnp.zeros(outputs)
        params.append(part)
    return params, statistics


def forward(params, statistics, x, activation, training):
    """Returns the outputs and the new running statistics."""
    new = []
    for layer, part in enumerate(params):
        x = x @ part["weight"]
        if "gamma" in part:
            if training:
                mean, variance = x.mean(0), x.var(0)
                new.append(updated(statistics[layer], mean, variance, len(x)))
            else:
                mean, variance = statistics[layer]
            scale = jax.lax.rsqrt(variance + EPSILON) * part["gamma"]
            x = (x - mean) * scale + part["beta"]
        else:
            x = x + part["bias"]
        if layer + 1 < len(params):
            x = ACTIVATIONS[activation](x)
    return x, new


def stepper(optimizer, activation):
    def step(params, statistics, state, x, y):
        def loss(params):
            logits, new = forward(params, statistics, x, activation, True)
            return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), new

        (value, new), grads = jax.value_and_grad(loss, has_aux=True)(params)
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), new, state, value

    return step


def workload(hidden, batch_norm, activation, batch):
    params, statistics = initial(hidden, batch_norm)
    optimizer = optax.adam(1e-3)
    all = [params, statistics, optimizer.init(params)]
    step = jax.jit(stepper(optimizer, activation), donate_argnums=(0, 1, 2))
    x, y = tensor(batch, 784), jnp.asarray(runner.labels(batch))

    def run():
        *all[:], value = step(*all, x, y)
        jax.block_until_ready((all, value))

    return run


def swish(x):
    return x * jax.nn.sigmoid(runner.BETA * x)


def focal(x, target):
    p = jax.nn.sigmoid(x)
    cross_entropy = jax.nn.softplus(x) - x * target
    missed = p + target - 2 * p * target
    weight = runner.ALPHA * target + (1 - runner.ALPHA) * (1 - target)
    return (weight * missed**2 * cross_entropy).mean()


def focal_loss():
    both = jax.jit(jax.value_and_grad(focal))
    x, target = tensor(1024, 1024), jnp.asarray(runner.targets(1024, 1024))
    return lambda: jax.block_until_ready(both(x, target))


def glu(a, b):
    return a * jax.nn.sigmoid(b)


def swiglu(a, b):
    return a * jax.nn.sigmoid(runner.BETA * a) * b


def batch_norm():
    def f(all):
        x, gamma, beta = all
        mean, variance = x.mean(0), x.var(0)
        return (x - mean) * (jax.lax.rsqrt(variance + EPSILON) * gamma) + beta

    def both(x, g):
        y, pull = jax.vjp(f, (x, jnp.ones(1024), jnp.zeros(1024)))
        return y, pull(g)

    both = jax.jit(both)
    x, g = tensor(256, 1024), tensor(256, 1024)
    return lambda: jax.block_until_ready(both(x, g))


def chain():
    def f(x, c):
        for _ in range(1000):
            x = x * c
        return x

    both = jax.jit(jax.value_and_grad(f))
    x, c = jnp.float32(1), jnp.float32(1.0001)
    return lambda: jax.block_until_ready(both(x, c))


def optimizer(rule):
    params = [tensor(1000, 1000) for _ in range(runner.MATRICES)]
    grads = [tensor(1000, 1000) for _ in range(runner.MATRICES)]

    def step(params, state):
        updates, state = rule.update(grads, state, params)
        return optax.apply_updates(params, updates), state

    step = jax.jit(step, donate_argnums=(0, 1))
    all = [params, rule.init(params)]

    def run():
        all[:] = step(*all)
        jax.block_until_ready(all)

    return run


def inference():
    hidden, norm, activation = runner.BOOK
    params, statistics = initial(hidden, norm)
    predict = jax.jit(lambda p, s, x: forward(p, s, x, activation, False)[0])
    x = tensor(1, 784)
    return lambda: jax.block_until_ready(predict(params, statistics, x))


def latency(depth, width):
    layers = [(tensor(width, width) * (2 / width) ** 0.5, jnp.zeros(width)) for _ in range(depth)]

    @jax.jit
    def predict(layers, x):
        for weight, bias in layers[:-1]:
            x = jax.nn.relu(x @ weight + bias)
        weight, bias = layers[-1]
        return x @ weight + bias

    x = tensor(1, width)
    return lambda: jax.block_until_ready(predict(layers, x))


def epochs():
    x, y, test_x, test_y = (jnp.asarray(part) for part in runner.mnist())
    y = y.astype(jnp.int32)
    hidden, norm, activation = runner.BOOK
    params, statistics = initial(hidden, norm)
    rule = optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.01, 0.9, nesterov=True))
    plain = stepper(rule, activation)

    def gathered(params, statistics, state, batch):
        return plain(params, statistics, state, x[batch], y[batch])

    step = jax.jit(gathered, donate_argnums=(0, 1, 2))
    predict = jax.jit(lambda p, s, x: forward(p, s, x, activation, False)[0].argmax(1))
    all = [params, statistics, rule.init(params)]
    for size in [128, len(x) % 128]:  # Compiles for whole batches and for the last.
        *all[:], _ = step(*all, jnp.arange(size))
    rng = np.random.default_rng(1)

    def epoch():
        started = time.perf_counter()
        order = rng.permutation(len(x))
        for start in range(0, len(x), 128):
            *all[:], value = step(*all, order[start : start + 128])
        jax.block_until_ready(all)
        seconds = time.perf_counter() - started
        right = (predict(all[0], all[1], test_x) == test_y).mean()
        return seconds, float(right)

    return epoch


cases = {name: lambda shape=shape: workload(*shape) for name, shape in workloads.WORKLOADS.items()}
cases |= {
    "tanh_1m": lambda: operation(jnp.tanh, 1024, 1024),
    "elu_1m": lambda: operation(jax.nn.elu, 1024, 1024),
    "sigmoid_1m": lambda: operation(jax.nn.sigmoid, 1024, 1024),
    "exp_1m": lambda: operation(jnp.exp, 1024, 1024),
    "softmax_1024x1024": lambda: operation(jax.nn.softmax, 1024, 1024),
    "batch_norm_256x1024": batch_norm,
    "gelu_tanh_1m": lambda: operation(jax.nn.gelu, 1024, 1024),
    "swish_1m": lambda: operation(swish, 1024, 1024),
    "focal_1m": focal_loss,
    "glu_1m": lambda: operation(glu, 1024, 1024, operands=2),
    "swiglu_1m": lambda: operation(swiglu, 1024, 1024, operands=2),
    "chain_1000": chain,
    "adam_10m": lambda: optimizer(optax.adam(1e-3)),
    "adamw_10m": lambda: optimizer(optax.adamw(1e-3)),
    "nesterov_10m": lambda: optimizer(optax.sgd(1e-3, 0.9, nesterov=True)),
    "rmsprop_10m": lambda: optimizer(optax.rmsprop(1e-3)),
    "adagrad_10m": lambda: optimizer(optax.adagrad(1e-3)),
    "inference_b1": inference,
}
for name, shape in workloads.LATENCIES.items():
    cases[name] = lambda shape=shape: latency(*shape)
cases |= jax_composed.cases | jax_images.cases | jax_sequences.cases
runner.serve(cases, epochs)
