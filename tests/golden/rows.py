"""Computes golden values for the rows of the registry of operations.

The registry is Rust (tests/support/operations). A row names a file and an operation, and has two
Python expressions. The first computes the operation with PyTorch, from the operands `x`, `y`, `z`
(all together: `operands`) and the extra values of a case. The second lists the cases (cases.py).
"""

import json
import pathlib
import subprocess

import cases
from recording import File

ROOT = pathlib.Path(__file__).parents[2]


def registry():
    """Returns the rows, which an ignored test prints."""
    test = "cargo test -p cotangent-tests --test golden print_registry"
    test += " -- --exact --ignored --nocapture"
    printed = subprocess.run(
        test.split(), cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    return json.loads(next(line for line in printed.splitlines() if line.startswith("[")))


def record(file, row):
    """Records the golden values of one row."""
    cases.OPERATION = row["name"]
    expression = compile(row["torch"], row["name"], "eval")
    for case, inputs, second, extras in eval(row["cases"], vars(cases)):
        given = {name.split(".")[-1]: value for name, value in extras.items()}

        def function(*operands):
            named = dict(zip("xyz", operands)) | {"operands": operands} | given
            return eval(expression, vars(cases) | named)

        file.case(row["name"], case, function, *inputs, second=second, extras=extras)


def files():
    """Returns all data files of operations with their values."""
    found = {}
    for row in registry():
        record(found.setdefault(row["file"], File(row["file"])), row)
    return found.values()
