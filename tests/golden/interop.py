"""Exchanges models between PyTorch and cotangent; see tests/interop.rs.

    python interop.py                 writes PyTorch's models, inputs and outputs to interop/
    python interop.py --check FOLDER  loads models that cotangent saved in FOLDER and compares
                                      outputs; with --record it also writes PyTorch's outputs there

Some of PyTorch's models are in half precision, as most published models are. Their outputs are
computed from the same numbers in single precision.

Some are also written by `torch.save`, as `NAME.pth`: a `state_dict`, one in a checkpoint with an
optimizer and tensors that are not contiguous, and a whole model, which cannot be loaded.

PyTorch writes `NAME.safetensors`, cotangent `NAME.saved.safetensors`. Inputs and outputs are in
`NAME.values.safetensors` and `NAME.saved.values.safetensors`.
"""

import argparse
import pathlib
import sys

sys.dont_write_bytecode = True

from recording import Random  # noqa: E402  First: it configures torch.

import torch  # noqa: E402
from safetensors import safe_open  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from torch import nn  # noqa: E402

FOLDER = pathlib.Path(__file__).parent / "interop"


def sequential():
    """Builds a model whose keys are positions: 0.weight, 1.running_mean, 3.bias."""
    return nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7), nn.ELU(), nn.Linear(7, 3))


class Custom(nn.Module):
    """A model with named modules, lists, and layers without bias or without gamma and beta."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.ModuleDict(
                {
                    "fc": nn.Linear(inputs, 6, bias=False),
                    "norm": nn.BatchNorm1d(6, affine=i > 0, momentum=None if i else 0.1),
                }
            )
            for i, inputs in enumerate([5, 6])
        )
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        for layer in self.layers:
            x = nn.functional.elu(layer["norm"](layer["fc"](x)))
        return self.head(x)


class Wrapped(nn.Module):
    """A model with the prefix `model.` on all keys, as training scripts often save it."""

    def __init__(self):
        super().__init__()
        self.model = sequential()

    def forward(self, x):
        return self.model(x)


class Recurrent(nn.Module):
    """A model that reads each feature as a step."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(1, 4, num_layers=2, bidirectional=True, batch_first=True)
        self.gru = nn.GRU(8, 5, bias=False, batch_first=True)
        self.head = nn.Linear(5, 3)

    def forward(self, x):
        states, _ = self.lstm(x.unsqueeze(-1))
        return self.head(self.gru(states)[1][0])


class Language(nn.Module):
    """A language model with the names of the example `charlm`. It makes tokens of its input."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 4)
        self.body = nn.LSTM(4, 5, batch_first=True)
        self.out = nn.Linear(5, 3)

    def forward(self, x):
        states, _ = self.body(self.embedding((x.abs() * 4).long() % 11))
        return self.out(states[:, -1])


class Attending(nn.Module):
    """The same with the transformer of the example."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 8)
        self.positions = nn.Embedding(7, 8)
        options = {"dropout": 0.0, "activation": "gelu", "batch_first": True, "norm_first": True}
        self.layers = nn.ModuleList(nn.TransformerEncoderLayer(8, 2, 32, **options) for _ in "12")
        self.norm = nn.LayerNorm(8)
        self.out = nn.Linear(8, 3)

    def forward(self, x):
        steps = x.shape[1]
        x = self.embedding((x.abs() * 4).long() % 11) + self.positions.weight[:steps]
        mask = nn.Transformer.generate_square_subsequent_mask(steps, dtype=x.dtype)
        for layer in self.layers:
            x = layer(x, src_mask=mask, is_causal=True)
        return self.out(self.norm(x)[:, -1])


class Convolutional(nn.Module):
    """A net for images, with the names of Sequential. It makes images of its input."""

    def __init__(self):
        super().__init__()
        self.conv_layers = nn.Sequential(
            nn.Conv2d(1, 4, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2, 2),
            nn.Conv2d(4, 6, kernel_size=3, padding=1, groups=2, bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.MaxPool2d(2, 2),
        )
        self.fc_layers = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))

    def forward(self, x):
        images = x[:, None, :, None] * x[:, None, None, :]
        return self.fc_layers(self.conv_layers(images).flatten(1))


MODELS = {
    "sequential": sequential,
    "custom": Custom,
    "wrapped": Wrapped,
    "recurrent": Recurrent,
    "language": Language,
    "attending": Attending,
    "convolutional": Convolutional,
}
DTYPES = {"f32": torch.float32, "f64": torch.float64}
HALVES = {"f16": torch.float16, "bf16": torch.bfloat16}
METADATA = {"format": "pt"}


def trained(name, dtype):
    """Returns a model with random parameters and running statistics after three batches."""
    random = Random(f"interop {name}")
    model = MODELS[name]().to(dtype)
    with torch.no_grad():
        for param in model.parameters():
            param.copy_(random.normal(*param.shape, scale=0.5, shift=0.25))
        for step in range(3):
            model.train()(random.normal(8, 5, scale=1.0 + step, shift=step - 1.0).to(dtype))
    return model.eval()


def values(name, dtype, model):
    x = Random(f"interop input {name}").normal(6, 5, scale=2.0).to(dtype)
    with torch.no_grad():
        return {"input": x, "output": model.eval()(x)}


def write():
    FOLDER.mkdir(exist_ok=True)
    for name in MODELS:
        for suffix, dtype in DTYPES.items():
            model = trained(name, dtype)
            save_file(model.state_dict(), FOLDER / f"{name}.{suffix}.safetensors", METADATA)
            save_file(values(name, dtype, model), FOLDER / f"{name}.{suffix}.values.safetensors")
            print(f"{name}.{suffix}: {', '.join(model.state_dict())}")
    for suffix, dtype in HALVES.items():
        model = trained("sequential", torch.float32).to(dtype)
        path = FOLDER / f"sequential.{suffix}.safetensors"
        save_file(model.state_dict(), path, METADATA)
        outputs = values("sequential", torch.float32, model.to(torch.float32))
        save_file(outputs, FOLDER / f"sequential.{suffix}.values.safetensors")
    write_pth()


def write_pth():
    """Writes the models in the ways in which PyTorch's users save them."""
    for name in ["custom", "convolutional"]:
        torch.save(trained(name, torch.float32).state_dict(), FOLDER / f"{name}.pth")
    state = trained("sequential", torch.float64).state_dict()
    # Views of one storage: transposed, with a step, and from the middle.
    numbers = torch.zeros(4, 200, dtype=torch.float64)
    numbers[0, 5:40] = state["0.weight"].t().flatten()
    state["0.weight"] = numbers[0, 5:40].view(5, 7).t()
    numbers[1, 0:21:3] = state["0.bias"]
    state["0.bias"] = numbers[1, 0:21:3]
    model = trained("sequential", torch.float64)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    model.train()(torch.ones(2, 5, dtype=torch.float64)).sum().backward()
    optimizer.step()
    checkpoint = {
        "epoch": 3,
        "best": 0.5,
        "name": "sequential",
        "shape": torch.Size([5, 3]),
        "model": state,
        "optimizer": optimizer.state_dict(),
        "parts": [torch.zeros(3), (1, 2)],
    }
    torch.save(checkpoint, FOLDER / "checkpoint.pth")
    torch.save(checkpoint, FOLDER / "checkpoint.protocol4.pth", pickle_protocol=4)
    torch.save(nn.ELU(), FOLDER / "whole_model.pth")


def check(folder, record):
    """Checks keys, dtypes, shapes and outputs of models that cotangent saved."""
    for name in MODELS:
        for suffix, dtype in DTYPES.items():
            path = folder / f"{name}.{suffix}.saved.safetensors"
            with safe_open(path, framework="pt") as file:
                assert file.metadata() == METADATA, file.metadata()
            state = load_file(path)
            model = MODELS[name]().to(dtype)
            expected = model.state_dict()
            for key, tensor in state.items():
                assert tensor.dtype == expected[key].dtype, (key, tensor.dtype)
                assert tensor.shape == expected[key].shape, (key, tensor.shape)
            model.load_state_dict(state, strict=True)
            for key, tensor in model.state_dict().items():
                assert torch.equal(tensor, state[key]), key
            found = load_file(folder / f"{name}.{suffix}.saved.values.safetensors")
            result = values(name, dtype, model)
            assert torch.equal(found["input"], result["input"]), "another input"
            difference = (found["output"] - result["output"]).abs().max().item()
            scale = result["output"].abs().max().item()
            bound = {"f32": 1e-6, "f64": 1e-12}[suffix]
            assert difference <= bound * max(scale, 1.0), (name, suffix, difference, scale)
            print(f"{name}.{suffix}: {len(state)} tensors, outputs differ by {difference:.1e}")
            if record:
                save_file(result, folder / f"{name}.{suffix}.saved.values.safetensors")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--record", action="store_true")
    arguments = parser.parse_args()
    if arguments.check:
        check(arguments.check, arguments.record)
    else:
        write()
