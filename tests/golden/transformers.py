"""Golden values of attention and transformer layers."""

from recording import File  # First: it configures torch.

import torch
from layers import of_torch, record, same
from torch import nn


class Called(nn.Module):
    """Calls a layer with masks or a memory."""

    def __init__(self, layer, call):
        super().__init__()
        self.layer, self.call = layer, call

    def forward(self, *inputs):
        return self.call(self.layer, *inputs)


def inner(path):
    return path.removeprefix("layer.")


def future(time):
    """Returns PyTorch's causal mask, which is true for keys that take no part."""
    return torch.ones(time, time, dtype=torch.bool).triu(1)


# The second sample has 2 keys.
PADDING = torch.tensor([[False] * 5, [False] * 2 + [True] * 3])


def sequences(*lengths, features=4):
    return lambda random, _: [random.normal(2, time, features) for time in lengths]


def attention(file):
    def layer(**options):
        return nn.MultiheadAttention(4, 2, batch_first=True, **options)

    settings = {
        "attention": (layer(), lambda a, x: a(x, x, x)[0], sequences(5)),
        "attention, no bias": (layer(bias=False), lambda a, x: a(x, x, x)[0], sequences(5)),
        "attention, causal": (
            layer(),
            lambda a, x: a(x, x, x, attn_mask=future(5), need_weights=False)[0],
            sequences(5),
        ),
        "attention, memory": (layer(), lambda a, x, m: a(x, m, m)[0], sequences(3, 5)),
        "attention, masked memory": (
            layer(),
            lambda a, x, m: a(x, m, m, key_padding_mask=PADDING)[0],
            sequences(3, 5),
        ),
    }
    for name, (module, call, draw) in settings.items():
        record(file, name, of_torch(Called(module, call), inner), draw)


def transformers(file):
    def encoder(**options):
        return nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True, **options)

    def decoder(**options):
        return nn.TransformerDecoderLayer(4, 2, 8, dropout=0.0, batch_first=True, **options)

    plain = lambda layer, x: layer(x)
    causal = lambda layer, x: layer(x, src_mask=future(5), is_causal=True)
    masked = lambda layer, x: layer(x, src_key_padding_mask=PADDING)
    memory = lambda layer, x, m: layer(x, m, tgt_mask=future(3))
    settings = {
        "encoder": (encoder(), plain, sequences(5)),
        "encoder, masked": (encoder(), masked, sequences(5)),
        "encoder, norm first": (encoder(norm_first=True), plain, sequences(5)),
        "encoder, causal, gelu": (
            encoder(norm_first=True, activation="gelu"),
            causal,
            sequences(5),
        ),
        "decoder": (decoder(), memory, sequences(3, 5)),
        "decoder, norm first": (decoder(norm_first=True), memory, sequences(3, 5)),
    }
    for name, (module, call, draw) in settings.items():
        record(file, name, of_torch(Called(module, call), inner), draw)


class Gated(nn.Module):
    """A gated feed-forward layer with the names of ours."""

    def __init__(self):
        super().__init__()
        self.gate, self.up, self.down = (
            nn.Linear(4, 6, bias=False),
            nn.Linear(4, 6, bias=False),
            nn.Linear(6, 4, bias=False),
        )

    def forward(self, x):
        return self.down(nn.functional.silu(self.gate(x)) * self.up(x))


def rotated(x):
    """Rotates neighbours by the angles of their positions."""
    time, width = x.shape[-2:]
    angles = torch.arange(time).unsqueeze(1) * 10_000 ** (-2 * torch.arange(width // 2) / width)
    a, b = x[..., 0::2], x[..., 1::2]
    pair = a * angles.cos() - b * angles.sin(), a * angles.sin() + b * angles.cos()
    return torch.stack(pair, -1).flatten(-2)


class Grouped(nn.Module):
    """Causal self-attention with 2 heads of queries, one of keys, and rotary positions."""

    def __init__(self):
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.zeros(8, 4))
        self.out_proj = nn.Linear(4, 4, bias=False)

    def forward(self, x):
        parts = (x @ self.in_proj_weight.T).split([4, 2, 2], -1)
        q, k, v = (part.unflatten(-1, (-1, 2)).transpose(1, 2) for part in parts)
        with nn.attention.sdpa_kernel(nn.attention.SDPBackend.MATH):
            y = nn.functional.scaled_dot_product_attention(
                rotated(q), rotated(k), v, is_causal=True, enable_gqa=True
            )
        return self.out_proj(y.transpose(1, 2).flatten(-2))


class Block(nn.Module):
    """The block of LLaMA."""

    def __init__(self):
        super().__init__()
        norm = lambda: nn.RMSNorm(4, eps=torch.finfo(torch.float32).eps)
        self.attention_norm, self.attention = norm(), Grouped()
        self.feed_forward_norm, self.feed_forward = norm(), Gated()

    def forward(self, x):
        h = x + self.attention(self.attention_norm(x))
        return h + self.feed_forward(self.feed_forward_norm(h))


class Learnt(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(6, 4))

    def forward(self, x):
        return x + self.weight[: x.shape[1]]


class Sinusoidal(nn.Module):
    def forward(self, x):
        time, features = x.shape[-2:]
        rates = 10_000 ** (-torch.arange(0, features, 2) / features)
        angles = torch.arange(time).unsqueeze(1) * rates
        return x + torch.stack([angles.sin(), angles.cos()], -1).flatten(-2)


def transformer():
    file = File("transformer")
    attention(file)
    transformers(file)
    for name, module in {
        "attention, grouped, rotary": Grouped(),
        "swiglu": Gated(),
        "block": Block(),
        "learnt positions": Learnt(),
        "sinusoidal positions": Sinusoidal(),
    }.items():
        record(file, name, of_torch(module, same), sequences(5))
    return file
