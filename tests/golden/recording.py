"""Draws inputs, computes golden values and names them; see generate.py."""

import math
import os
import pathlib
import zlib

# Results must not depend on the machine's instruction set.
os.environ["ATEN_CPU_CAPABILITY"] = "default"
os.environ["MKL_CBWR"] = "COMPATIBLE"

import torch  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

DATA = pathlib.Path(__file__).parent / "data"
INF, NAN = math.inf, math.nan


def short(tensor):
    """Rounds a tensor to float32 precision."""
    return tensor.float().double()


class Random:
    """Draws that depend on a name only, so that a new case does not change the others."""

    def __init__(self, name):
        self.generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))

    def normal(self, *shape, scale=1.0, shift=0.0):
        return short(torch.randn(shape, generator=self.generator) * scale + shift)

    def uniform(self, *shape, low=0.0, high=1.0):
        return short(torch.rand(shape, generator=self.generator) * (high - low) + low)

    def labels(self, bound, *shape):
        return torch.randint(bound, shape, generator=self.generator)


class File:
    """The golden values of one family of operations."""

    def __init__(self, name):
        self.name, self.tensors = name, {}

    def put(self, key, tensor):
        assert key not in self.tensors, key
        # A contiguous copy: safetensors refuses tensors that share storage.
        self.tensors[key] = tensor.detach().clone(memory_format=torch.contiguous_format)

    def case(self, op, case, function, *inputs, second=False, extras=None):
        """Records a function at these inputs. `extras` are its further arguments."""
        prefix = f"{op}/{case}"
        random = Random(prefix + " cotangent")
        for name, extra in (extras or {}).items():
            self.put(f"{prefix}/{name}", extra)
        inputs = [x.clone().requires_grad_() for x in inputs]
        output = function(*inputs)
        g = random.normal(*output.shape).requires_grad_()
        grads = torch.autograd.grad(output, inputs, g, create_graph=second)
        for i, (x, grad) in enumerate(zip(inputs, grads)):
            self.put(f"{prefix}/input.{i}", x)
            self.put(f"{prefix}/grad.{i}", grad)
        self.put(f"{prefix}/output", output)
        self.put(f"{prefix}/cotangent", g)
        if second:
            directions = [random.normal(*x.shape) for x in inputs]
            s = sum((v * grad).sum() for v, grad in zip(directions, grads))
            # Derivatives are zero for inputs that the gradients do not depend on, possibly all.
            if s.requires_grad:
                seconds = torch.autograd.grad(s, inputs + [g], materialize_grads=True)
            else:
                seconds = [torch.zeros_like(x) for x in inputs + [g]]
            for name, value in zip([*range(len(inputs)), "g"], seconds):
                self.put(f"{prefix}/second.{name}", value)
            for i, v in enumerate(directions):
                self.put(f"{prefix}/direction.{i}", v)

    def save(self):
        DATA.mkdir(exist_ok=True)
        save_file(self.tensors, DATA / f"{self.name}.safetensors")


def wide(shape):
    """Returns many values that are small integers over a power of two."""
    return Random("wide").labels(257, *shape).double() / 64 - 2
