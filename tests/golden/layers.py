"""Golden values of PyTorch's layers: training steps with gradients, then predictions."""

from recording import File, Random  # First: it configures torch.

import torch
from cases import hard_sigmoid
from torch import nn


class Subject:
    """A layer of PyTorch or Keras: a function that calls it, and its leaves by our paths.

    A leaf is the library's tensor and a function that converts it to ours, such as a transposition.
    """

    def __init__(self, call, params, buffers):
        self.call, self.params, self.buffers = call, params, buffers


def same(tensor):
    return tensor


def of_torch(module, rename=same):
    """Wraps a module. Buffers are looked up at each use, because some modules replace them."""
    return Subject(
        lambda training, *inputs: module.train(training)(*inputs),
        {rename(path): (param, same) for path, param in module.named_parameters()},
        lambda: {rename(path): (buffer, same) for path, buffer in module.named_buffers()},
    )


def record(file, name, subject, draw, steps=1, predictions=1, rate=None, prepare=lambda: None):
    """Records training steps of one layer, then predictions.

    `draw` returns the inputs of a step, `prepare` changes the initial random parameters. With a
    learning rate the layer is trained by gradient descent, with the cotangent as the gradient of
    the loss.
    """
    random = Random(f"layer {name}")
    with torch.no_grad():
        for param, _ in subject.params.values():
            param.copy_(random.normal(*param.shape, scale=0.5, shift=0.25))
        prepare()
    for path, (param, ours) in subject.params.items():
        file.put(f"{name}/start/{path}", ours(param))
    for path, (buffer, ours) in subject.buffers().items():
        if buffer.is_floating_point():
            file.put(f"{name}/start/{path}", ours(buffer))
    if rate:
        file.put(f"{name}/start/learning_rate", torch.tensor(rate))
    for step in range(steps + predictions):
        at = f"{name}/{step}" if step < steps else f"{name}/predict.{step - steps}"
        inputs = draw(random, step)
        real = {f"input.{i}": (x, same) for i, x in enumerate(inputs) if x.is_floating_point()}
        for role, (x, _) in real.items():
            file.put(f"{at}/{role}", x.requires_grad_())
        if not real:
            file.put(f"{at}/indices", *inputs)
        y = subject.call(step < steps, *inputs)
        assert y.dtype == torch.float64, name
        g = random.normal(*y.shape)
        file.put(f"{at}/output", y)
        file.put(f"{at}/cotangent", g)
        leaves = real | {
            path: leaf for path, leaf in subject.params.items() if leaf[0].requires_grad
        }
        grads = torch.autograd.grad(y, [leaf for leaf, _ in leaves.values()], g)
        for (path, (_, ours)), grad in zip(leaves.items(), grads):
            file.put(f"{at}/grad.{path}", ours(grad))
        if rate and step < steps:
            for (path, (leaf, ours)), grad in zip(leaves.items(), grads):
                if path in subject.params:
                    with torch.no_grad():
                        leaf.sub_(rate * grad)
                    file.put(f"{at}/after.{path}", ours(leaf))
        for path, (buffer, ours) in subject.buffers().items():
            file.put(f"{at}/{path}", ours(buffer))


def batches(*shape, sizes=(6,), scale=1.0, shift=0.0):
    """Draws batches of these sizes in turn; scale and mean grow with each step."""

    def draw(random, step):
        size = sizes[step % len(sizes)]
        return [random.normal(size, *shape, scale=scale + step, shift=shift + step)]

    return draw


def offset(random, step):
    """Draws values of 10,000 ± 1."""
    return [random.uniform([40, 24, 30, 20][step], 2, low=1e4 - 1, high=1e4 + 1)]


SIZES = (6, 5, 2, 7)


def batch_norm(file):
    settings = {
        "batch_norm": (nn.BatchNorm1d(4), batches(4, sizes=SIZES, shift=-2.0)),
        "batch_norm, lengths": (nn.BatchNorm1d(3), batches(3, 4, sizes=(3, 1, 2), shift=-2.0)),
        "batch_norm, images": (nn.BatchNorm2d(2), batches(2, 2, 3, sizes=(3, 2, 1), shift=-2.0)),
        "batch_norm, momentum 0.3": (nn.BatchNorm1d(4, momentum=0.3), batches(4, sizes=SIZES)),
        "batch_norm, cumulative": (nn.BatchNorm1d(4, momentum=None), batches(4, sizes=SIZES)),
        "batch_norm, epsilon 0.01": (nn.BatchNorm1d(4, eps=0.01), batches(4, sizes=SIZES)),
        "batch_norm, no affine": (nn.BatchNorm1d(4, affine=False), batches(4, sizes=SIZES)),
        "batch_norm, no running statistics": (
            nn.BatchNorm1d(4, track_running_stats=False),
            batches(4, sizes=SIZES),
        ),
        # With momentum 1 the running variance is the variance of the batch.
        "batch_norm, offset": (nn.BatchNorm1d(2, momentum=1.0), offset),
    }
    for name, (module, draw) in settings.items():
        record(file, name, of_torch(module), draw, steps=3)


def rms_norm(shape, **options):
    """Builds RMS normalization with PyTorch's epsilon for float32, our default in both dtypes."""
    return nn.RMSNorm(shape, eps=torch.finfo(torch.float32).eps, **options)


def normalizations(file):
    settings = {
        "layer_norm": (nn.LayerNorm(5), batches(5)),
        "layer_norm, images": (nn.LayerNorm((3, 4)), batches(2, 3, 4, sizes=(2,))),
        "layer_norm, epsilon 0.01": (nn.LayerNorm(5, eps=0.01), batches(5)),
        "layer_norm, no affine": (nn.LayerNorm(5, elementwise_affine=False), batches(5)),
        "layer_norm, no bias": (nn.LayerNorm(5, bias=False), batches(5)),
        "layer_norm, offset": (
            nn.LayerNorm(60),
            lambda random, _: [random.normal(3, 60, shift=1e4)],
        ),
        "rms_norm": (rms_norm(5), batches(5)),
        "rms_norm, images": (rms_norm((3, 4)), batches(2, 3, 4, sizes=(2,))),
        "rms_norm, epsilon 0.01": (nn.RMSNorm(5, eps=0.01), batches(5)),
        "rms_norm, no affine": (rms_norm(5, elementwise_affine=False), batches(5)),
    }
    for name, (module, draw) in settings.items():
        record(file, name, of_torch(module), draw)


class HardSigmoid(nn.Module):
    def forward(self, x):
        return hard_sigmoid(x)


def activations(file):
    settings = {
        "identity": nn.Identity(),
        "relu": nn.ReLU(),
        "relu6": nn.ReLU6(),
        "leaky_relu": nn.LeakyReLU(),
        "leaky_relu(0.2)": nn.LeakyReLU(0.2),
        "prelu": nn.PReLU(),
        "prelu, channels": nn.PReLU(4),
        # In training its slopes are random, except if the bounds are equal.
        "rrelu, predicting": nn.RReLU(),
        "rrelu(0.2,0.2)": nn.RReLU(0.2, 0.2),
        "elu": nn.ELU(),
        "elu(0.5)": nn.ELU(0.5),
        "celu": nn.CELU(),
        "celu(2)": nn.CELU(2.0),
        "selu": nn.SELU(),
        "gelu": nn.GELU(),
        "gelu_tanh": nn.GELU(approximate="tanh"),
        "silu": nn.SiLU(),
        "mish": nn.Mish(),
        "hard_swish": nn.Hardswish(),
        "softplus": nn.Softplus(),
        "tanh": nn.Tanh(),
        "hard_tanh": nn.Hardtanh(),
        "sigmoid": nn.Sigmoid(),
        "hard_sigmoid": HardSigmoid(),
        "log_sigmoid": nn.LogSigmoid(),
        "softmax": nn.Softmax(-1),
        "softmax(1)": nn.Softmax(1),
        "log_softmax": nn.LogSoftmax(-1),
        "log_softmax(1)": nn.LogSoftmax(1),
    }
    for name, module in settings.items():
        steps = 0 if "predicting" in name else 1
        # Inputs reach every kink. Three axes make the last axis differ from axis 1.
        record(file, name, of_torch(module), batches(4, 2, sizes=(3,), scale=3.0), steps)


def dropouts(file):
    """Records dropout where it is not random: in predictions, and with probability 0."""
    for name, layer in {"dropout": nn.Dropout, "alpha_dropout": nn.AlphaDropout}.items():
        record(file, f"{name}, predicting", of_torch(layer(0.4)), batches(3), steps=0)
        record(file, f"{name} of nothing", of_torch(layer(0.0)), batches(3))


class Recurrent(nn.Module):
    """A recurrent layer whose output is joined with its last states if states are given."""

    def __init__(self, make, last_only=False, lengths=None, **options):
        super().__init__()
        options = {"batch_first": True, **options}
        self.layer, self.last_only, self.lengths = make(2, 3, **options), last_only, lengths

    def forward(self, x, *states):
        given = None if not states else states[0] if len(states) == 1 else states
        if self.lengths:
            packed = nn.utils.rnn.pack_padded_sequence(
                x, self.lengths, batch_first=True, enforce_sorted=False
            )
            output, last = self.layer(packed, given)
            output, _ = nn.utils.rnn.pad_packed_sequence(output, batch_first=True)
        else:
            output, last = self.layer(x, given)
        last = last if isinstance(last, tuple) else (last,)
        if self.last_only:
            return torch.cat([*last[0]], 1)
        return joined(output, *last) if states else output


class Cell(nn.Module):
    """A cell whose states are joined to one vector."""

    def __init__(self, cell):
        super().__init__()
        self.layer = cell

    def forward(self, x, *states):
        states = self.layer(x, states[0] if len(states) == 1 else states)
        return joined(*states) if isinstance(states, tuple) else joined(states)


def joined(*tensors):
    return torch.cat([tensor.flatten() for tensor in tensors])


def recurrent(file):
    """Records whole sequences, from zeros and from given states, of unequal lengths, and steps."""
    leaf = lambda path: path.removeprefix("layer.")
    relu = {"nonlinearity": "relu"}
    kinds = {
        "lstm": (nn.LSTM, nn.LSTMCell, 2, {}),
        "gru": (nn.GRU, nn.GRUCell, 1, {}),
        "rnn": (nn.RNN, nn.RNNCell, 1, {}),
        "rnn, relu": (nn.RNN, nn.RNNCell, 1, relu),
    }
    both = {"num_layers": 2, "bidirectional": True}
    for kind, (layer, cell, states, options) in kinds.items():
        settings = {
            "": {},
            ", no bias": {"bias": False},
            ", last only": {"last_only": True, "bidirectional": True},
            ", time first, three layers": {"num_layers": 3, "batch_first": False},
            ", two layers in both directions": both,
        }
        sequence = lambda random, _: [random.normal(3, 5, 2)]
        for name, more in settings.items():
            module = Recurrent(layer, **options, **more)
            record(file, kind + name, of_torch(module, leaf), sequence)
        given = lambda count: lambda random, _: [
            random.normal(3, 5, 2),
            *[random.normal(count, 3, 3) for _ in range(states)],
        ]
        module = Recurrent(layer, num_layers=2, **options)
        record(file, f"{kind}, from states", of_torch(module, leaf), given(2))
        module = Recurrent(layer, lengths=[4, 5, 1], **both, **options)
        record(file, f"{kind}, lengths", of_torch(module, leaf), given(4))
        given = lambda random, _: [
            random.normal(3, 2), *[random.normal(3, 3) for _ in range(states)]
        ]
        record(file, f"{kind}_cell", of_torch(Cell(cell(2, 3, **options)), leaf), given)


class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x):
        return self.shortcut(x) + self.body(x)


class Mlp(nn.Module):
    """A dense net with the parameter names of our `Mlp`."""

    def __init__(self, norm, activation):
        super().__init__()
        block = lambda inputs, units: nn.ModuleDict(
            {
                "linear": nn.Linear(inputs, units, bias=norm in [None, rms_norm]),
                **({"norm": norm(units)} if norm else {}),
                "activation": activation(),
            }
        )
        self.hidden = nn.ModuleList([block(3, 6), block(6, 5)])
        self.out = nn.Linear(5, 2)

    def forward(self, x):
        for block in self.hidden:
            for part in block.values():
                x = part(x)
        return self.out(x)


def composed(file):
    """Records layers of layers, trained by gradient descent."""
    sequential = nn.Sequential(
        nn.Linear(3, 5, bias=False), nn.BatchNorm1d(5), nn.ELU(), nn.Linear(5, 2)
    )
    settings = {
        "sequential": sequential,
        "residual": Residual(nn.Sequential(nn.Linear(3, 3), nn.Tanh()), nn.Identity()),
        "residual, projected": Residual(nn.Linear(3, 2), nn.Linear(3, 2, bias=False)),
        "mlp": Mlp(None, nn.ReLU),
        "mlp, batch_norm, elu": Mlp(nn.BatchNorm1d, nn.ELU),
        "mlp, layer_norm, tanh": Mlp(nn.LayerNorm, nn.Tanh),
        "mlp, rms_norm, prelu": Mlp(rms_norm, nn.PReLU),
    }
    for name, module in settings.items():
        draw = lambda random, step: [random.normal([6, 4, 8][step % 3], 3, shift=0.5)]
        record(file, name, of_torch(module), draw, steps=5, predictions=1, rate=0.0625)


class BoundedEmbedding(nn.Embedding):
    """An embedding whose weight is not changed by a lookup, and whose scale is differentiated."""

    def __init__(self, count, dim, max_norm, norm_type, **settings):
        super().__init__(count, dim, **settings)
        self.bound, self.order = max_norm, norm_type

    def forward(self, indices):
        rows = super().forward(indices)
        norms = torch.linalg.vector_norm(rows, self.order, -1, keepdim=True)
        scaled = torch.where(norms > self.bound, rows * (self.bound / (norms + 1e-7)), rows)
        of_torch = nn.functional.embedding(
            indices,
            self.weight.detach().clone(),
            max_norm=self.bound,
            norm_type=self.order,
            padding_idx=self.padding_idx,
        )
        torch.testing.assert_close(scaled, of_torch, rtol=1e-14, atol=0.0)
        assert (norms > self.bound).any(), norms
        return scaled


def layers():
    file = File("layers")
    record(file, "linear", of_torch(nn.Linear(3, 4)), batches(3))
    record(file, "linear, no bias", of_torch(nn.Linear(3, 4, bias=False)), batches(3))
    record(file, "linear, sequences", of_torch(nn.Linear(3, 4)), batches(2, 3, sizes=(4,)))
    labels = lambda random, _: [random.labels(5, 2, 3)]
    record(file, "embedding", of_torch(nn.Embedding(5, 3)), labels)
    padded = nn.Embedding(5, 3, padding_idx=1)
    record(
        file,
        "embedding, padded",
        of_torch(padded),
        labels,
        prepare=lambda: padded.weight[1].zero_(),
    )
    for norm, bound in [(1.0, 1.25), (2.0, 0.75), (float("inf"), 0.5)]:
        bounded = BoundedEmbedding(5, 3, bound, norm)
        record(file, f"embedding, max_norm {bound} {norm}", of_torch(bounded), labels)
    bounded = BoundedEmbedding(5, 3, 0.75, 2.0, padding_idx=1)
    record(
        file,
        "embedding, max_norm 0.75 2.0, padded",
        of_torch(bounded),
        labels,
        prepare=lambda: bounded.weight[1].zero_(),
    )
    record(file, "flatten", of_torch(nn.Flatten()), batches(2, 3, sizes=(2,)))
    record(file, "flatten(2)", of_torch(nn.Flatten(2)), batches(2, 3, 2, sizes=(2,)))
    batch_norm(file)
    normalizations(file)
    activations(file)
    dropouts(file)
    recurrent(file)
    composed(file)
    return file
