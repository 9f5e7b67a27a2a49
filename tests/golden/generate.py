"""Writes the golden values in data/: what PyTorch and Keras compute in float64, with the inputs.

    python -m venv golden && golden/bin/pip install -r requirements.txt
    golden/bin/python generate.py

Run twice it writes the same bytes. What is computed of operations, and on which cases, stands in the
registry of operations (rows.py reads it). Tensors are named `operation/case/role`, the roles being

    input.0, input.1, ...    operands (those of a differentiable operation, in its order)
    indices                  labels or indices, int64; of sorting the places that it must find
    given                    the numbers that a tensor is made from
    given.*, statistics.*    of batch normalization: statistics to use, statistics to find;
                             of losses: weights
    output, cotangent        the result, and a random cotangent for it
    grad.0, grad.1, ...      the vector-Jacobian product for each operand
    direction.N              random vectors v, and of the sum s of all v . grad
    second.N, second.g       the gradients with respect to each operand and to the cotangent

Those of layers are named `layer/step/role`, the step being `start`, 0, 1, ... while training, and
predict.0 and so on. `grad.` stands before `input.N` and the path of a parameter, `after.` before that of
one that has been trained in this step; paths alone are of running statistics after it.

A trajectory has a row of all parameters after each of the steps `problem/kept`; see optimizers.py for
how its optimizer is named. Of clipping there are the gradients before and after, `weight.N` where it
looks at the parameters, the bound, and the norm that it returns.

Inputs are exact in float32, so that the float64 results hold for them in that precision too; cases
that are not, for they go to the ends of float64's range, have a name that starts with `f64`.
"""

import sys

sys.dont_write_bytecode = True

import warnings  # noqa: E402

import clipping  # noqa: E402
import keras_layers  # noqa: E402
import layers  # noqa: E402
import optimizers  # noqa: E402
import other  # noqa: E402
import rows  # noqa: E402
import schedules  # noqa: E402
import torch  # noqa: E402
from recording import DATA  # noqa: E402

# It comes with JAX, and would have products of several matrices in other orders.
torch.backends.opt_einsum.enabled = False
# Of variances with too large a correction, which is what some cases are about.
warnings.filterwarnings("ignore", "(std|var).*degrees of freedom")

if __name__ == "__main__":
    for family in [
        *rows.files(),
        other.creation(),
        other.other(),
        layers.layers(),
        keras_layers.keras_layers(),
        optimizers.optimizers(),
        optimizers.averages(),
        clipping.clipping(),
        schedules.schedules(),
    ]:
        family.save()
        size = (DATA / f"{family.name}.safetensors").stat().st_size
        print(f"{family.name}: {len(family.tensors)} tensors, {size} bytes")
