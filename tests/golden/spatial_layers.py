"""Golden values of PyTorch's layers for inputs with spatial axes: pooling, upsampling, group and
instance normalization."""

from recording import File  # First: it configures torch.

import torch
from layers import batches, of_torch, record
from torch import nn

LENGTHS = {1: [9], 2: [7, 6], 3: [5, 4, 6]}


class Flat(nn.Module):
    """Pools each channel to one number, without spatial axes."""

    def __init__(self, pool):
        super().__init__()
        self.pool = pool

    def forward(self, x):
        return self.pool(x).flatten(1)


def of_dimensions(dimensions):
    """Returns the layers with one variant for each number of spatial axes."""
    of = lambda name: getattr(nn, f"{name}{dimensions}d")
    linear = {1: "linear", 2: "bilinear", 3: "trilinear"}[dimensions]
    lengths = [4, 3, 5][:dimensions]
    lengths = lengths[0] if dimensions == 1 else tuple(lengths)
    settings = {
        "max_pool": of("MaxPool")(2),
        "max_pool, options": of("MaxPool")(3, 2, 1, ceil_mode=True),
        "max_pool, dilation": of("MaxPool")(2, 1, dilation=2),
        "avg_pool": of("AvgPool")(2),
        "avg_pool, options": of("AvgPool")(3, 2, 1, ceil_mode=True, count_include_pad=False),
        "adaptive_max_pool": of("AdaptiveMaxPool")(lengths),
        "adaptive_avg_pool": of("AdaptiveAvgPool")(lengths),
        "global_max_pool": Flat(of("AdaptiveMaxPool")(1)),
        "global_avg_pool": Flat(of("AdaptiveAvgPool")(1)),
        "upsample": nn.Upsample(scale_factor=2),
        "upsample, lengths": nn.Upsample(lengths),
        "upsample, linear": nn.Upsample(scale_factor=3, mode=linear),
        "upsample, corners": nn.Upsample(lengths, mode=linear, align_corners=True),
        "channel_dropout, predicting": of("Dropout")(0.4),
        "channel_dropout of nothing": of("Dropout")(0.0),
        "instance_norm": of("InstanceNorm")(2),
        "instance_norm, affine": of("InstanceNorm")(2, affine=True, eps=0.01),
    }
    if dimensions > 1:
        settings["avg_pool, divisor"] = of("AvgPool")(2, 1, divisor_override=3)
    return settings


def spatial():
    file = File("spatial")
    for dimensions, lengths in LENGTHS.items():
        draw = batches(2, *lengths, sizes=(2,))
        for name, module in of_dimensions(dimensions).items():
            steps = 0 if "predicting" in name else 1
            record(file, f"{name}, {dimensions}d", of_torch(module), draw, steps)
    images = lambda channels: batches(channels, 4, 6, sizes=(2,))
    record(file, "pixel_shuffle", of_torch(nn.PixelShuffle(2)), images(8))
    record(file, "pixel_unshuffle", of_torch(nn.PixelUnshuffle(2)), images(2))
    record(file, "unfold", of_torch(nn.Unfold((2, 3), padding=1, stride=2)), images(2))
    fold = nn.Fold((4, 6), (2, 3), padding=1, stride=2)
    record(file, "fold", of_torch(fold), batches(12, 9, sizes=(2,)))
    record(file, "group_norm", of_torch(nn.GroupNorm(3, 6)), images(6))
    settings = {
        "group_norm, samples": (nn.GroupNorm(2, 6), batches(6)),
        "group_norm, no affine": (nn.GroupNorm(2, 6, affine=False), images(6)),
        "group_norm, epsilon 0.01": (nn.GroupNorm(1, 6, eps=0.01), images(6)),
        "group_norm, offset": (
            nn.GroupNorm(2, 4),
            lambda random, _: [random.normal(3, 4, 60, shift=1e4)],
        ),
        "instance_norm, running statistics": (
            nn.InstanceNorm2d(3, affine=True, track_running_stats=True),
            batches(3, 4, 2, sizes=(2, 4, 1), shift=-2.0),
        ),
        "instance_norm, momentum 0.3": (
            nn.InstanceNorm1d(3, momentum=0.3, track_running_stats=True),
            batches(3, 5, sizes=(2, 4, 1)),
        ),
    }
    for name, (module, draw) in settings.items():
        steps = 3 if "instance_norm" in name else 1
        record(file, name, of_torch(module), draw, steps=steps)
    return file
