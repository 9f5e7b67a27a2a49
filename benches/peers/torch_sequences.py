"""The sequences of the PyTorch runner: models of characters, attention, layer normalization."""

import torch
from torch import nn
from torch.nn import functional as F

import runner
from torch_common import COMPILE, compiled, operation, set_weights, training

HEADS, WIDTH, CONTEXT = 4, 128, 128


def recurrent(kind):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(64, 64)
            self.layer = kind(64, 256, batch_first=True)
            self.out = nn.Linear(256, 64)

        def forward(self, x):
            return self.out(self.layer(self.embedding(x))[0])

    return characters(Net(), 32, 64)


def characters(net, batch, time):
    x, y = (torch.from_numpy(part) for part in runner.characters(batch, time))

    def loss(x, y):
        return F.cross_entropy(net(x).flatten(0, 1), y.flatten())

    return training(net, loss, x, y)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.in_proj = nn.Linear(WIDTH, 3 * WIDTH)
        self.out_proj = nn.Linear(WIDTH, WIDTH)
        self.linear1 = nn.Linear(WIDTH, 4 * WIDTH)
        self.linear2 = nn.Linear(4 * WIDTH, WIDTH)
        self.norm1 = nn.LayerNorm(WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH)

    def forward(self, x, attend):
        batch, time, _ = x.shape
        qkv = self.in_proj(self.norm1(x)).view(batch, time, 3, HEADS, WIDTH // HEADS)
        y = attend(*qkv.permute(2, 0, 3, 1, 4))
        x = x + self.out_proj(y.transpose(1, 2).reshape(batch, time, WIDTH))
        return x + self.linear2(F.gelu(self.linear1(self.norm2(x))))


class Gpt(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(64, WIDTH)
        self.positions = nn.Parameter(torch.zeros(CONTEXT, WIDTH))
        self.blocks = nn.ModuleList(Block() for _ in range(4))
        self.norm = nn.LayerNorm(WIDTH)
        self.out = nn.Linear(WIDTH, 64)

    def forward(self, x):
        x = self.embedding(x) + self.positions
        for block in self.blocks:
            x = block(x, causal)
        return self.out(self.norm(x))

    def step(self, x, position, caches):
        """Computes the logits of the character after x, (1, 1), at this position."""
        x = self.embedding(x) + self.positions[position]
        for block, cache in zip(self.blocks, caches):
            x = block(x, lambda q, k, v: continued(q, k, v, position, cache))
        return self.out(self.norm(x))

    def step_masked(self, x, position, caches):
        """Does the same with a position that is a tensor, so that it is compiled once."""
        x = self.embedding(x) + self.positions.index_select(0, position)
        mask = (torch.arange(CONTEXT) <= position)[None, :]
        for block, cache in zip(self.blocks, caches):
            x = block(x, lambda q, k, v: masked(q, k, v, position, mask, cache))
        return self.out(self.norm(x))


def causal(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def continued(q, k, v, position, cache):
    cache[0, :, :, position] = k[:, :, 0]
    cache[1, :, :, position] = v[:, :, 0]
    k, v = cache[:, :, :, : position + 1]
    return F.scaled_dot_product_attention(q, k, v)


def masked(q, k, v, position, mask, cache):
    cache[0].index_copy_(2, position, k)
    cache[1].index_copy_(2, position, v)
    return F.scaled_dot_product_attention(q, *cache, attn_mask=mask)


def generation():
    """Generates one character for each call, and begins anew when the context is full."""
    net = Gpt().eval()
    set_weights(net)
    caches = [torch.zeros(2, 1, HEADS, CONTEXT, WIDTH // HEADS) for _ in range(4)]
    step = compiled(net.step_masked) if COMPILE else net.step
    x, position = torch.zeros(1, 1, dtype=torch.int64), 0

    def run():
        nonlocal x, position
        with torch.inference_mode():
            at = torch.tensor([position]) if COMPILE else position
            x = step(x, at, caches).argmax(2)
        position = (position + 1) % CONTEXT
        return x

    return run


def attention():
    return operation(causal, 8, 8, 256, 32, operands=3)


def layer_norm():
    layer = nn.LayerNorm(1024)
    return operation(layer, 1024, 1024, parameters=layer.parameters())


cases = {
    "charlstm256_adam_b32_t64": lambda: recurrent(nn.LSTM),
    "chargru256_adam_b32_t64": lambda: recurrent(nn.GRU),
    "chargpt4x128_adam_b16_t128": lambda: characters(Gpt(), 16, CONTEXT),
    "attention_b8h8t256w32": attention,
    "layer_norm_1024x1024": layer_norm,
    "generate_chargpt4x128": generation,
}
