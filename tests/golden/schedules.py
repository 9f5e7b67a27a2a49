"""Golden values of learning-rate schedules: PyTorch's, and Keras's where its form differs."""

import math

from recording import File  # First: it configures torch.

import keras_layers  # noqa: F401  It configures Keras.
import keras.optimizers.schedules as keras_schedules
import torch
from torch.optim import lr_scheduler as torch_schedules

BASE, STEPS = 0.1, 300


def sgd():
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=BASE, momentum=0.5)


def follow(build, steps=STEPS):
    """Returns the learning rate and the momentum of each step."""
    optimizer = sgd()
    scheduler = build(optimizer)
    found = []
    for step in range(steps):
        if step > 0:
            optimizer.step()
            scheduler.step()
        group = optimizer.param_groups[0]
        found.append((group["lr"], group["momentum"]))
    return torch.tensor(found).T


def chain(optimizer, milestones, *parts):
    parts = [part(optimizer) for part in parts]
    return torch_schedules.SequentialLR(optimizer, parts, milestones)


def torchs():
    """Returns builders of schedules, and for how many steps PyTorch and we agree."""
    t = torch_schedules
    linear = lambda o: t.LinearLR(o, start_factor=0.1, total_iters=20)  # noqa: E731
    return {
        "step(30, 0.5)": (lambda o: t.StepLR(o, 30, 0.5), STEPS),
        "multi_step(50 60 200, 0.3)": (lambda o: t.MultiStepLR(o, [50, 60, 200], 0.3), STEPS),
        "exponential(0.97)": (lambda o: t.ExponentialLR(o, 0.97), STEPS),
        "polynomial(200, 0.9, 0)": (lambda o: t.PolynomialLR(o, 200, 0.9), STEPS),
        "polynomial(50, 2, 0)": (lambda o: t.PolynomialLR(o, 50, 2.0), STEPS),
        "linear(0.25, 0.75, 100)": (lambda o: t.LinearLR(o, 0.25, 0.75, 100), STEPS),
        "linear(1, 0, 150)": (lambda o: t.LinearLR(o, 1.0, 0.0, 150), STEPS),
        "warm_up(40)": (lambda o: t.LinearLR(o, 1 / 41, 1.0, 40), STEPS),
        "warm_up_constant(40, 0.3)": (lambda o: t.ConstantLR(o, 0.3, 40), STEPS),
        "from_fn(0.95 after 7)": (lambda o: t.LambdaLR(o, lambda t: 0.95 ** (t // 7)), STEPS),
        # Beyond these steps PyTorch's learning rate rises again, and ours stays.
        "cosine(100, 0)": (lambda o: t.CosineAnnealingLR(o, 100), 101),
        "cosine(250, 0.1)": (lambda o: t.CosineAnnealingLR(o, 250, BASE * 0.1), 251),
        "cosine_restarts(40, 1, 0)": (lambda o: t.CosineAnnealingWarmRestarts(o, 40), STEPS),
        "cosine_restarts(10, 2, 0.05)": (
            lambda o: t.CosineAnnealingWarmRestarts(o, 10, 2, BASE * 0.05),
            STEPS,
        ),
        "cosine_restarts(7, 3, 0)": (lambda o: t.CosineAnnealingWarmRestarts(o, 7, 3), STEPS),
        # PyTorch's schedule fails beyond these steps.
        "one_cycle(200)": (lambda o: t.OneCycleLR(o, BASE, 200), 200),
        "one_cycle(200, linear)": (
            lambda o: t.OneCycleLR(o, BASE, 200, anneal_strategy="linear"),
            200,
        ),
        "one_cycle(150, 0.25, 10, 100, 0.9 0.7)": (
            lambda o: t.OneCycleLR(
                o,
                BASE,
                150,
                pct_start=0.25,
                div_factor=10.0,
                final_div_factor=100.0,
                max_momentum=0.9,
                base_momentum=0.7,
            ),
            150,
        ),
        "one_cycle(200, three_phase)": (
            lambda o: t.OneCycleLR(o, BASE, 200, three_phase=True),
            200,
        ),
        "one_cycle(99, 0.4, three_phase, linear)": (
            lambda o: t.OneCycleLR(
                o, BASE, 99, pct_start=0.4, three_phase=True, anneal_strategy="linear"
            ),
            99,
        ),
        "one_cycle(100, 0)": (lambda o: t.OneCycleLR(o, BASE, 100, pct_start=0.0), 100),
        "one_cycle(100, 1)": (lambda o: t.OneCycleLR(o, BASE, 100, pct_start=1.0), 100),
        "one_cycle(120, constant_momentum)": (
            lambda o: t.OneCycleLR(o, BASE, 120, cycle_momentum=False),
            120,
        ),
        "cyclic(20, 0.1)": (
            lambda o: t.CyclicLR(o, BASE * 0.1, BASE, 20, cycle_momentum=False),
            STEPS,
        ),
        "cyclic(20, 0.1, 30, 0.9 0.8)": (lambda o: t.CyclicLR(o, BASE * 0.1, BASE, 20, 30), STEPS),
        "cyclic(20, 0.1, triangular2, 0.95 0.85)": (
            lambda o: t.CyclicLR(
                o,
                BASE * 0.1,
                BASE,
                20,
                mode="triangular2",
                max_momentum=0.95,
                base_momentum=0.85,
            ),
            STEPS,
        ),
        "cyclic(20, 0.25, exp_range 0.99, 0.9 0.8)": (
            lambda o: t.CyclicLR(o, BASE * 0.25, BASE, 20, mode="exp_range", gamma=0.99),
            STEPS,
        ),
        "linear(0.1, 1, 20) then 20 cosine(100, 0)": (
            lambda o: chain(o, [20], linear, lambda o: t.CosineAnnealingLR(o, 100)),
            121,
        ),
        "linear(0.1, 1, 20) then 20 step(15, 0.5) then 100 exponential(0.98)": (
            lambda o: chain(
                o,
                [20, 100],
                linear,
                lambda o: t.StepLR(o, 15, 0.5),
                lambda o: t.ExponentialLR(o, 0.98),
            ),
            STEPS,
        ),
        "warm_up_constant(20, 0.1) times exponential(0.98)": (
            lambda o: t.ChainedScheduler([t.ConstantLR(o, 0.1, 20), t.ExponentialLR(o, 0.98)]),
            STEPS,
        ),
        "linear(0.1, 1, 20) times step(30, 0.5) times cosine(300, 0)": (
            lambda o: t.ChainedScheduler(
                [linear(o), t.StepLR(o, 30, 0.5), t.CosineAnnealingLR(o, 300)]
            ),
            STEPS,
        ),
    }


def kerass():
    k = keras_schedules
    return {
        "piecewise_constant(50 60 200, 1 0.5 0.25 0.01)": k.PiecewiseConstantDecay(
            [50, 60, 200], [BASE, BASE * 0.5, BASE * 0.25, BASE * 0.01]
        ),
        "power(20, 1)": k.InverseTimeDecay(BASE, 20, 1.0),
        "power(12.5, 1)": k.InverseTimeDecay(BASE, 50, 4.0),
        "polynomial(150, 1.5, 0.2)": k.PolynomialDecay(BASE, 150, BASE * 0.2, power=1.5),
        "cosine(150, 0.1)": k.CosineDecay(BASE, 150, alpha=0.1),
        "exponential(0.1 after 75)": k.ExponentialDecay(BASE, 75, 0.1),
    }


def metrics():
    """Returns a loss that falls, stagnates, has outliers, and is NaN at times."""
    falling = [1 + 3 * math.exp(-t / 20) + 0.2 * math.sin(t * t) for t in range(STEPS)]
    rough = [math.nan if t % 37 == 11 else value for t, value in enumerate(falling)]
    return torch.tensor(rough)


def plateaus():
    return {
        "plateau()": dict(),
        "plateau(0.5, patience 3)": dict(factor=0.5, patience=3),
        "plateau(0.5, patience 0, threshold 0.05)": dict(factor=0.5, patience=0, threshold=0.05),
        "plateau(0.7, patience 2, absolute_threshold 0.1, cooldown 4)": dict(
            factor=0.7, patience=2, threshold=0.1, threshold_mode="abs", cooldown=4
        ),
        "plateau(0.7, patience 2, maximize)": dict(factor=0.7, patience=2, mode="max"),
        "plateau(0.7, patience 2, maximize, absolute_threshold 0.1)": dict(
            factor=0.7, patience=2, mode="max", threshold=0.1, threshold_mode="abs"
        ),
        "plateau(0.8, patience 1, min_factor 0.05)": dict(
            factor=0.8, patience=1, min_lr=BASE * 0.05
        ),
    }


def schedules():
    """Records `learning_rate` and `momentum` of each schedule, and its `metric` if it uses one."""
    file = File("schedules")

    def put(name, values):
        for role, row in zip(["learning_rate", "momentum"], values):
            file.put(f"{name}/{role}", row)

    for name, (build, steps) in torchs().items():
        put(name, follow(build, steps))
    for name, schedule in kerass().items():
        rates = [float(schedule(t)) for t in range(STEPS)]
        put(name, torch.tensor([rates, [0.5] * STEPS]))
    for name, options in plateaus().items():
        optimizer = sgd()
        # With eps=0 changes of any size are made.
        scheduler = torch_schedules.ReduceLROnPlateau(optimizer, eps=0.0, **options)
        found = []
        for metric in metrics():
            found.append((optimizer.param_groups[0]["lr"], 0.5))
            scheduler.step(metric)
        put(name, torch.tensor(found).T)
        file.put(f"{name}/metric", metrics())
    return file
