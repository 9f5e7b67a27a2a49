"""The operations of `--bench ops` in PyTorch, eager, for the script `ops`."""

import re

import torch
from torch.nn import functional as F

import runner
from torch_common import tensor

ROWS, WIDTH = 20_000, 64  # the table of the operations with indices
SIZES = {"64k": (256, 256), "1M": (1024, 1024), "16M": (4096, 4096)}
HALF = torch.arange(ROWS // 2) * 7919 % ROWS
PLACES = torch.arange(ROWS * WIDTH)
PLACES = ((PLACES * 31 + PLACES // 7) % WIDTH).reshape(ROWS, WIDTH)
MASK = (torch.arange(ROWS * WIDTH) * 7919 % 1009 < 504).reshape(ROWS, WIDTH)


def forward(f, *operands):
    return lambda: f(*operands)


def backward(f, x, *others):
    """Times f forward and backward, by its first operand and by all that need a gradient."""
    x.requires_grad_()
    g = torch.ones_like(f(x, *others).detach())
    tracked = [x, *(y for y in others if getattr(y, "requires_grad", False))]

    def run():
        for y in tracked:
            y.grad = None
        f(x, *others).backward(g)

    return run


UNARY = {
    "relu": F.relu,
    "exp": torch.exp,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "elu": F.elu,
    "selu": F.selu,
    "exp2": torch.exp2,
    "lgamma": torch.lgamma,
    "digamma": torch.digamma,
    "nan_to_num": torch.nan_to_num,
    "is_finite": torch.isfinite,
    "softsign": F.softsign,
    "tanh_shrink": F.tanhshrink,
    "soft_shrink": F.softshrink,
    "softplus_with": lambda x: F.softplus(x, 2.0, 20.0),
    "softmin": lambda x: F.softmin(x, -1),
    "glu": F.glu,
}
SEVERAL = {
    "remainder": lambda x, y, z: torch.remainder(x, y),
    "hypot": lambda x, y, z: torch.hypot(x, y),
    "logaddexp": lambda x, y, z: torch.logaddexp(x, y),
    "fmax": lambda x, y, z: torch.fmax(x, y),
    "lerp": torch.lerp,
    "addcmul": lambda x, y, z: torch.addcmul(x, y, z, value=0.5),
}
SECOND = {
    "contiguous": lambda n: tensor(n, n),
    "transposed": lambda n: tensor(n, n).T,
    "every second column": lambda n: tensor(n, 2 * n)[:, ::2],
    "row": lambda n: tensor(n),
    "column": lambda n: tensor(n, 1),
    "scalar": lambda n: tensor(1),
}
REDUCTIONS = {
    "sum": torch.sum,
    "sum over rows (axis 0)": lambda x: x.sum(0),
    "sum over columns (axis 1)": lambda x: x.sum(1),
    "variance over axis 0": lambda x: x.var(0),
    "max over axis 1": lambda x: x.amax(1),
    "nansum over axis 1": lambda x: x.nansum(1),
    "argmax over axis 1": lambda x: x.argmax(1),
    "median over axis 1": lambda x: x.median(1)[0],
    "median over axis 0": lambda x: x.median(0)[0],
    "mode over axis 1": lambda x: x.mode(1)[0],
    "cumsum along axis 1": lambda x: x.cumsum(1),
    "cummax along axis 1": lambda x: x.cummax(1)[0],
    "logcumsumexp along axis 1": lambda x: x.logcumsumexp(1),
    "sort along axis 1": lambda x: x.sort(1)[0],
    "top 10 along axis 1": lambda x: x.topk(10, 1)[0],
    "softmax": lambda x: x.softmax(1),
    "log_softmax": lambda x: x.log_softmax(1),
}
INDEXING = {
    "index_copy of half the rows": lambda x, s: x.index_copy(0, HALF, s[: ROWS // 2]),
    "index_add of half the rows": lambda x, s: x.index_add(0, HALF, s[: ROWS // 2]),
    "gather": lambda x, s: x.gather(1, PLACES),
    "scatter": lambda x, s: x.scatter(1, PLACES, s),
    "scatter_reduce of maxima": lambda x, s: x.scatter_reduce(1, PLACES, s, "amax"),
    "masked_select of half": lambda x, s: x.masked_select(MASK),
    "masked_scatter of half": lambda x, s: x.masked_scatter(MASK, s.view(-1)),
    "slice_scatter of half": lambda x, s: x.slice_scatter(s[:, : WIDTH // 2], 1, 0, WIDTH // 2),
    "roll": lambda x, s: x.roll(5, 1),
    "sliding_window of 4 by 2": lambda x, s: x.unfold(1, 4, 2).contiguous(),
    "repeat_interleave by 2": lambda x, s: x.repeat_interleave(2, 0),
}


def focal(x, y):
    """The focal loss as torchvision computes it, which PyTorch does not have."""
    p = x.sigmoid()
    missed = 1 - (p * y + (1 - p) * (1 - y))
    loss = F.binary_cross_entropy_with_logits(x, y, reduction="none") * missed**2
    return ((0.25 * y + 0.75 * (1 - y)) * loss).mean()


LABELS = torch.arange(1024) * 7 % 1024
LOSSES = {
    "mse_loss": lambda x, y, z: F.mse_loss(x, y),
    "bce_loss": lambda x, y, z: F.binary_cross_entropy(x.sigmoid(), y.clamp(0, 1)),
    "focal_loss": lambda x, y, z: focal(x, y),
    "poisson_nll_loss": lambda x, y, z: F.poisson_nll_loss(x, y),
    "gaussian_nll_loss": lambda x, y, z: F.gaussian_nll_loss(x, y, z.square()),
    "margin_ranking_loss": lambda x, y, z: F.margin_ranking_loss(x, y, torch.ones_like(x)),
    "hinge_embedding_loss": lambda x, y, z: F.hinge_embedding_loss(x, torch.ones_like(x)),
    "triplet_margin_loss": F.triplet_margin_loss,
    "multilabel_soft_margin_loss": lambda x, y, z: F.multilabel_soft_margin_loss(x, y),
    "multi_margin_loss": lambda x, y, z: F.multi_margin_loss(x, LABELS),
}
IMAGES = {
    "max_pool 2 x 2": lambda x: F.max_pool2d(x, 2),
    "max_pool 3 x 3 by 2": lambda x: F.max_pool2d(x, 3, 2, 1),
    "avg_pool 2 x 2": lambda x: F.avg_pool2d(x, 2),
    "global_avg_pool": lambda x: x.mean((2, 3)),
    "adaptive_avg_pool 7 x 7": lambda x: F.adaptive_avg_pool2d(x, 7),
    "upsample_nearest x 2": lambda x: F.interpolate(x, scale_factor=2),
    "upsample_linear x 2": lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"),
    "unfold 3 x 3": lambda x: F.unfold(x, 3, padding=1),
    "group_norm of 8": lambda x: F.group_norm(x, 8),
}
LAYOUTS = {
    "": (False, False),
    " transposed x contiguous": ("transposed", False),
    " contiguous x transposed": (False, "transposed"),
    " strided x contiguous": ("strided", False),
    " contiguous x strided": (False, "strided"),
}
OPTIMIZERS = {
    "Sgd": lambda p: torch.optim.SGD(p, 1e-3, fused=True),
    "Momentum": lambda p: torch.optim.SGD(p, 1e-3, momentum=0.9, fused=True),
    "Nesterov": lambda p: torch.optim.SGD(p, 1e-3, momentum=0.9, nesterov=True, fused=True),
    "Rprop": lambda p: torch.optim.Rprop(p, 1e-3, foreach=True),
    "Asgd": lambda p: torch.optim.ASGD(p, 1e-3, foreach=True),
    "AdaGrad": lambda p: torch.optim.Adagrad(p, 1e-3, fused=True),
    "RmsProp": lambda p: torch.optim.RMSprop(p, 1e-3, foreach=True),
    "RmsProp (centered, with momentum)": lambda p: torch.optim.RMSprop(
        p, 1e-3, centered=True, momentum=0.9, foreach=True
    ),
    "Adam": lambda p: torch.optim.Adam(p, 1e-3, fused=True),
    "Adam (AMSGrad)": lambda p: torch.optim.Adam(p, 1e-3, amsgrad=True, fused=True),
    "AdamW": lambda p: torch.optim.AdamW(p, 1e-3, fused=True),
    "NAdam": lambda p: torch.optim.NAdam(p, 1e-3, foreach=True),
    "RAdam": lambda p: torch.optim.RAdam(p, 1e-3, foreach=True),
    "AdaMax": lambda p: torch.optim.Adamax(p, 1e-3, foreach=True),
    "AdaDelta": lambda p: torch.optim.Adadelta(p, 1.0, foreach=True),
    "Adafactor": lambda p: torch.optim.Adafactor(p, 1e-3),
    "Muon": lambda p: torch.optim.Muon(p, 1e-3),
}


def several(f, shape):
    return lambda x: f(x, tensor(*shape), tensor(*shape))


def elementwise(name, size, also):
    shape = SIZES[size]
    if f := SEVERAL.get(name):
        return forward(f, *(tensor(*shape) for _ in range(3)))
    return (backward if also else forward)(UNARY[name], tensor(*shape))


def add(layout, also):
    second = SECOND[layout](1024)
    if also:
        return backward(torch.add, tensor(1024, 1024), second.requires_grad_())
    return forward(torch.add, tensor(1024, 1024), second)


def reduction(name, rows, columns, also):
    return (backward if also else forward)(REDUCTIONS[name], tensor(int(rows), int(columns)))


def indexing(name, also):
    return (backward if also else forward)(INDEXING[name], tensor(ROWS, WIDTH), tensor(ROWS, WIDTH))


def bucketize():
    return forward(torch.bucketize, tensor(ROWS, WIDTH), torch.linspace(-3, 3, 99))


def cdist(m, k, n):
    x, y = tensor(int(m), int(n)), tensor(int(k), int(n)).requires_grad_()
    f = lambda x, y: torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
    return backward(f, x, y)


def loss(name):
    shape = (1024, 1024)
    return backward(LOSSES[name], tensor(*shape), tensor(*shape), tensor(*shape))


def ctc(batch, time, classes):
    batch, time, classes = int(batch), int(time), int(classes)
    x = tensor(batch, time, classes).log_softmax(-1)
    labels = (1 + torch.arange(batch * 40) * 7 % (classes - 1)).reshape(batch, 40)
    steps, counts = torch.full((batch,), time), torch.full((batch,), 40)
    f = lambda x: F.ctc_loss(x.transpose(0, 1), labels, steps, counts)
    return backward(f, x)


def cross_entropy(m, n):
    m, n = int(m), int(n)
    labels = torch.arange(m) * 7 % n
    return backward(lambda x: F.cross_entropy(x, labels), tensor(m, n))


def norm(kind, m, n, also):
    m, n = int(m), int(n)
    layer = (torch.nn.BatchNorm1d if kind == "BatchNorm" else torch.nn.LayerNorm)(n)
    if not also:
        with torch.no_grad():
            x = tensor(m, n)
            return lambda: layer(x)
    run = backward(layer, tensor(m, n))

    def step():
        layer.zero_grad()
        run()

    return step


def image(name, shape, also):
    shape = [int(length) for length in shape.split(",")]
    return (backward if also else forward)(IMAGES[name], tensor(*shape))


def matrix(rows, columns, layout):
    if layout == "transposed":
        return tensor(columns, rows).T
    return tensor(rows, 2 * columns)[:, ::2] if layout else tensor(rows, columns)


def product(n, layout):
    n = int(n)
    return forward(torch.matmul, *(matrix(n, n, lies) for lies in LAYOUTS[layout]))


def layer(inputs, outputs, batch, part):
    inputs, outputs, batch = int(inputs), int(outputs), int(batch)
    (m, k, n), layouts = {
        "forward": ((batch, inputs, outputs), (False, "transposed")),
        "weights": ((outputs, batch, inputs), ("transposed", False)),
        "inputs": ((batch, outputs, inputs), (False, False)),
    }[part]
    return forward(torch.matmul, matrix(m, k, layouts[0]), matrix(k, n, layouts[1]))


def optimizer(name, matrices):
    params = [torch.nn.Parameter(tensor(1000, 1000)) for _ in range(int(matrices))]
    for param in params:
        param.grad = tensor(1000, 1000)
    return OPTIMIZERS[name](params).step


def recurrent(name, also):
    kind = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}[name]
    net, x = kind(64, 256, batch_first=True), tensor(32, 64, 64)
    if not also:

        def predict():
            with torch.inference_mode():
                net(x)

        return predict
    run = backward(lambda x: net(x)[0], x)

    def step():
        net.zero_grad()
        run()

    return step


def attention(batch, heads, time, width, also):
    shape = [int(length) for length in (batch, heads, time, width)]
    f = lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True)
    operands = [tensor(*shape) for _ in range(3)]
    if not also:
        return forward(f, *operands)
    return backward(f, operands[0], *(x.requires_grad_() for x in operands[1:]))


def chain(kind, also):
    tracked, c = kind != "untracked", 1.0001 if kind == "number" else torch.tensor(1.0001)
    x = torch.tensor(1.0, requires_grad=tracked)

    def run():
        x.grad = None
        y = x
        for _ in range(1000):
            y = y * c
        if also:
            y.backward()

    return run


def products():
    x, w, g = tensor(8, 8).requires_grad_(), tensor(8, 8) * 0.3, tensor(8, 8)

    def run():
        x.grad = None
        y = x
        for _ in range(100):
            y = y @ w
        y.backward(g)

    return run


def choice(names):
    return "|".join(re.escape(name) for name in names)


ALSO = r"( forward \+ backward)?"
PATTERNS = [
    (rf"({choice(UNARY | SEVERAL)}) (64k|1M|16M){ALSO}", elementwise),
    (rf"add 1M ({choice(SECOND)}){ALSO}", add),
    (rf"({choice(REDUCTIONS)}) (\d+) x (\d+){ALSO}", reduction),
    (rf"({choice(INDEXING)}) of \[20000, 64\]{ALSO}", indexing),
    (r"bucketize 1280000 into 100", bucketize),
    (r"cdist (\d+) x (\d+), vectors of (\d+), forward \+ backward", cdist),
    (rf"({choice(LOSSES)}) 1024 x 1024 forward \+ backward", loss),
    (r"ctc_loss (\d+) x (\d+) x (\d+) forward \+ backward", ctc),
    (r"cross_entropy (\d+) x (\d+) forward \+ backward", cross_entropy),
    (rf"(BatchNorm|LayerNorm) (\d+) x (\d+){ALSO}", norm),
    (rf"({choice(IMAGES)}) of \[(.*)\]{ALSO}", image),
    (rf"matmul (\d+)({choice(LAYOUTS)})", product),
    (r"layer (\d+) -> (\d+), batch (\d+): (forward|weights|inputs)", layer),
    (r"layer 784 -> 300, one sample", lambda: layer(784, 300, 1, "forward")),
    (rf"({choice(OPTIMIZERS)}), (\d+)M parameters", optimizer),
    (r"(lstm|gru|rnn) 64 -> 256, 32 x 64 steps: forward( and backward)?", recurrent),
    (
        r"causal attention (\d+) x (\d+) x (\d+) x (\d+): forward( and backward)?",
        attention,
    ),
    (r"chain of 1,000 scalar products, (untracked)", lambda kind: chain(kind, False)),
    (r"chain of 1,000 scalar products, (forward)", lambda kind: chain(kind, False)),
    (
        r"chain of 1,000 scalar products, (forward) \+ backward",
        lambda kind: chain(kind, True),
    ),
    (r"chain of 1,000 x \* 1.0001, forward \+ backward", lambda: chain("number", True)),
    (r"100 products of 8 x 8, forward \+ backward", products),
]


if __name__ == "__main__":
    runner.serve_by_name(PATTERNS)
