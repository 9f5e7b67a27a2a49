"""Lets PyTorch read the models that the example `charlm` saves, and tests them on the same text.

    cargo run --release --example charlm -- --model lstm
    python charlm.py lstm target/charlm-lstm.safetensors

The printed bits per character must equal the last line of the example. Layers, sizes and windows
are the example's defaults, except for those that are given.
"""

import argparse
import gzip
import math
import pathlib

import torch
from safetensors.torch import load_file
from torch import nn

TEXT = pathlib.Path(__file__).parents[2] / "data/assets/moby-dick.txt.gz"
TEST_STREAMS = 8
HEADS = 4


class CharLm(nn.Module):
    """The example's model, with the names of its parameters."""

    def __init__(self, body, characters, hidden):
        super().__init__()
        self.embedding = nn.Embedding(characters, hidden)
        self.body = body
        self.out = nn.Linear(hidden, characters)

    def forward(self, tokens, state):
        y, state = self.body(self.embedding(tokens), state)
        return self.out(y), state


class Transformer(nn.Module):
    """Sinusoidal positions and PyTorch's encoder layers with a causal mask."""

    def __init__(self, hidden, layers):
        super().__init__()
        options = {"dropout": 0.0, "activation": "gelu", "batch_first": True, "norm_first": True}
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(hidden, HEADS, 4 * hidden, **options) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(hidden)

    def forward(self, x, state):
        _, steps, hidden = x.shape
        rates = 10000.0 ** (-torch.arange(0, hidden, 2) / hidden)
        angles = torch.arange(steps)[:, None] * rates
        x = x + torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
        mask = nn.Transformer.generate_square_subsequent_mask(steps)
        for layer in self.layers:
            x = layer(x, src_mask=mask, is_causal=True)
        return self.norm(x), state


def bits_per_character(model, tokens, steps):
    """Reads the streams of the test in windows, with the state after the window before."""
    length = (len(tokens) - 1) // TEST_STREAMS
    rows = torch.stack([tokens[i * length : (i + 1) * length + 1] for i in range(TEST_STREAMS)])
    loss, state = 0.0, None
    for start in range(0, length, steps):
        window = rows[:, start : start + steps + 1]
        logits, state = model(window[:, :-1], state)
        targets = window[:, 1:]
        loss += nn.functional.cross_entropy(
            logits.flatten(0, 1), targets.flatten(), reduction="sum"
        ).item()
    return loss / (length * TEST_STREAMS) / math.log(2)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", choices=["lstm", "gru", "transformer"])
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--layers", type=int)
    parser.add_argument("--steps", type=int, default=32)
    arguments = parser.parse_args()

    text = gzip.decompress(TEXT.read_bytes()).decode()
    characters = sorted(set(text))
    places = {character: place for place, character in enumerate(characters)}
    tokens = torch.tensor([places[character] for character in text])
    test = tokens[len(tokens) // 10 * 9 :]

    hidden = arguments.hidden
    if arguments.model == "transformer":
        body = Transformer(hidden, arguments.layers or 2)
    else:
        layer = {"lstm": nn.LSTM, "gru": nn.GRU}[arguments.model]
        body = layer(hidden, hidden, arguments.layers or 1, batch_first=True)
    model = CharLm(body, len(characters), hidden)
    model.load_state_dict(load_file(arguments.file), strict=True)
    with torch.no_grad():
        bits = bits_per_character(model.eval(), test, arguments.steps)
    print(f"test bits per character {bits:.4f}")


if __name__ == "__main__":
    main()
