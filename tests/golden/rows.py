"""The rows of the registry of operations, and their golden values.

The registry is Rust (tests/support/operations). A row names a file and an operation, and has two Python
expressions: PyTorch's, of the operands `x`, `y`, `z` (all of them are `operands`) and of what the cases give
beside them, and that of the cases (cases.py).
"""

import json
import pathlib
import subprocess

import cases
from recording import File

ROOT = pathlib.Path(__file__).parents[2]


def registry():
    """The rows, as a test prints them."""
    test = "cargo test -p cotangent-tests --test golden print_registry -- --exact --ignored --nocapture"
    printed = subprocess.run(test.split(), cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return json.loads(next(line for line in printed.splitlines() if line.startswith("[")))


def record(file, row):
    """The golden values of one row."""
    cases.OPERATION = row["name"]
    expression = compile(row["torch"], row["name"], "eval")
    for case, inputs, second, extras in eval(row["cases"], vars(cases)):
        given = {name.split(".")[-1]: value for name, value in extras.items()}

        def function(*operands):
            named = dict(zip("xyz", operands)) | {"operands": operands} | given
            return eval(expression, vars(cases) | named)

        file.case(row["name"], case, function, *inputs, second=second, extras=extras)


def files():
    """All data files of operations, filled."""
    found = {}
    for row in registry():
        record(found.setdefault(row["file"], File(row["file"])), row)
    return found.values()
