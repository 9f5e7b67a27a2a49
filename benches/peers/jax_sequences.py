"""The sequences of the JAX runner: models of characters, attention, layer normalization."""

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

import runner
from jax_common import EPSILON, cross_entropy, operation, tensor, training

HEADS, WIDTH, CONTEXT = 4, 128, 128


def zeros(*shape):
    return np.zeros(shape, np.float32)


def lstm(inputs, state, weight, bias):
    h, c = state
    i, f, g, o = jnp.split(inputs + h @ weight + bias, 4, 1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return h, c


def gru(inputs, state, weight, bias):
    (h,) = state
    (ri, zi, ni), (r, z, n) = jnp.split(inputs, 3, 1), jnp.split(h @ weight + bias, 3, 1)
    r, z = jax.nn.sigmoid(ri + r), jax.nn.sigmoid(zi + z)
    n = jnp.tanh(ni + r * n)
    return ((1 - z) * n + z * h,)


def recurrent(cell, gates, states):
    shapes = [(64, 64), (gates * 256, 64), (gates * 256, 256), (64, 256)]
    embedding, *matrices = runner.weights(shapes)
    matrices = [w.T for w in matrices]
    params = (embedding, [(w, zeros(w.shape[1])) for w in matrices])

    def loss(params, x, y):
        embedding, ((w_ih, b_ih), (w_hh, b_hh), (w_out, b_out)) = params
        # One product for the inputs of all steps.
        inputs = embedding[x.T] @ w_ih + b_ih

        def step(state, inputs):
            state = cell(inputs, state, w_hh, b_hh)
            return state, state[0]

        initial = (jnp.zeros((32, 256)),) * states
        _, outputs = lax.scan(step, initial, inputs)
        return cross_entropy(outputs @ w_out + b_out, y.T)

    return training(loss, params, *runner.characters(32, 64))


def normalized(x, gamma, beta):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) * lax.rsqrt(variance + EPSILON) * gamma + beta


def gpt():
    """Returns the parameters of the transformer."""
    block = [(3 * WIDTH, WIDTH), (WIDTH, WIDTH), (4 * WIDTH, WIDTH), (WIDTH, 4 * WIDTH)]
    shapes = [(CONTEXT, WIDTH), (64, WIDTH), *(block * 4), (64, WIDTH)]
    positions, embedding, *matrices = runner.weights(shapes)
    linear = [(w.T.copy(), zeros(len(w))) for w in matrices]
    gains = (np.ones(WIDTH, np.float32), zeros(WIDTH))
    blocks = [(linear[4 * i : 4 * i + 4], (gains, gains)) for i in range(4)]
    return embedding, positions, blocks, gains, linear[-1]


def through(block, x, attend):
    ((w1, b1), (w2, b2), (w3, b3), (w4, b4)), (norm1, norm2) = block
    qkv = normalized(x, *norm1) @ w1 + b1
    qkv = qkv.reshape(*x.shape[:2], 3, HEADS, WIDTH // HEADS)
    y = attend(*qkv.transpose(2, 0, 3, 1, 4))
    x = x + y.swapaxes(1, 2).reshape(x.shape) @ w2 + b2
    y = jax.nn.gelu(normalized(x, *norm2) @ w3 + b3, approximate=False)
    return x + y @ w4 + b4


def attention(q, k, v, mask):
    """Computes plain attention, which is faster here than `jax.nn.dot_product_attention`."""
    scores = jnp.einsum("bhqw,bhkw->bhqk", q, k) / q.shape[-1] ** 0.5
    scores = jnp.where(mask, scores, -jnp.inf)
    return jnp.einsum("bhqk,bhkw->bhqw", jax.nn.softmax(scores), v)


def causal(q, k, v):
    time = q.shape[2]
    return attention(q, k, v, jnp.tril(jnp.ones((time, time), bool)))


def gpt_loss(params, x, y):
    embedding, positions, blocks, norm, (w, b) = params
    x = embedding[x] + positions
    for block in blocks:
        x = through(block, x, causal)
    return cross_entropy(normalized(x, *norm) @ w + b, y)


def generation():
    """Generates one character for each call, and begins anew when the context is full."""
    params = jax.tree.map(jnp.asarray, gpt())
    caches = [jnp.zeros((2, 1, HEADS, CONTEXT, WIDTH // HEADS)) for _ in range(4)]

    def step(params, x, position, caches):
        embedding, positions, blocks, norm, (w, b) = params
        x = embedding[x] + positions[position]
        mask = jnp.arange(CONTEXT) <= position
        new = []

        def attend(q, k, v):
            cache = caches[len(new)]
            cache = lax.dynamic_update_slice(cache, jnp.stack([k, v]), (0, 0, 0, position, 0))
            new.append(cache)
            return attention(q, *cache, mask)

        for block in blocks:
            x = through(block, x, attend)
        return (normalized(x, *norm) @ w + b).argmax(2), new

    step = jax.jit(step, donate_argnums=3)
    all, position = [jnp.zeros((1, 1), jnp.int32), caches], 0

    def run():
        nonlocal position
        x, caches = all
        all[:] = step(params, x, position, caches)
        position = (position + 1) % CONTEXT
        return jax.block_until_ready(all)

    return run


def layer_norm():
    def both(g, *xs):
        y, pull = jax.vjp(normalized, *xs)
        return y, pull(g)

    both = jax.jit(both)
    x, g = tensor(1024, 1024), tensor(1024, 1024)
    gamma, beta = jnp.ones(1024), jnp.zeros(1024)
    return lambda: jax.block_until_ready(both(g, x, gamma, beta))


cases = {
    "charlstm256_adam_b32_t64": lambda: recurrent(lstm, 4, 2),
    "chargru256_adam_b32_t64": lambda: recurrent(gru, 3, 1),
    "chargpt4x128_adam_b16_t128": lambda: training(
        gpt_loss, gpt(), *runner.characters(16, CONTEXT)
    ),
    "attention_b8h8t256w32": lambda: operation(causal, 8, 8, 256, 32, operands=3),
    "layer_norm_1024x1024": layer_norm,
    "generate_chargpt4x128": generation,
}
