"""Golden values of losses, of the divergence of distributions and of the cosine of an angle."""

from recording import INF, NAN, File, Random, short  # First, for it sets torch up.

import torch
import torch.nn.functional as F


def cross_entropy_cases(file):
    logits = {
        "samples": Random("cross entropy").normal(7, 5, scale=2.0),
        "large": Random("cross entropy large").uniform(6, 4, low=-1e4, high=1e4),
        "large and close": Random("cross entropy close").uniform(6, 4, low=1e4 - 2, high=1e4 + 2),
        "one class": Random("cross entropy one").normal(3, 1),
        "one sample": Random("cross entropy sample").normal(1, 4),
        "infinite": torch.tensor([[0.0, -INF, 1.0], [0.5, 0.25, -INF]]),
    }
    for case, x in logits.items():
        labels = Random(f"labels {case}").labels(x.shape[1], x.shape[0])
        if case == "infinite":
            labels = torch.tensor([0, 1])
        function = lambda x, labels=labels: F.cross_entropy(x, labels)
        second = case != "infinite"
        file.case("cross_entropy", case, function, x, second=second, extras={"indices": labels})
    for case, x in {
        "impossible label": [[0.0, -INF, 1.0], [0.5, 0.25, 1.0]],
        "infinite logit": [[0.0, INF, 1.0], [0.5, 0.25, 1.0]],
        "undefined logit": [[0.0, 1.0, NAN], [0.5, 0.25, 1.0]],
    }.items():
        labels = torch.tensor([1, 1])
        function = lambda x, labels=labels: F.cross_entropy(x, labels)
        file.case("cross_entropy", case, function, torch.tensor(x), extras={"indices": labels})


OPTIONS = {
    "": {},
    "(sum)": {"reduction": "sum"},
    "(batch mean)": {"reduction": "batchmean"},
    "(none)": {"reduction": "none"},
    "(weights)": {"weight": True},
    "(smoothing)": {"label_smoothing": 0.1},
    "(smoothing 1)": {"label_smoothing": 1.0},
    "(weights,smoothing)": {"weight": True, "label_smoothing": 0.1},
    "(weights,smoothing,none)": {"weight": True, "label_smoothing": 0.1, "reduction": "none"},
    "(ignore 3)": {"ignore_index": 3},
    "(ignore 255)": {"ignore_index": 255},
    "(weights,ignore 3)": {"weight": True, "ignore_index": 3},
    "(weights,smoothing,ignore 3)": {"weight": True, "label_smoothing": 0.1, "ignore_index": 3},
    "(smoothing,ignore 255,none)": {"label_smoothing": 0.1, "ignore_index": 255, "reduction": "none"},
}


def reduced(function, x, *others, reduction="mean", **options):
    """Any loss with the reduction that PyTorch has for one only."""
    if reduction == "batchmean":
        return function(x, *others, reduction="sum", **options) / (x.shape[0] if x.dim() else 1)
    return function(x, *others, reduction=reduction, **options)


def classified_cases(file):
    """Cross-entropy and negative log-likelihood with options."""
    inputs = {
        "samples": Random("classified").normal(8, 5, scale=2.0),
        "images": Random("classified images").normal(3, 5, 2, 3, scale=2.0),
        "large": Random("classified large").uniform(6, 5, low=-1e4, high=1e4),
    }
    weights = short(torch.tensor([0.5, 2.0, 1.0, 0.3, 3.0]))
    for name, options in OPTIONS.items():
        options = dict(options)
        extras = {"given.weight": weights} if options.pop("weight", False) else {}
        given = {"weight": weights} if extras else {}
        ignored = options.get("ignore_index")
        for case, x in inputs.items():
            labels = Random(f"classified labels {name} {case}").labels(5, x.shape[0], *x.shape[2:])
            labels[0], labels[-1] = 3, 3
            if ignored == 255:
                labels[1] = 255
            for kind in ["", "all ignored"] if ignored is not None and case == "samples" else [""]:
                if kind:
                    labels = torch.full_like(labels, ignored)
                recorded = extras | {"indices": labels}
                place = f"{case} {kind}".strip()
                if name or case == "images":
                    file.case(
                        f"cross_entropy{name}",
                        place,
                        lambda x: reduced(F.cross_entropy, x, labels, **given, **options),
                        x,
                        second=not kind,
                        extras=recorded,
                    )
                if "smoothing" not in name:
                    log_probabilities = short(x if case == "large" else F.log_softmax(x, 1))
                    file.case(
                        f"nll_loss{name}",
                        place,
                        lambda x: reduced(F.nll_loss, x, labels, **given, **options),
                        log_probabilities,
                        second=not kind,
                        extras=recorded,
                    )
            if ignored is None:
                target = short(F.softmax(Random(f"classified target {name} {case}").normal(*x.shape), 1))
                file.case(
                    f"cross_entropy{name} of probabilities",
                    case,
                    lambda x, t: reduced(F.cross_entropy, x, t, **given, **options),
                    x,
                    target,
                    second=True,
                    extras=extras,
                )
    for case, shape in {"one class": [3, 1], "no samples": [0, 3]}.items():
        x, labels = Random(case).normal(*shape), torch.zeros(shape[0], dtype=torch.int64)
        for op in ["cross_entropy(sum)", "cross_entropy(none)", "nll_loss", "nll_loss(none)"]:
            function = F.nll_loss if "nll" in op else F.cross_entropy
            options = OPTIONS[op.removeprefix("cross_entropy").removeprefix("nll_loss")]
            function = lambda x, f=function, options=options: f(x, labels, **options)
            file.case(op, case, function, x, extras={"indices": labels})
        function = lambda x, t: F.cross_entropy(x, t)
        target = Random(case + " target").uniform(*shape)
        file.case("cross_entropy of probabilities", case, function, x, target)
    rows = torch.tensor([[0.0, -INF, 1.0], [0.5, 0.25, INF], [0.0, 1.0, NAN]])
    target = torch.tensor([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])
    none = lambda x, t: F.cross_entropy(x, t, reduction="none")
    file.case("cross_entropy(none) of probabilities", "infinite", none, rows, target)


REDUCTIONS = ["mean", "sum", "batchmean", "none"]
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e-30, 1e4, -1e4, 1e30, INF, -INF, NAN]


def grid(first, second):
    a, b = torch.meshgrid(short(torch.tensor(first)), short(torch.tensor(second)), indexing="ij")
    return a.clone(), b.clone()


def elementwise_cases(file):
    compared = {
        "mse_loss": F.mse_loss,
        "l1_loss": F.l1_loss,
        "huber_loss(1)": lambda *x, **o: F.huber_loss(*x, delta=1.0, **o),
        "huber_loss(0.25)": lambda *x, **o: F.huber_loss(*x, delta=0.25, **o),
        "smooth_l1_loss(0.25)": lambda *x, **o: F.smooth_l1_loss(*x, beta=0.25, **o),
        "bce_with_logits": F.binary_cross_entropy_with_logits,
        "kl_div": F.kl_div,
        "kl_div_log_target": lambda *x, **o: F.kl_div(*x, log_target=True, **o),
    }
    for op, function in compared.items():
        for reduction in REDUCTIONS:
            name = f"{op} {reduction}"
            call = lambda x, t, f=function, r=reduction: reduced(f, x, t, reduction=r)
            for case, shape in {"spread": [6, 5], "scalar": [], "one": [1, 3], "empty": [0, 3]}.items():
                random = Random(f"{name} {case}")
                x, t = random.normal(*shape, scale=2.0), random.normal(*shape)
                if op == "bce_with_logits":
                    t = random.uniform(*shape)
                if op == "kl_div":
                    x, t = -short(x.abs() + 0.1), random.uniform(*shape, low=0.01)
                file.case(name, case, call, x, t, second=case != "empty")
        none = lambda x, t, f=function: f(x, t, reduction="none")
        if op == "bce_with_logits":
            targets = [0.0, 1.0, 0.25, 0.5, -0.5, 1.5]
        elif op == "kl_div":
            targets = [0.0, 1.0, 0.25, 1e-30, -0.5, NAN]
        elif op == "kl_div_log_target":
            targets = [0.0, -0.0, 0.5, -1.0, -2.0, 1e-30, -1e4, -1e30, -INF, NAN]
        else:
            targets = SPECIAL
        file.case(f"{op} none", "special", none, *grid(SPECIAL, targets))
    # The ends of the quadratic part, and equal operands.
    edge, zero = torch.tensor([1.0, -1.0, 0.25, -0.25, 0.0]), torch.zeros(5)
    for op in ["huber_loss(1)", "huber_loss(0.25)", "l1_loss"]:
        none = lambda x, t, f=compared[op]: f(x, t, reduction="none")
        file.case(f"{op} none", "kinks", none, edge, zero, second=True)


def binary_cases(file):
    weights = {
        "row": Random("bce row").uniform(5, low=0.2, high=4.0),
        "column": Random("bce column").uniform(6, 1, low=0.2, high=4.0),
        "all": Random("bce all").uniform(6, 5, low=0.2, high=4.0),
        "scalar": torch.tensor(2.5),
    }
    for case, weight in weights.items():
        random = Random(f"bce weights {case}")
        x, t = random.normal(6, 5, scale=2.0), random.uniform(6, 5)
        x[0, 0] = 0.0
        other = random.uniform(6, 5, low=0.2, high=4.0)
        for op, given in {
            "bce_with_logits(positive)": {"pos_weight": weight},
            "bce_with_logits(weight)": {"weight": weight},
            "bce_with_logits(positive,weight,none)": {"pos_weight": weight, "weight": other, "reduction": "none"},
        }.items():
            call = lambda x, t: F.binary_cross_entropy_with_logits(x, t, **given)
            names = {"pos_weight": "given.positive", "weight": "given.weight"}
            extras = {names[key]: given[key] for key in given if key in names}
            file.case(op, case, call, x, t, second=True, extras=extras)
    x, t = grid([0.0, 1.0, -1.0, 30.0, -30.0, 1e4, -1e4], [0.0, 1.0, 0.25])
    none = lambda x, t: F.binary_cross_entropy_with_logits(
        x, t, pos_weight=torch.tensor(2.5), weight=torch.tensor(0.5), reduction="none"
    )
    extras = {"given.positive": torch.tensor(2.5), "given.weight": torch.tensor(0.5)}
    file.case("bce_with_logits(positive,weight,none)", "special", none, x, t, extras=extras)


def cosine_cases(file):
    shapes = {
        "same": ([4, 5], [4, 5]),
        "row": ([4, 5], [5]),
        "stacks": ([2, 1, 5], [3, 5]),
        "vectors": ([7], [7]),
        "one": ([3, 1], [3, 1]),
        "no vectors": ([0, 3], [3]),
        "no elements": ([3, 0], [3, 0]),
    }
    for case, (a, b) in shapes.items():
        for axis in [0, -1]:
            random = Random(f"cosine {case} {axis}")
            call = lambda a, b, axis=axis: F.cosine_similarity(a, b, dim=axis, eps=1e-8)
            second = "no" not in case
            file.case(f"cosine_similarity({axis})", case, call, random.normal(*a), random.normal(*b), second=second)
    a = torch.tensor([[0.0, 0.0], [1.0, 2.0], [0.0, 0.0], [INF, 1.0], [NAN, 1.0], [3.0, 4.0]])
    b = torch.tensor([[1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [1.0, 1.0], [1.0, 1.0], [-3.0, -4.0]])
    last = lambda a, b: F.cosine_similarity(a, b, dim=-1, eps=1e-8)
    file.case("cosine_similarity(-1)", "special", last, a, b)


def net_cases(file):
    random, labels = Random("net"), Random("net labels").labels(3, 6)

    def net(x, w1, b1, w2, b2):
        return F.cross_entropy(F.linear(torch.tanh(F.linear(x, w1, b1)), w2, b2), labels)

    operands = [
        random.normal(6, 4),
        random.normal(5, 4),
        random.normal(5),
        random.normal(3, 5),
        random.normal(3),
    ]
    file.case(
        "linear tanh linear cross_entropy", "net", net, *operands, second=True, extras={"indices": labels}
    )
    weight = random.normal(3, 4)
    affine = lambda x, weight, bias: F.cross_entropy(F.linear(x, weight, bias), labels)
    operands = [random.normal(6, 4), weight, random.normal(3)]
    file.case("linear cross_entropy", "net", affine, *operands, second=True, extras={"indices": labels})
    normalized = lambda x, weight, gamma, beta: F.cross_entropy(
        F.elu(F.batch_norm(F.linear(x, weight), None, None, gamma, beta, training=True)), labels
    )
    operands = [random.normal(6, 4), weight, random.normal(3), random.normal(3)]
    file.case(
        "linear batch_norm elu cross_entropy",
        "net",
        normalized,
        *operands,
        second=True,
        extras={"indices": labels},
    )


def losses():
    file = File("losses")
    cross_entropy_cases(file)
    classified_cases(file)
    elementwise_cases(file)
    binary_cases(file)
    cosine_cases(file)
    net_cases(file)
    return file
