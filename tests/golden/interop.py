"""Exchanges models between PyTorch and cotangent; see tests/interop.rs.

    python interop.py                 writes PyTorch's models, inputs and outputs to interop/
    python interop.py --check FOLDER  loads models that cotangent saved in FOLDER and compares
                                      outputs; with --record it also writes PyTorch's outputs there

Some of PyTorch's models are in half precision, as most published models are. Their outputs are
computed from the same numbers in single precision.

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


MODELS = {
    "sequential": sequential,
    "custom": Custom,
    "wrapped": Wrapped,
    "recurrent": Recurrent,
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
