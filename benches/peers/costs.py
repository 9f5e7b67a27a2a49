"""The least that the cases with products cost: multiply-adds of their matrix products, and bytes
that a training step must hold at once. Names are those of runner.py."""

from math import prod

from workloads import CONVOLUTIONS, RESNET20


class Step:
    """A training step. Each part adds its products and the numbers that its backward reads."""

    def __init__(self, rows, number=4):
        self.rows = rows  # samples of a batch, or characters
        self.number = number  # bytes of a number
        self.parameters = 0
        self.operations = 0
        self.saved = 0

    def product(self, inputs, outputs, places=1, bias=0, first=False):
        """Adds outputs of (inputs) numbers each, at `places` of each row. The first layer needs no
        gradient of its inputs. A bias is a number for each output, or several."""
        self.parameters += outputs * (inputs + bias)
        self.operations += self.rows * places * inputs * outputs * (2 if first else 3)
        return self

    def save(self, count):
        """Adds numbers for each row that backward reads."""
        self.saved += count * self.rows
        return self

    @property
    def bytes(self):
        """Parameters, gradients, the two states of Adam, and what backward reads."""
        return self.number * (4 * self.parameters + self.saved)


def mnist_cnn():
    step = Step(64).save(28 * 28)
    step.product(9, 32, 26 * 26, bias=1, first=True).save(32 * 26 * 26)
    step.product(32 * 9, 64, 24 * 24, bias=1).save(64 * 24 * 24)
    step.save(9216).product(9216, 128, bias=1).save(128)
    return step.product(128, 10, bias=1).save(10)


def resnet20():
    step = Step(32).save(3 * 32 * 32)
    # Of each convolution backward reads the result, for the normalization, and the result of the
    # activation behind it, for the next convolution.
    step.product(3 * 9, 16, 32 * 32, bias=2, first=True).save(2 * 16 * 32 * 32)
    side = 32
    for inputs, outputs in RESNET20:
        side = side if inputs == outputs else side // 2
        for channels in inputs, outputs:
            step.product(channels * 9, outputs, side * side, bias=2)
            step.save(2 * outputs * side * side)
    return step.save(64).product(64, 10, bias=1).save(10)


def recurrent(gates, saved):
    step = Step(32 * 64).save(64)
    step.parameters += 64 * 64
    step.product(64, gates * 256, bias=1).product(256, gates * 256, bias=1)
    # Beside the gates, the states, and their other terms.
    return step.save((gates + saved) * 256).product(256, 64, bias=1).save(64)


def gpt():
    heads, width, time = 4, 128, 128
    step = Step(16 * time)
    step.parameters += (64 + time) * width + 2 * width
    for _ in range(4):
        step.parameters += 4 * width
        # The input of the normalization, its result, queries, keys and values.
        step.save(2 * width).product(width, 3 * width, bias=1).save(3 * width)
        # The products with keys and values, of which the half is masked; sums of the exponentials.
        step.operations += 3 * step.rows * time * width
        step.save(heads + width).product(width, width, bias=1)
        step.save(2 * width).product(width, 4 * width, bias=1)
        step.save(2 * 4 * width).product(4 * width, width, bias=1)
    return step.save(2 * width).product(width, 64, bias=1).save(64)


def gates():
    width = 256
    step = Step(64).save(width)
    for _ in range(6):
        step.parameters += 3 * width
        # The input of the normalization and its result. Behind the product: both gates, the rows
        # before and after they are scaled, and their difference from the input.
        step.save(width).product(width, 2 * width, bias=1).save(5 * width)
    return step.product(width, 10, bias=1).save(10)


def pinn():
    width = 32
    step = Step(64, number=8).save(1)
    # The value and both derivatives along x go through each layer, and backward through all three.
    step.product(1, width, bias=1, first=True).save(3 * width)
    step.product(width, width, bias=1).save(3 * width)
    step.product(width, 1, bias=1)
    step.operations *= 3
    return step


STEPS = {
    "mnist_cnn_adam_b64": mnist_cnn(),
    "resnet20_adam_b32": resnet20(),
    "charlstm256_adam_b32_t64": recurrent(4, 2),
    "chargru256_adam_b32_t64": recurrent(3, 2),
    "chargpt4x128_adam_b16_t128": gpt(),
    "gates12_6x256_adam_b64": gates(),
    "pinn_f64_2x32_adam_b64": pinn(),
}


def operations():
    """Returns the multiply-adds of each case, as many of f32 as take the same time."""
    # A vector has half as many f64 as f32, whose peak is measured.
    all = {name: step.operations * step.number // 4 for name, step in STEPS.items()}
    for name, (batch, inputs, outputs, side, kernel) in CONVOLUTIONS.items():
        forward = prod([batch, inputs, outputs, side, side, kernel, kernel])
        all |= {f"{name}_forward": forward, f"{name}_both": 3 * forward}
    # Half of the keys are masked. Backward has four products, beside that of the scores again.
    all["attention_b8h8t256w32"] = 3 * 8 * 8 * 256 * 256 * 32
    return all
