"""Golden values of softmax, losses and batch normalization."""

from recording import INF, NAN, File, Random, short, wide  # First, for it sets torch up.

import torch
import torch.nn.functional as F


def softmax():
    file = File("softmax")
    for op, function in [("softmax", F.softmax), ("log_softmax", F.log_softmax)]:
        for axis in [0, 1, -1]:
            along = lambda x, function=function, axis=axis: function(x, axis)
            random = Random(f"{op} {axis}")
            file.case(f"{op}({axis})", "cube", along, random.normal(3, 4, 5, scale=2.0), second=True)
            large = random.uniform(2, 3, 4, low=-1e4, high=1e4)
            file.case(f"{op}({axis})", "large", along, large, second=True)
            close = random.uniform(2, 3, 4, low=1e4 - 2, high=1e4 + 2)
            file.case(f"{op}({axis})", "large and close", along, close, second=True)
        along = lambda x, function=function: function(x, -1)
        random = Random(op)
        file.case(f"{op}(-1)", "long", along, wide([2, 1200]))
        file.case(f"{op}(-1)", "vector", along, random.normal(17), second=True)
        file.case(f"{op}(-1)", "one class", along, random.normal(3, 1), second=True)
        file.case(f"{op}(-1)", "empty", along, torch.zeros(0, 3))
        file.case(f"{op}(-1)", "no classes", along, torch.zeros(3, 0))
        rows = [[0.0, -INF, 1.0], [-INF, -INF, 2.0], [-INF, -INF, -INF], [0.0, INF, 1.0], [0.0, NAN, 1.0]]
        file.case(f"{op}(-1)", "infinite", along, torch.tensor(rows))
    return file


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


def losses():
    file = File("losses")
    cross_entropy_cases(file)
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
    return file


def batch_norm():
    file = File("batch_norm")
    inputs = {
        "samples": Random("bn 2").normal(6, 5, scale=2.0, shift=0.5),
        "lengths": Random("bn 3").normal(4, 3, 5, scale=2.0, shift=0.5),
        "images": Random("bn 4").normal(2, 3, 4, 2),
        "two values": Random("bn two").normal(2, 4),
        "one sample": Random("bn one").normal(1, 3, 7),
        "offset": Random("bn offset").uniform(256, 2, low=1e4 - 1, high=1e4 + 1),
        "constant": torch.tensor([0.3, -1e3, 7.0]).repeat(6, 1).float().double(),
    }
    for case, x in inputs.items():
        channels, axes = x.shape[1], [axis for axis in range(x.dim()) if axis != 1]
        random = Random(f"coefficients {case}")
        gamma, beta = random.normal(channels, shift=1.0), random.normal(channels)
        mean, variance = random.normal(channels), random.uniform(channels, low=0.1, high=4.0)
        if case == "offset":
            mean += 1e4
            mean = short(mean)
        statistics = {
            "statistics.mean": x.mean(dim=axes),
            "statistics.variance": x.var(dim=axes, unbiased=False),
        }
        given = {"given.mean": mean, "given.variance": variance}
        second = case not in ["offset", "constant"]
        norm = lambda x, w=None, b=None, eps=1e-5: F.batch_norm(x, None, None, w, b, training=True, eps=eps)
        held = lambda x, w=None, b=None, eps=1e-5: F.batch_norm(
            x, mean, variance, w, b, training=False, eps=eps
        )
        record = lambda op, f, *operands, extras: file.case(
            op, case, f, *operands, second=second, extras=extras
        )
        record("batch_norm(1e-5)", norm, x, extras=statistics)
        record("batch_norm(gamma,beta,1e-5)", norm, x, gamma, beta, extras=statistics)
        record("batch_norm_with(1e-5)", held, x, extras=given)
        record("batch_norm_with(gamma,beta,1e-5)", held, x, gamma, beta, extras=given)
        if case in ["samples", "lengths"]:
            record(
                "batch_norm(gamma,beta,1e-1)", lambda *t: norm(*t, eps=0.1), x, gamma, beta, extras=statistics
            )
            record("batch_norm(gamma,1e-5)", lambda x, w: norm(x, w), x, gamma, extras=statistics)
            # PyTorch cannot differentiate this twice with no gamma at all.
            ones = torch.ones(channels)
            record("batch_norm(beta,1e-5)", lambda x, b: norm(x, ones, b), x, beta, extras=statistics)
            record(
                "batch_norm_with(gamma,beta,1e-1)", lambda *t: held(*t, eps=0.1), x, gamma, beta, extras=given
            )
    return file
