"""Golden trajectories of optimizers on a small net: PyTorch's, Optax's and Keras's.

A case is named after the optimizer's settings, followed by one of these words:

    groups      the biases have half the learning rate, and weight decay 0.02
    frozen      the biases are not trained
    skipping    `hidden.weight` has no gradient in every third step, and keeps its value and state
    maximize    the loss is negated, and maximized
    average     the average of ASGD in place of the parameters
    ranks       the parameters are tensors of rank 1 to 4
    lazy        a table of words, of which each step uses some; rows without a gradient are skipped
    optax       computed by Optax
    keras       computed by Keras

Other cases are computed by PyTorch, or by Optax where PyTorch does not have the form.
"""

import os
from functools import partial

from keras_layers import keras  # First: it configures torch and Keras.

# Results must not depend on the instruction set, as with torch.
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = "--xla_cpu_max_isa=SSE4_2 --xla_cpu_multi_thread_eigen=false"

import jax
import numpy as np
import optax
import torch
from recording import File, Random
from torch import nn
from torch.optim import (
    Adafactor,
    Muon,
    NAdam,
    RAdam,
    LBFGS,
    RMSprop,
    Rprop,
    SGD,
    ASGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    SparseAdam,
)
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

jax.config.update("jax_enable_x64", True)

STEPS = 200
# The steps after which the parameters are written.
KEPT = [1, 2, 3, 4, *range(10, STEPS + 1, 10)]


class Net(nn.Module):
    """A net of 3, 5 and 2 units with tanh."""

    def __init__(self):
        super().__init__()
        random = Random("optimizers net")
        self.hidden, self.output = nn.Linear(3, 5), nn.Linear(5, 2)
        with torch.no_grad():
            for param in self.parameters():
                param.copy_(random.normal(*param.shape, scale=0.75))

    def forward(self, x):
        return self.output(torch.tanh(self.hidden(x)))

    def loss(self, step):
        """Returns the mean square error: of three samples in even steps, else of the others."""
        batch = slice(0, 3) if step % 2 == 0 else slice(3, 6)
        return (self(INPUTS[batch]) - TARGETS[batch]).square().mean()


INPUTS = Random("optimizers inputs").normal(6, 3)
TARGETS = Random("optimizers targets").normal(6, 2)


class Ranks(nn.Module):
    """A model of a vector, a matrix and two stacks of matrices."""

    SHAPES = {"vector": (4,), "matrix": (3, 4), "cube": (2, 4, 3), "kernel": (2, 3, 2, 2)}

    def __init__(self):
        super().__init__()
        for name, shape in self.SHAPES.items():
            param = Random(f"optimizers {name}").normal(*shape, scale=0.75)
            self.register_parameter(name, nn.Parameter(param))

    def loss(self, step):
        """Returns the mean square distance of each tanh from one of its two targets, in turn."""
        targets = ((p, ranks_target(name, step % 2)) for name, p in self.named_parameters())
        return sum((torch.tanh(p) - target).square().mean() for p, target in targets)


def ranks_target(name, turn):
    return Random(f"optimizers {name} {turn}").normal(*Ranks.SHAPES[name], scale=0.5)


class Words(nn.Module):
    """A table whose gradient is sparse."""

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(Random("optimizers words").normal(7, 3, scale=0.75))

    def loss(self, step):
        """Returns the mean square distance of the tanh of some words from a target."""
        turn = step % len(WORDS)
        used = nn.functional.embedding(WORDS[turn], self.table, sparse=True)
        return (torch.tanh(used) - words_target(turn)).square().mean()


WORDS = torch.tensor([[0, 2, 2, 5], [5, 6, 0, 6], [1, 2, 0, 1]])


def words_target(turn):
    return Random(f"optimizers words {turn}").normal(4, 3, scale=0.5)


def params_of(net, ending):
    return [p for path, p in net.named_parameters() if path.endswith(ending)]


def flat(net):
    return torch.cat([p.detach().flatten() for p in net.parameters()])


def gradients(net, step):
    loss = net.loss(step)
    for param, grad in zip(net.parameters(), torch.autograd.grad(loss, list(net.parameters()))):
        param.grad = grad


def groups_of(net, variants, lr):
    if "groups" in variants:
        biases = {"params": params_of(net, "bias"), "lr": lr / 2, "weight_decay": 0.02}
        return [{"params": params_of(net, "weight")}, biases]
    return [{"params": params_of(net, "weight" if "frozen" in variants else "")}]


def train(net, optimizer, variants=()):
    """Trains and returns the parameters after the steps in KEPT."""
    kept = []
    for step in range(STEPS):
        gradients(net, step)
        if "maximize" in variants:
            for param in net.parameters():
                param.grad = -param.grad
        if "skipping" in variants and step % 3 == 2:
            net.hidden.weight.grad = None
        optimizer.step()
        if step + 1 in KEPT:
            if "average" in variants:
                averages = [optimizer.state[p]["ax"].flatten() for p in net.parameters()]
                kept.append(torch.cat(averages))
            else:
                kept.append(flat(net))
    return torch.stack(kept)


def own_settings(groups, settings):
    """Yields each parameter with the settings of its group."""
    for group in groups:
        own = {name: value for name, value in group.items() if name != "params"}
        yield from ((param, settings | own) for param in group["params"])


def to_jax(tensor):
    return jax.numpy.array(tensor.detach().numpy(), copy=True)


class Optax:
    """An optimizer of Optax with the interface of PyTorch's.

    Each parameter has its own state, so that parameters without a gradient can be skipped.
    """

    def __init__(self, make, groups, **settings):
        self.params = [(p, make(**own)) for p, own in own_settings(groups, settings)]
        self.states = [rule.init(self.value(to_jax(p))) for p, rule in self.params]

    @torch.no_grad()
    def step(self):
        for i, (param, rule) in enumerate(self.params):
            if param.grad is not None:
                param.copy_(torch.from_numpy(np.array(self.update(i, rule, to_jax(param)))))

    def value(self, value):
        return value

    def update(self, i, rule, value):
        grad = to_jax(self.params[i][0].grad)
        updates, self.states[i] = rule.update(grad, self.states[i], value)
        return optax.apply_updates(value, updates)


class Lookahead(Optax):
    """`optax.lookahead`; the parameters of the PyTorch model are the fast weights."""

    def __init__(self, make, groups, period, slow_step, **settings):
        around = lambda **own: optax.lookahead(make(**own), period, slow_step)
        super().__init__(around, groups, **settings)
        self.slow = [to_jax(p) for p, _ in self.params]

    def value(self, value):
        return optax.LookaheadParams.init_synced(value)

    def update(self, i, rule, value):
        both = super().update(i, rule, optax.LookaheadParams(fast=value, slow=self.slow[i]))
        self.slow[i] = both.slow
        return both.fast


class Keras:
    """An optimizer of Keras with the interface of PyTorch's."""

    def __init__(self, make, groups, **settings):
        self.params = []
        for param, own in own_settings(groups, settings):
            rate = {"learning_rate": own.pop("lr")}
            variable, optimizer = keras.Variable(param.detach().numpy()), make(**own, **rate)
            optimizer.build([variable])
            self.params.append((param, variable, optimizer))

    @torch.no_grad()
    def step(self):
        for param, variable, optimizer in self.params:
            if param.grad is not None:
                optimizer.apply([param.grad], [variable])
                param.copy_(variable.value)


class RpropWithDecay(Rprop):
    """Rprop with the decay of PyTorch's other optimizers; PyTorch's Rprop has none."""

    def step(self):
        for group in self.param_groups:
            for param in group["params"]:
                if param.grad is not None:
                    grad = -param.grad if group["maximize"] else param.grad
                    grad = grad + group.get("weight_decay", 0.0) * param.detach()
                    param.grad = -grad if group["maximize"] else grad
        super().step()


class AmsgradInside:
    """AMSGrad as in PyTorch, but with epsilon inside the root; no library has this form."""

    def __init__(self, groups, **settings):
        self.params = [
            (p, own, [torch.zeros_like(p) for _ in range(3)])
            for p, own in own_settings(groups, settings)
        ]
        self.t = 0

    @torch.no_grad()
    def step(self):
        self.t += 1
        for p, own, (m, v, most) in self.params:
            (b1, b2), lr = own["betas"], own["lr"]
            grad = p.grad + own["weight_decay"] * p
            m.copy_(b1 * m + (1 - b1) * grad)
            v.copy_(b2 * v + (1 - b2) * grad**2)
            most.copy_(torch.maximum(most, v))
            m_hat, v_hat = m / (1 - b1**self.t), most / (1 - b2**self.t)
            p.sub_(lr * m_hat / torch.sqrt(v_hat + own["eps"]))


def newton_schulz(x, coefficients, steps, epsilon):
    """Runs PyTorch's iterations in the precision of `x`; PyTorch runs them in bfloat16."""
    a, b, c = coefficients
    if x.size(0) > x.size(1):
        return newton_schulz(x.T, coefficients, steps, epsilon).T
    result = x / x.norm().clamp(min=epsilon)
    for _ in range(steps):
        gram = result @ result.T
        result = a * result + (b * gram + c * gram @ gram) @ result
    rough = IN_BFLOAT16(x, coefficients, steps, epsilon)
    assert (rough - result).norm() < 0.25 * result.norm(), (rough, result)
    return result


# Replaces the iterations of PyTorch's Muon by those in full precision.
IN_BFLOAT16 = torch.optim._muon._zeropower_via_newtonschulz
torch.optim._muon._zeropower_via_newtonschulz = newton_schulz


class MuonAndAdamW:
    """PyTorch's Muon for matrices, except those of excluded shapes, and its AdamW for the rest."""

    def __init__(
        self, groups, betas=(0.9, 0.999), adam_eps=1e-8, factor=1.0, excluded=(), **settings
    ):
        self.optimizers = []
        for param, own in own_settings(groups, settings):
            if param.ndim == 2 and param.shape not in excluded:
                optimizer = Muon([param], **own)
            else:
                rate = dict(lr=own["lr"] * factor, weight_decay=own["weight_decay"])
                optimizer = AdamW([param], betas=betas, eps=adam_eps, **rate)
            self.optimizers.append(optimizer)

    def step(self):
        for optimizer in self.optimizers:
            optimizer.step()


def after_decay(rule, weight_decay):
    """Adds weight decay to the gradient in front of a rule of Optax."""
    return optax.chain(optax.add_decayed_weights(weight_decay), rule) if weight_decay else rule


def adagrad(lr, initial, eps, weight_decay=0.0):
    return after_decay(optax.adagrad(lr, initial, eps), weight_decay)


def rmsprop(lr, weight_decay=0.0, decay=0.99, **settings):
    return after_decay(optax.rmsprop(lr, decay, **settings), weight_decay)


def adam(lr, eps, betas=(0.9, 0.999), weight_decay=0.0):
    return after_decay(optax.adam(lr, *betas, eps=0.0, eps_root=eps), weight_decay)


def adamw(lr, eps, betas=(0.9, 0.999), weight_decay=0.01):
    return optax.adamw(lr, *betas, eps=0.0, eps_root=eps, weight_decay=weight_decay)


def lamb(lr, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.0):
    return optax.lamb(lr, *betas, eps=eps, weight_decay=weight_decay)


def lion(lr, betas=(0.9, 0.99), weight_decay=0.0):
    """Lion. Asserts that rounding does not decide a sign: no value is too close to 0."""
    rule = optax.lion(lr, *betas, weight_decay=weight_decay)

    def update(grad, state, param):
        signed = betas[0] * state[0].mu + (1 - betas[0]) * grad
        assert abs(signed).min() > 1e-6, signed
        return rule.update(grad, state, param)

    return optax.GradientTransformation(rule.init, update)


def muon(lr, weight_decay, **settings):
    """Muon with epsilon 0: Optax adds it to the norm, PyTorch takes the larger of the two."""
    dimensions = optax.contrib.MuonDimensionNumbers(reduction_axis=1, output_axis=0)
    rule = optax.contrib.muon(
        lr,
        eps=0.0,
        nesterov=False,
        weight_decay=weight_decay,
        adam_weight_decay=weight_decay,
        muon_weight_dimension_numbers=lambda params: jax.tree.map(
            lambda x: dimensions if x.ndim == 2 else None, params
        ),
        **settings,
    )
    # Without `jit` its loop would be compiled at each call.
    return optax.GradientTransformation(rule.init, jax.jit(rule.update))


def inner_sgd(lr, weight_decay=0.0):
    return after_decay(optax.sgd(lr), weight_decay)


def inner_adam(lr, weight_decay=0.0):
    return after_decay(optax.adam(lr), weight_decay)


ALL = ["", "groups", "frozen", "skipping"]
OPTIMIZERS = keras.optimizers


def sgd_cases():
    yield "sgd(0.25)", [""], SGD, dict(lr=0.25)
    yield "sgd(0.1,decay=0.1)", [*ALL, "maximize"], SGD, dict(lr=0.1, weight_decay=0.1)
    yield "momentum(0.05)", ["", "skipping"], SGD, dict(lr=0.05, momentum=0.9)
    yield "momentum(0.05)", ["keras"], partial(Keras, OPTIMIZERS.SGD), dict(lr=0.05, momentum=0.9)
    more = dict(lr=0.1, momentum=0.8, dampening=0.3)
    yield "momentum(0.1,0.8,dampening=0.3)", [""], SGD, more
    yield "momentum(0.05,decay=0.1)", [""], SGD, dict(lr=0.05, momentum=0.9, weight_decay=0.1)
    more = dict(lr=0.1, momentum=0.5, dampening=1.0, weight_decay=0.05)
    yield "momentum(0.1,0.5,dampening=1,decay=0.05)", [""], SGD, more
    more = dict(lr=0.1, momentum=0.8, dampening=0.3, weight_decay=0.1)
    yield "momentum(0.1,0.8,dampening=0.3,decay=0.1)", [*ALL, "maximize"], SGD, more
    nesterov = dict(lr=0.05, momentum=0.9, nesterov=True)
    yield "nesterov(0.05)", ["", "skipping"], SGD, nesterov
    yield "nesterov(0.05)", ["keras"], partial(Keras, OPTIMIZERS.SGD), nesterov
    more = dict(lr=0.1, momentum=0.7, nesterov=True)
    yield "nesterov(0.1,0.7)", [""], SGD, more
    yield "nesterov(0.1,0.7,decay=0.1)", ALL, SGD, more | dict(weight_decay=0.1)


def rprop_cases():
    """Yields cases in which no sign depends on the rounding of float32."""
    yield "rprop(0.01)", ["skipping", "frozen"], Rprop, dict(lr=0.01)
    slow = dict(lr=0.01, etas=(0.5, 1.05))
    yield "rprop(0.01,0.5,1.05)", ["", "maximize"], Rprop, slow
    more = dict(lr=0.05, etas=(0.6, 1.1), step_sizes=(1e-3, 0.04))
    yield "rprop(0.05,0.6,1.1,1e-3,0.04)", [""], Rprop, more
    yield "rprop(0.01,1e-3)", ["groups"], RpropWithDecay, dict(lr=0.01, step_sizes=(1e-3, 50))


def asgd_cases():
    yield "asgd(0.1)", ["", "skipping", "average"], ASGD, dict(lr=0.1)
    every = dict(lr=0.2, lambd=0.05, alpha=0.5, t0=20, weight_decay=0.1)
    yield "asgd(0.2,0.05,0.5,t0=20,decay=0.1)", [*ALL, "maximize", "average"], ASGD, every


def adagrad_cases():
    yield "ada_grad(0.1)", ["", "skipping"], Adagrad, dict(lr=0.1)
    yield "ada_grad(0.01)", [""], Adagrad, dict(lr=0.01)
    yield "ada_grad(0.2,rate_decay=0.02)", ["", "skipping"], Adagrad, dict(lr=0.2, lr_decay=0.02)
    yield "ada_grad(0.1,1e-2)", [""], Adagrad, dict(lr=0.1, eps=1e-2)
    yield "ada_grad(0.1,initial=0.1)", [""], Adagrad, dict(lr=0.1, initial_accumulator_value=0.1)
    yield "ada_grad(0.1,decay=0.1)", ALL, Adagrad, dict(lr=0.1, weight_decay=0.1)
    every = dict(lr=0.2, lr_decay=0.01, eps=1e-3, initial_accumulator_value=0.2, weight_decay=0.1)
    name = "ada_grad(0.2,1e-3,rate_decay=0.01,initial=0.2,decay=0.1)"
    yield name, [*ALL, "maximize"], Adagrad, every
    inside = dict(lr=0.1, initial=0.0, eps=1e-2)
    yield "ada_grad(0.1,inside=1e-2)", [""], partial(Optax, adagrad), inside
    inside = dict(lr=0.1, initial=0.1, eps=1e-7)
    yield "ada_grad(0.1,inside=1e-7,initial=0.1)", ["optax"], partial(Optax, adagrad), inside
    inside = dict(lr=0.1, initial_accumulator_value=0.1, epsilon=1e-7)
    yield "ada_grad(0.1,inside=1e-7,initial=0.1)", ["keras"], partial(
        Keras, OPTIMIZERS.Adagrad
    ), inside
    inside = dict(lr=0.1, initial=0.2, eps=1e-2, weight_decay=0.1)
    yield "ada_grad(0.1,inside=1e-2,initial=0.2,decay=0.1)", ALL, partial(Optax, adagrad), inside


def rmsprop_cases():
    yield "rms_prop(0.01)", ["", "skipping"], RMSprop, dict(lr=0.01)
    yield "rms_prop(0.005,0.9)", [""], RMSprop, dict(lr=0.005, alpha=0.9)
    yield "rms_prop(0.01,eps=1e-2)", [""], RMSprop, dict(lr=0.01, eps=1e-2)
    yield "rms_prop(0.002,momentum=0.9)", [""], RMSprop, dict(lr=0.002, momentum=0.9)
    yield "rms_prop(0.01,centered)", [""], RMSprop, dict(lr=0.01, centered=True)
    yield "rms_prop(0.01,decay=0.1)", ALL, RMSprop, dict(lr=0.01, weight_decay=0.1)
    every = dict(lr=0.005, alpha=0.95, eps=1e-3, momentum=0.8, centered=True, weight_decay=0.1)
    yield "rms_prop(0.005,0.95,eps=1e-3,momentum=0.8,centered,decay=0.1)", ALL, RMSprop, every
    of_optax, of_keras = partial(Optax, rmsprop), partial(Keras, OPTIMIZERS.RMSprop)
    outside = dict(lr=0.05, initial_scale=1.0, eps=1e-8, eps_in_sqrt=False)
    yield "rms_prop(0.05,initial=1)", [""], of_optax, outside
    yield "rms_prop(0.01,inside=1e-2)", [""], of_optax, dict(lr=0.01, eps=1e-2)
    inside = dict(lr=0.005, eps=1e-3, centered=True)
    yield "rms_prop(0.005,inside=1e-3,centered)", [""], of_optax, inside
    # The settings of Keras, then those of TensorFlow 1.
    inside = dict(lr=0.002, rho=0.9, epsilon=1e-7, momentum=0.5, centered=True)
    yield "rms_prop(0.002,0.9,inside=1e-7,momentum=0.5,centered)", ["keras"], of_keras, inside
    inside = dict(lr=0.002, decay=0.9, eps=1e-10, momentum=0.9, initial_scale=1.0)
    yield "rms_prop(0.002,0.9,inside=1e-10,momentum=0.9,initial=1)", ["optax"], of_optax, inside
    every = dict(
        lr=0.01,
        decay=0.95,
        eps=1e-3,
        momentum=0.8,
        centered=True,
        initial_scale=0.5,
        weight_decay=0.1,
    )
    name = "rms_prop(0.01,0.95,inside=1e-3,momentum=0.8,centered,initial=0.5,decay=0.1)"
    yield name, ALL, of_optax, every


def adam_cases():
    more = dict(betas=(0.8, 0.99), eps=1e-3)
    yield "adam(0.001)", [""], Adam, dict(lr=0.001)
    yield "adam(0.02)", ["", "skipping"], Adam, dict(lr=0.02)
    # SparseAdam adds epsilon to the root of the uncorrected average.
    lazy = dict(lr=0.02, betas=(0.8, 0.99), eps=1e-30)
    yield "adam(0.02,0.8,0.99,1e-30)", ["lazy"], SparseAdam, lazy
    yield "adam(0.01,0.8,0.99)", [""], Adam, dict(lr=0.01, betas=(0.8, 0.99))
    yield "adam(0.01,0,0.9,1e-1)", [""], Adam, dict(lr=0.01, betas=(0.0, 0.9), eps=1e-1)
    yield "adam(0.01,eps=1e-3)", [""], Adam, dict(lr=0.01, eps=1e-3)
    yield "adam(0.02,decay=0.1)", ALL, Adam, dict(lr=0.02, weight_decay=0.1)
    decoupled = dict(lr=0.02, weight_decay=0.1, decoupled_weight_decay=True)
    yield "adam(0.02,decoupled=0.1)", ["", "groups"], Adam, decoupled
    yield "adam(0.02,amsgrad)", [""], Adam, dict(lr=0.02, amsgrad=True)
    every = more | dict(lr=0.02, amsgrad=True, weight_decay=0.1)
    yield "adam(0.02,0.8,0.99,1e-3,amsgrad,decay=0.1)", ALL, Adam, every
    yield "adam(0.02,inside=1e-8)", [""], partial(Optax, adam), dict(lr=0.02, eps=1e-8)
    inside = dict(lr=0.02, betas=(0.8, 0.99), eps=1e-2, weight_decay=0.1)
    yield "adam(0.02,0.8,0.99,inside=1e-2,decay=0.1)", ALL, partial(Optax, adam), inside
    yield "adam(0.02,0.8,0.99,inside=1e-2,amsgrad,decay=0.1)", ["", "groups"], AmsgradInside, inside
    yield "adam_w(0.02)", ["", "skipping"], AdamW, dict(lr=0.02)
    yield "adam_w(0.02,decay=0.1)", ALL, AdamW, dict(lr=0.02, weight_decay=0.1)
    yield "adam_w(0.02,0.8,0.99,1e-3)", [""], AdamW, more | dict(lr=0.02)
    every = more | dict(lr=0.02, amsgrad=True, weight_decay=0.1)
    yield "adam_w(0.02,0.8,0.99,1e-3,amsgrad,decay=0.1)", [*ALL, "maximize"], AdamW, every
    yield "adam_w(0.02,inside=1e-2)", ["optax"], partial(Optax, adamw), dict(lr=0.02, eps=1e-2)
    yield "adam_w(0.02,0.8,0.99,inside=1e-2,decay=0.1)", ["", "groups"], partial(
        Optax, adamw
    ), inside


def adam_kin_cases():
    more, decay = dict(betas=(0.8, 0.99), eps=1e-3), dict(weight_decay=0.1)
    for name, optimizer in [("n_adam", NAdam), ("r_adam", RAdam)]:
        yield f"{name}(0.02)", ["", "skipping"], optimizer, dict(lr=0.02)
        yield f"{name}(0.02,0.8,0.99)", [""], optimizer, dict(lr=0.02, betas=(0.8, 0.99))
        yield f"{name}(0.02,eps=1e-2)", [""], optimizer, dict(lr=0.02, eps=1e-2)
        yield f"{name}(0.02,decay=0.1)", ALL, optimizer, decay | dict(lr=0.02)
        decoupled = more | decay | dict(lr=0.02, decoupled_weight_decay=True)
        yield f"{name}(0.02,0.8,0.99,1e-3,decoupled=0.1)", ALL, optimizer, decoupled
    yield "n_adam(0.02,momentum_decay=0.1)", [""], NAdam, dict(lr=0.02, momentum_decay=0.1)
    every = more | decay | dict(lr=0.02, momentum_decay=0.02, decoupled_weight_decay=True)
    yield "n_adam(0.02,0.8,0.99,1e-3,momentum_decay=0.02,decoupled=0.1)", ALL, NAdam, every
    of_keras = partial(Keras, OPTIMIZERS.Nadam), dict(lr=0.02, epsilon=1e-7)
    yield "n_adam(0.02,eps=1e-7,momentum_decay=1)", ["keras"], *of_keras
    yield "ada_max(0.02)", ["", "skipping"], Adamax, dict(lr=0.02)
    yield "ada_max(0.01,0.8,0.9)", [""], Adamax, dict(lr=0.01, betas=(0.8, 0.9))
    yield "ada_max(0.02,eps=1e-2)", [""], Adamax, dict(lr=0.02, eps=1e-2)
    every = more | decay | dict(lr=0.02)
    yield "ada_max(0.02,0.8,0.99,1e-3,decay=0.1)", ALL, Adamax, every
    yield "ada_delta(1)", ["", "skipping"], Adadelta, dict(lr=1.0)
    yield "ada_delta(1,0.95)", [""], Adadelta, dict(lr=1.0, rho=0.95)
    yield "ada_delta(0.25,eps=1e-3)", [""], Adadelta, dict(lr=0.25, eps=1e-3)
    of_keras = partial(Keras, OPTIMIZERS.Adadelta), dict(lr=1.0, rho=0.95, epsilon=1e-4)
    yield "ada_delta(1,0.95,1e-4)", ["keras"], *of_keras
    every = dict(lr=0.5, rho=0.95, eps=1e-3, weight_decay=0.1)
    yield "ada_delta(0.5,0.95,1e-3,decay=0.1)", ALL, Adadelta, every


def optax_cases():
    of_lamb, of_lion = partial(Optax, lamb), partial(Optax, lion)
    yield "lamb(0.005)", ["optax", "skipping"], of_lamb, dict(lr=0.005)
    of_keras = partial(Keras, OPTIMIZERS.Lamb), dict(lr=0.005, epsilon=1e-6)
    yield "lamb(0.005)", ["keras"], *of_keras
    yield "lamb(0.005,0.8,0.99)", ["optax"], of_lamb, dict(lr=0.005, betas=(0.8, 0.99))
    yield "lamb(0.005,eps=1e-2)", ["optax"], of_lamb, dict(lr=0.005, eps=1e-2)
    every = dict(lr=0.005, betas=(0.8, 0.99), eps=1e-3, weight_decay=0.1)
    yield "lamb(0.005,0.8,0.99,1e-3,decay=0.1)", ALL, of_lamb, every
    yield "lion(0.003)", ["optax", "skipping"], of_lion, dict(lr=0.003)
    of_keras = partial(Keras, OPTIMIZERS.Lion), dict(lr=0.003)
    yield "lion(0.003)", ["keras"], *of_keras
    yield "lion(0.003,0.8,0.95)", ["optax"], of_lion, dict(lr=0.003, betas=(0.8, 0.95))
    yield "lion(0.003,decay=0.1)", ALL, of_lion, dict(lr=0.003, weight_decay=0.1)
    every = dict(lr=0.003, betas=(0.8, 0.95), weight_decay=0.1)
    yield "lion(0.003,0.8,0.95,decay=0.1)", ["groups"], of_lion, every
    ahead = partial(Lookahead, inner_sgd), dict(lr=0.25, period=5, slow_step=0.5)
    yield "lookahead(5,0.5,sgd(0.25))", ["optax"], *ahead
    ahead = partial(Lookahead, inner_adam), dict(lr=0.02, period=6, slow_step=0.8, weight_decay=0.1)
    yield "lookahead(6,0.8,adam(0.02,decay=0.1))", ["optax", "groups"], *ahead


def factored_cases():
    """Yields cases with small steps or a large epsilon, so that steps do not oscillate."""
    yield "adafactor(0.003)", ["", "skipping", "ranks"], Adafactor, dict(lr=0.003)
    yield "adafactor(0.003)", ["keras"], partial(Keras, OPTIMIZERS.Adafactor), dict(lr=0.003)
    more = dict(lr=0.003, weight_decay=0.1)
    yield "adafactor(0.003,decay=0.1)", [*ALL, "maximize"], Adafactor, more
    more = dict(lr=0.02, beta2_decay=-0.5, eps=(0.1, 0.8), d=2.0, weight_decay=0.1)
    yield "adafactor(0.02,-0.5,0.1,0.8,d=2,decay=0.1)", [*ALL, "ranks"], Adafactor, more
    yield "adafactor(1,eps=1)", ["", "ranks"], Adafactor, dict(lr=1.0, eps=(1.0, 1e-3))


def muon_cases():
    match, decay = dict(adjust_lr_fn="match_rms_adamw"), dict(weight_decay=0.1)
    yield "muon(0.002)", [*ALL, "ranks"], MuonAndAdamW, match | decay | dict(lr=0.002)
    yield "muon(0.002,original)", [""], MuonAndAdamW, decay | dict(lr=0.002)
    spectral = dict(adjust_lr_fn="spectral_unclamped", weight_decay=0.0)
    yield "muon(0.002,spectral,decay=0)", ["", "skipping"], MuonAndAdamW, spectral | dict(lr=0.002)
    plain = match | decay | dict(lr=0.002, momentum=0.8, nesterov=False, ns_steps=3)
    yield "muon(0.002,0.8,plain,3)", ["", "groups"], MuonAndAdamW, plain
    more = dict(lr=0.005, betas=(0.8, 0.99), adam_eps=1e-3, factor=0.5, excluded=[(2, 5)], eps=0.5)
    more = match | decay | more
    yield "muon(0.005,eps=0.5,excluded,adam(0.8,0.99,1e-3,0.5))", ALL, MuonAndAdamW, more
    of_optax = partial(Optax, muon), decay | dict(lr=0.002, beta=0.9)
    yield "muon(0.002,0.9,plain,original,adam(eps=0))", ["optax"], *of_optax
    of_optax = partial(Optax, muon), decay | dict(
        lr=0.002, beta=0.9, consistent_rms=0.2, ns_steps=7
    )
    yield "muon(0.002,0.9,plain,7,adam(eps=0))", ["optax"], *of_optax


def problem(name):
    """Creates a file with the initial values and the data, from which Rust trains the same net."""
    file = File(name)
    for path, param in Net().named_parameters():
        file.put(f"problem/start.{path}", param)
    file.put("problem/inputs", INPUTS)
    file.put("problem/targets", TARGETS)
    file.put("problem/kept", torch.tensor(KEPT))
    return file


def optimizers():
    """Records two hundred steps of each optimizer."""
    file = problem("optimizers")
    families = [sgd_cases, rprop_cases, asgd_cases, adagrad_cases, rmsprop_cases, adam_cases]
    families += [adam_kin_cases, optax_cases, factored_cases, muon_cases]
    for path, param in Ranks().named_parameters():
        file.put(f"problem/ranks.start.{path}", param)
        for turn in range(2):
            file.put(f"problem/ranks.target.{turn}.{path}", ranks_target(path, turn))
    file.put("problem/words.start", Words().table)
    file.put("problem/words.used", WORDS)
    for turn in range(len(WORDS)):
        file.put(f"problem/words.target.{turn}", words_target(turn))
    for case, variants, optimizer, settings in (case for family in families for case in family()):
        for variant in variants:
            net = {"ranks": Ranks, "lazy": Words}.get(variant, Net)()
            more = settings | (dict(maximize=True) if variant == "maximize" else {})
            optimize = optimizer(groups_of(net, variant, settings["lr"]), **more)
            name = f"{case} {variant}".strip()
            file.put(f"{name}/trajectory", train(net, optimize, variant))
    return file


class Rosenbrock(nn.Module):
    """Rosenbrock's function, from its usual start."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([-1.2, 1.0]))

    def loss(self):
        x, y = self.w
        return 100 * (y - x**2) ** 2 + (1 - x) ** 2


class LeastSquares(nn.Module):
    """A linear model of the inputs of the net."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(3, 2))

    def loss(self):
        return (INPUTS @ self.w - TARGETS).square().mean()


class WholeNet(Net):
    """The net with a penalty, so that there is one minimum nearby."""

    def loss(self):
        penalty = sum(p.square().sum() for p in self.parameters())
        return (self(INPUTS) - TARGETS).square().mean() + 0.01 * penalty


def lbfgs():
    """Records the parameters of each evaluation, over several steps."""
    file = problem("lbfgs")
    for name, make, settings in [
        ("rosenbrock", Rosenbrock, dict(max_iter=100, max_eval=1000)),
        ("rosenbrock short", Rosenbrock, dict(max_iter=3, max_eval=1000, history_size=2)),
        ("least_squares", LeastSquares, dict(max_iter=100, max_eval=1000)),
        ("net", WholeNet, dict(max_iter=10, max_eval=1000, history_size=5)),
        ("net maximize", WholeNet, dict(max_iter=10, max_eval=1000, maximize=True)),
    ]:
        net, seen = make(), []
        sign = -1 if "maximize" in settings else 1
        optimizer = LBFGS(net.parameters(), line_search_fn="strong_wolfe", **settings)

        def closure():
            loss = sign * net.loss()
            for param, grad in zip(net.parameters(), torch.autograd.grad(loss, net.parameters())):
                param.grad = grad
            seen.append(flat(net))
            return loss

        for _ in range(8):
            optimizer.step(closure)
        file.put(f"{name}/evaluated", torch.stack(seen))
        file.put(f"{name}/minimum", flat(net))
    return file


def averages():
    """Records averages of the weights over a run with Nesterov momentum, from its first step on."""
    file, net = problem("averages"), Net()
    averaged = {
        "exponential(0.9)": AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.9)),
        "exponential(0.99)": AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.99)),
        "equal": AveragedModel(net),
    }
    kept = {name: [] for name in averaged}
    optimizer = SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    for step in range(STEPS):
        gradients(net, step)
        optimizer.step()
        for name, average in averaged.items():
            average.update_parameters(net)
            if step + 1 in KEPT:
                kept[name].append(flat(average.module))
    for name, rows in kept.items():
        file.put(f"{name}/trajectory", torch.stack(rows))
    return file
