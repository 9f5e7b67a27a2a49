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


class Padded(nn.Module):
    """A convolution of an input that is padded first, by a function of its shape."""

    def __init__(self, layer, pad):
        super().__init__()
        self.layer, self.pad = layer, pad

    def forward(self, x):
        return self.layer(nn.functional.pad(x, self.pad(x.shape[2:])))


def tensorflow_same(kernel, stride):
    """Returns the padding of TensorFlow's `SAME` for lengths."""

    def pad(lengths):
        around = []
        for length in reversed(lengths):
            outputs = -(-length // stride)
            total = max((outputs - 1) * stride + kernel - length, 0)
            around += [total // 2, total - total // 2]
        return around

    return pad


def convolutions_of(dimensions):
    """Returns the convolutions with one variant for each number of spatial axes."""
    of = lambda *arguments, **options: getattr(nn, f"Conv{dimensions}d")(*arguments, **options)
    transposed = lambda *arguments, **options: getattr(nn, f"ConvTranspose{dimensions}d")(
        *arguments, **options
    )
    settings = {
        "conv": of(4, 6, 3),
        "conv, stride": of(4, 6, 3, stride=2, padding=1, bias=False),
        "conv, dilation": of(4, 3, 2, padding=2, dilation=3),
        "conv, same": of(4, 3, 3, padding="same"),
        "conv, same even": of(4, 3, 4, padding="same"),
        "conv, same strided": Padded(of(4, 3, 3, stride=2), tensorflow_same(3, 2)),
        "conv, same strided even": Padded(of(4, 3, 2, stride=3), tensorflow_same(2, 3)),
        "conv, groups": of(4, 6, 2, groups=2),
        "conv, depthwise": of(4, 8, 3, padding=1, groups=4),
        "conv, reflect": of(4, 3, 3, padding=2, padding_mode="reflect"),
        "conv, replicate": of(4, 3, 3, padding=3, stride=2, padding_mode="replicate"),
        "conv, circular": of(4, 3, 3, padding=2, padding_mode="circular"),
        "conv, same reflect": of(4, 3, 4, padding="same", padding_mode="reflect"),
        "conv, same replicate": of(4, 3, 4, padding="same", padding_mode="replicate"),
        "conv, same circular": of(4, 3, 4, padding="same", padding_mode="circular"),
        "conv_transpose": transposed(4, 3, 3),
        "conv_transpose, stride": transposed(4, 3, 3, stride=2, padding=1, bias=False),
        "conv_transpose, output padding": transposed(
            4, 3, 3, stride=2, padding=1, output_padding=1
        ),
        "conv_transpose, groups": transposed(4, 6, 2, stride=3, groups=2, dilation=2),
        "conv_transpose, depthwise": transposed(4, 4, 2, stride=2, groups=4),
    }
    return settings


def convolutional():
    file = File("convolutional")
    for dimensions, lengths in {1: [9], 2: [5, 4], 3: [4, 3, 3]}.items():
        draw = batches(4, *lengths, sizes=(2,))
        for name, module in convolutions_of(dimensions).items():
            rename = lambda path: path.removeprefix("layer.")
            record(file, f"{name}, {dimensions}d", of_torch(module, rename), draw)
    return file
