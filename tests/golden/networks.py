"""Golden values of softmax and normalizations."""

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


def layer_norm():
    file = File("layer_norm")
    inputs = {
        "samples": (1, Random("ln 2").normal(6, 5, scale=2.0, shift=0.5)),
        "words": (1, Random("ln 3").normal(2, 3, 7)),
        "images": (2, Random("ln 4").normal(3, 2, 4, 5, scale=2.0)),
        "cubes": (3, Random("ln cubes").normal(2, 3, 2, 2)),
        "vector": (1, Random("ln vector").normal(9)),
        "long": (1, Random("ln long").normal(3, 1200)),
        "offset": (1, Random("ln offset").uniform(4, 256, low=1e4 - 1, high=1e4 + 1)),
        "constant": (1, torch.tensor([[0.3] * 6, [-1e3] * 6, [7.0] * 6]).float().double()),
        "one element": (1, Random("ln one").normal(4, 1)),
        "no rows": (1, torch.zeros(0, 3)),
        "empty rows": (1, torch.zeros(3, 0)),
        "infinite": (1, torch.tensor([[0.0, INF, 1.0], [0.5, 0.25, -INF], [0.0, NAN, 1.0], [1.0, 2.0, 4.0]])),
    }
    for case, (axes, x) in inputs.items():
        shape = list(x.shape[x.dim() - axes :])
        random = Random(f"ln coefficients {case}")
        gamma, beta = random.normal(*shape, shift=1.0), random.normal(*shape)
        second = case not in ["offset", "constant", "infinite", "long", "no rows", "empty rows"]
        norm = lambda x, w=None, b=None, eps=1e-5: F.layer_norm(x, shape, w, b, eps)
        record = lambda op, f, *operands: file.case(f"{op} over {axes}", case, f, *operands, second=second)
        record("layer_norm(1e-5)", norm, x)
        record("layer_norm(gamma,beta,1e-5)", norm, x, gamma, beta)
        if case in ["samples", "images"]:
            record("layer_norm(gamma,beta,1e-1)", lambda *t: norm(*t, eps=0.1), x, gamma, beta)
            record("layer_norm(gamma,1e-5)", lambda x, w: norm(x, w), x, gamma)
            # PyTorch cannot differentiate this twice with no gamma at all.
            ones = torch.ones(shape)
            record("layer_norm(beta,1e-5)", lambda x, b: norm(x, ones, b), x, beta)
    return file


def rms_norm():
    file = File("rms_norm")
    inputs = {
        "samples": (1, Random("rms 2").normal(6, 5, scale=2.0, shift=0.5)),
        "words": (1, Random("rms 3").normal(2, 3, 7)),
        "images": (2, Random("rms 4").normal(3, 2, 4, 5, scale=2.0)),
        "vector": (1, Random("rms vector").normal(9)),
        "long": (1, Random("rms long").normal(3, 1200)),
        "one element": (1, Random("rms one").normal(4, 1)),
        "no rows": (1, torch.zeros(0, 3)),
        "infinite": (1, torch.tensor([[0.0, INF, 1.0], [0.5, 0.25, -INF], [0.0, NAN, 1.0], [1.0, 2.0, 4.0]])),
    }
    for case, (axes, x) in inputs.items():
        shape = list(x.shape[x.dim() - axes :])
        gamma = Random(f"rms coefficients {case}").normal(*shape, shift=1.0)
        second = case not in ["infinite", "long", "no rows"]
        record = lambda op, f, *operands: file.case(f"{op} over {axes}", case, f, *operands, second=second)
        record("rms_norm(1e-5)", lambda x: F.rms_norm(x, shape, eps=1e-5), x)
        record("rms_norm(gamma,1e-1)", lambda x, w: F.rms_norm(x, shape, w, eps=0.1), x, gamma)
    return file
