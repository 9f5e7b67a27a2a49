"""The sizes of the cases, for the Python runners and for `./run`. src/lib.rs has the same."""

WORKLOADS = {
    # name: hidden layers, batch normalization, activation, batch
    "book_bn_elu_adam_b32": ([300, 100], True, "elu", 32),
    "book_bn_elu_adam_b128": ([300, 100], True, "elu", 128),
    "book_bn_elu_adam_b512": ([300, 100], True, "elu", 512),
    "deep20x100_selu_adam_b32": ([100] * 20, False, "selu", 32),
    "deep20x100_bn_relu_adam_b32": ([100] * 20, True, "relu", 32),
    "wide1024x4_relu_adam_b256": ([1024] * 4, False, "relu", 256),
}

# Nets for the latency of one sample: depth, inputs and outputs of each layer.
LATENCIES = {
    f"latency_{depth}x{width}": (depth, width)
    for depth in [2, 5, 10]
    for width in [16, 64, 256, 1024]
}

# Channels in and out of each block. At every change of their number there is a stride of 2.
RESNET20 = [(16, 16)] * 3 + [(16, 32)] + [(32, 32)] * 2 + [(32, 64)] + [(64, 64)] * 2
CONVOLUTIONS = {
    # name: batch, channels in and out, pixels of a side, side of the kernel
    "conv_b32_16_16_32px_k3": (32, 16, 16, 32, 3),
    "conv_b32_64_64_32px_k3": (32, 64, 64, 32, 3),
    "conv_b32_64_64_8px_k3": (32, 64, 64, 8, 3),
    "conv_b8_128_256_28px_k3": (8, 128, 256, 28, 3),
    "conv_b32_64_256_14px_k1": (32, 64, 256, 14, 1),
    "conv_b64_1_32_28px_k3": (64, 1, 32, 28, 3),
    "conv_b1_64_64_56px_k3": (1, 64, 64, 56, 3),
    "conv_b2_3_16_320px_k3": (2, 3, 16, 320, 3),
}
