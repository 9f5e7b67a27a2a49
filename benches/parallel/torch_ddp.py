"""Training steps of PyTorch on several processes with one thread each, by DistributedDataParallel
on gloo. A single process trains without it, which is faster.

    python torch_ddp.py CASE RANKS SECONDS

Prints an empty line after the first steps, waits for a line of input, and then prints the seconds
of a step. The sizes of the nets and of the batches are those of main.rs. Choices that were measured
to be the fastest: the fused Adam, pixels before channels, and gradients that are views of buckets.
"""

import multiprocessing
import sys
import time

import torch
from torch import distributed, nn
from torch.nn import functional as F


def wide():
    sizes = [784, 1024, 1024, 1024, 1024]
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(1024, 10)), torch.randn(256, 784)


def cnn():
    net = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 10),
    )
    layout = torch.channels_last
    return net.to(memory_format=layout), torch.randn(64, 1, 28, 28).to(memory_format=layout)


CASES = {"wide1024x4": wide, "cnn": cnn}


def measure(rank, ranks, case, seconds):
    torch.manual_seed(1)
    net, x = CASES[case]()
    y = torch.arange(len(x)) * 7 % 10
    if ranks > 1:
        net = nn.parallel.DistributedDataParallel(net, gradient_as_bucket_view=True)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3, fused=True)

    def step():
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()

    def from_first(number):
        number = torch.tensor(number)
        if ranks > 1:
            distributed.broadcast(number, 0)
        return number.item()

    for _ in range(5):
        step()
    if rank == 0:
        print(flush=True)
        sys.stdin.readline()
    from_first(0)
    started = time.perf_counter()
    steps = 0
    while True:
        step()
        steps += 1
        # All ranks do the same number of steps.
        is_over = time.perf_counter() - started > seconds
        if steps % 10 == 0 and from_first(int(is_over)):
            break
    if rank == 0:
        print((time.perf_counter() - started) / steps, flush=True)


def run(rank, ranks, port, case, seconds):
    torch.set_num_threads(1)
    # The first rank takes a free port and starts the others with it.
    store = distributed.TCPStore(
        "127.0.0.1", port, ranks, is_master=rank == 0, wait_for_workers=False
    )
    others = []
    if rank == 0:
        context = multiprocessing.get_context("spawn")
        for other in range(1, ranks):
            arguments = (other, ranks, store.port, case, seconds)
            others.append(context.Process(target=run, args=arguments, daemon=True))
            others[-1].start()
    if ranks > 1:
        distributed.init_process_group("gloo", store=store, rank=rank, world_size=ranks)
    measure(rank, ranks, case, seconds)
    for other in others:
        other.join()
    if ranks > 1:
        distributed.destroy_process_group()


if __name__ == "__main__":
    case, ranks, seconds = sys.argv[1:]
    run(0, int(ranks), 0, case, float(seconds))
