"""Writes the golden values in data/: inputs, and the float64 results of PyTorch, Keras and Optax.

    python -m venv golden && golden/bin/pip install -r requirements.txt
    golden/bin/python generate.py

Two runs write the same bytes. The registry of operations has the expressions and the cases of
operations; rows.py reads it. Tensors are named `operation/case/role` with these roles:

    input.0, input.1, ...    the differentiable operands in order
    indices                  labels or indices, int64; for sorting, the expected positions
    given                    the numbers from which a tensor is created
    given.*, statistics.*    batch normalization: given statistics, expected statistics;
                             losses: weights
    output, cotangent        the result, and a random cotangent for it
    grad.0, grad.1, ...      the vector-Jacobian product for each operand
    direction.N              random vectors v; s is the sum of all v . grad
    second.N, second.g       the gradient of s for each operand, and for the cotangent

Tensors of layers are named `layer/step/role`. The step is `start`, then 0, 1, ... in training, then
predict.0, predict.1, ... The role `grad.PATH` is the gradient of an input or a parameter,
`after.PATH` a parameter after the step, and `PATH` alone a running statistic after the step.

A trajectory has one row of all parameters for each step in `problem/kept`; optimizers.py says how
optimizers are named. Clipping has the gradients before and after, `weight.N` if the kind depends on
the parameters, the bound, and the norm that it returns.

Inputs are exact in float32, so the float64 results are valid for float32 too. Cases at the ends of
float64's range have inputs that are not; their names start with `f64`.
"""

import sys

sys.dont_write_bytecode = True

import warnings  # noqa: E402

import clipping  # noqa: E402
import functions  # noqa: E402
import keras_layers  # noqa: E402
import layers  # noqa: E402
import optimizers  # noqa: E402
import other  # noqa: E402
import rows  # noqa: E402
import schedules  # noqa: E402
import spatial_layers  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from recording import DATA  # noqa: E402

# JAX installs opt_einsum, which would change the order of products of several matrices.
torch.backends.opt_einsum.enabled = False
# Some cases test variances with a correction that is too large.
warnings.filterwarnings("ignore", "(std|var).*degrees of freedom")

if __name__ == "__main__":
    for family in [
        *rows.files(),
        other.creation(),
        other.other(),
        layers.layers(),
        transformers.transformer(),
        spatial_layers.spatial(),
        spatial_layers.convolutional(),
        keras_layers.keras_layers(),
        optimizers.optimizers(),
        optimizers.averages(),
        optimizers.lbfgs(),
        clipping.clipping(),
        schedules.schedules(),
    ]:
        family.save()
        size = (DATA / f"{family.name}.safetensors").stat().st_size
        print(f"{family.name}: {len(family.tensors)} tensors, {size} bytes")
    functions.write()
