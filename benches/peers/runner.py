"""The common parts of the Python runners. src/lib.rs describes a runner."""

import json
import os
import sys
import time

import numpy as np

WORKLOADS = {
    # name: hidden layers, batch normalization, activation, batch
    "book_bn_elu_adam_b32": ([300, 100], True, "elu", 32),
    "book_bn_elu_adam_b128": ([300, 100], True, "elu", 128),
    "book_bn_elu_adam_b512": ([300, 100], True, "elu", 512),
    "deep20x100_selu_adam_b32": ([100] * 20, False, "selu", 32),
    "deep20x100_bn_relu_adam_b32": ([100] * 20, True, "relu", 32),
    "wide1024x4_relu_adam_b256": ([1024] * 4, False, "relu", 256),
}
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


def serve(cases, epochs=None):
    """Answers requests. `cases` maps names to setups, which return the function to time. The setup
    `epochs` returns a function that trains an epoch and returns its seconds and the accuracy."""
    out = os.fdopen(os.dup(1), "w")  # A framework may print, which must not mix with answers.
    os.dup2(2, 1)
    cases = dict(cases)
    if epochs and mnist():
        cases["mnist_epoch"] = epochs
    print(json.dumps(list(cases)), file=out, flush=True)
    last, run = None, None
    for line in sys.stdin:
        name, seconds = line.split()
        if name != last:
            run = None
            run = cases[name]()
            last = name
        if name == "mnist_epoch":
            taken, accuracy = run()
            answer = {"median": taken * 1e6, "accuracy": accuracy}
        else:
            answer = timed(run, float(seconds))
        print(json.dumps(answer), file=out, flush=True)
