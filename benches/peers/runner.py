"""The common parts of the Python runners. src/lib.rs describes a runner."""

import json
import os
import re
import sys
import time
from pathlib import Path

import numpy as np

BOOK = ([300, 100], True, "elu")
MATRICES = 10  # of 1000 x 1000, for the optimizers
BETA, ALPHA = 1.5, 0.25  # the slope of swish, and the focal loss's weight of positive targets


def normal(*shape):
    return np.random.default_rng(1).standard_normal(shape, dtype=np.float32)


def targets(*shape):
    """Returns 1 for every seventh element and 0 for the others."""
    return (np.arange(np.prod(shape)) % 7 == 0).astype(np.float32).reshape(shape)


def labels(count):
    return np.arange(count) * 7 % 10


def states(count, seed=1):
    """Returns the states of the generator of src/lib.rs."""
    factors = np.cumprod(np.full(count, 1_664_525, np.uint32), dtype=np.uint32)
    terms = np.cumsum(np.concatenate([np.ones(1, np.uint32), factors[:-1]]), dtype=np.uint32)
    return factors * np.uint32(seed) + terms * np.uint32(1_013_904_223)


def numbers(*shape, seed=1):
    """Returns the numbers of src/lib.rs, in (-1.7, 1.7)."""
    high = (states(int(np.prod(shape)), seed) >> 8).astype(np.float32)
    return ((high / np.float32(1 << 23) - 1) * np.float32(1.7)).reshape(shape)


def weight(seed, *shape):
    """Returns a model's weight number `seed`, scaled by its number of inputs."""
    return numbers(*shape, seed=seed) * np.float32(1 / np.prod(shape[1:]) ** 0.5)


def weights(shapes):
    """Returns the weights of these shapes, numbered from 1."""
    return [weight(seed, *shape) for seed, shape in enumerate(shapes, 1)]


def characters(batch, time):
    """Returns characters (batch, time) of 64 kinds, and those after them."""
    text = (states(batch * (time + 1)) >> 26).astype(np.int64).reshape(batch, time + 1)
    return text[:, :-1].copy(), text[:, 1:].copy()


def mnist():
    """Returns images from 0 to 1 and labels of training and test set; None if there are none."""
    folder = os.environ.get("MNIST")
    if not folder:
        return None
    parts = []
    for name in ["train", "t10k"]:
        with open(f"{folder}/{name}-images-idx3-ubyte", "rb") as file:
            images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
        with open(f"{folder}/{name}-labels-idx1-ubyte", "rb") as file:
            parts += [images.astype(np.float32) / 255]
            parts += [np.frombuffer(file.read(), np.uint8, offset=8)]
    return parts


def timed(run, seconds):
    begun = time.perf_counter()
    while time.perf_counter() - begun < seconds / 4:
        run()
    begun = time.perf_counter()
    times = []
    while len(times) < 3 or time.perf_counter() - begun < seconds:
        started = time.perf_counter()
        run()
        times.append((time.perf_counter() - started) * 1e6)
    return {"median": sorted(times)[len(times) // 2], "count": len(times)}


def memory(setup, warm):
    """Returns the peak of the memory that a case takes, without files, in bytes. `warm` runs first,
    if given, so that the framework's own memory does not count."""
    if warm:
        warm()
    Path("/proc/self/clear_refs").write_text("5")  # The peak begins anew.
    before = resident()
    run = setup()
    for _ in range(20):
        run()
    after = resident()
    return after["VmHWM"] - before["VmRSS"] - (after["RssFile"] - before["RssFile"])


def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    pairs = (line.split(":") for line in lines if line.endswith(" kB"))
    return {name: int(value.split()[0]) * 1024 for name, value in pairs}


def serve(cases, epochs=None, warm=None):
    """Answers requests. `cases` maps names to setups, which return the function to time. A function
    that trains returns its loss. The setup `epochs` returns a function that trains an epoch and
    returns its seconds and the accuracy."""
    out = os.fdopen(os.dup(1), "w")  # A framework may print, which must not mix with answers.
    os.dup2(2, 1)
    cases = dict(cases)
    if epochs and mnist():
        cases["mnist_epoch"] = epochs
    print(json.dumps(list(cases)), file=out, flush=True)
    last, run = None, None
    for line in sys.stdin:
        name, request = line.split()
        if name != last and request != "memory":
            run = None
            run = cases[name]()
            last = name
        if request == "memory":
            answer = {"memory": memory(cases[name], warm)}
        elif request.startswith("losses"):
            count = int(request.removeprefix("losses"))
            answer = {"losses": [float(run()) for _ in range(count)]}
        elif name == "mnist_epoch":
            taken, accuracy = run()
            answer = {"median": taken * 1e6, "accuracy": accuracy}
        else:
            answer = timed(run, float(request))
        print(json.dumps(answer), file=out, flush=True)


def serve_by_name(patterns):
    """Answers requests of the script `ops`: a name and seconds. A pattern of names comes with a
    function of the parts that it finds, which returns the function to time."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print(json.dumps("ready"), file=out, flush=True)
    last, run = None, None
    for line in sys.stdin:
        name, seconds = line.rstrip("\n").rsplit(" ", 1)
        if name != last:
            last, run = name, None
            for pattern, setup in patterns:
                if found := re.fullmatch(pattern, name):
                    run = setup(*found.groups())
                    break
        print(json.dumps(run and timed(run, float(seconds))), file=out, flush=True)
