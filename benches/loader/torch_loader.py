"""An epoch of PyTorch's DataLoader for each line of the input; prints the seconds it took."""

import sys
import time

import torch
from torch.utils.data import DataLoader, TensorDataset

samples, batch_size, workers = map(int, sys.argv[1:])
data = TensorDataset(torch.rand(samples, 64), torch.randint(10, (samples,)))
loader = DataLoader(
    data,
    batch_size=batch_size,
    shuffle=True,
    num_workers=workers,
    persistent_workers=workers > 0,
)
for _ in sys.stdin:
    start = time.perf_counter()
    count = sum(len(labels) > 0 for _, labels in loader)
    seconds = time.perf_counter() - start
    assert count == -(-samples // batch_size)
    print(seconds, flush=True)
