"""Golden values of Keras's layers, whose defaults and leaves differ from PyTorch's."""

import os

from recording import File  # First: it configures torch.

os.environ["KERAS_BACKEND"] = "torch"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import torch
from keras import layers
from keras.src.backend.common import dtypes
from layers import Subject, batches, record, same

keras.config.set_floatx("float64")
# Except on TensorFlow, Keras converts float64 results to float32.
dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"


def turned(kernel):
    """Transposes a kernel, which is (in, out) in Keras."""
    return kernel.T


# Our name for each leaf, and the function that converts it to ours.
LEAVES = {
    "kernel": ("weight", turned),
    "bias": ("bias", same),
    "gamma": ("weight", same),
    "beta": ("bias", same),
    "scale": ("weight", same),
    "alpha": ("weight", same),
    "embeddings": ("weight", same),
    "moving_mean": ("running_mean", same),
    "moving_variance": ("running_var", same),
}
OF_RECURRENT = {
    "kernel": ("weight_ih_l0", turned),
    "recurrent_kernel": ("weight_hh_l0", turned),
    "bias": ("bias_ih_l0", same),
}


def of_keras(layer, shape, parts=None):
    """Wraps a layer for inputs (batch, shape). `parts` are our paths of a model's layers."""
    layer.build((None, *shape))
    params, buffers = {}, {}
    parts = zip(parts, layer.layers) if parts else [("", layer)]
    for prefix, part in parts:
        names = OF_RECURRENT if isinstance(part, (layers.SimpleRNN, layers.LSTM)) else LEAVES
        for variable in part.weights:
            path, ours = names[variable.name]
            leaves = buffers if variable.name.startswith("moving") else params
            leaves[prefix + path] = (variable.value, ours)
    return Subject(
        lambda training, *inputs: layer(*inputs, training=training), params, lambda: buffers
    )


def activations(file):
    """Records activations by Keras's names, or by ours where they differ."""
    settings = {
        "relu": layers.ReLU(),
        "relu6": layers.Activation("relu6"),
        "leaky_relu(0.3)": layers.LeakyReLU(),
        "elu": layers.ELU(),
        "celu": layers.Activation("celu"),
        "selu": layers.Activation("selu"),
        "gelu": layers.Activation("gelu"),
        "silu": layers.Activation("silu"),
        "mish": layers.Activation("mish"),
        "hard_swish": layers.Activation("hard_swish"),
        "softplus": layers.Activation("softplus"),
        "tanh": layers.Activation("tanh"),
        "hard_tanh": layers.Activation("hard_tanh"),
        "sigmoid": layers.Activation("sigmoid"),
        "log_sigmoid": layers.Activation("log_sigmoid"),
        "softmax": layers.Softmax(),
        "log_softmax": layers.Activation("log_softmax"),
        "prelu, channels": layers.PReLU(),
    }
    for name, layer in settings.items():
        record(file, name, of_keras(layer, [4]), batches(4, scale=3.0))


def batch_norm(file):
    """Records batch normalization, but not at 10,000 ± 1.

    Keras computes the variance as E x² - (E x)², which has lost half of its digits there.
    """
    norm = layers.BatchNormalization
    settings = {
        "batch_norm": (norm(), [4]),
        "batch_norm, lengths": (norm(axis=1), [3, 4]),
        "batch_norm, images": (norm(axis=1), [2, 2, 3]),
        "batch_norm, momentum 0.7": (norm(momentum=0.7), [4]),
        "batch_norm, no affine": (norm(center=False, scale=False), [4]),
    }
    for name, (layer, shape) in settings.items():
        draw = batches(*shape, sizes=(6, 5, 2, 7))
        record(file, name, of_keras(layer, shape), draw, steps=3)
    frozen = norm(trainable=False)
    subject = of_keras(frozen, [4])
    prepare = lambda: (
        frozen.moving_mean.value.fill_(0.25),
        frozen.moving_variance.value.fill_(2.0),
    )
    record(file, "batch_norm, frozen", subject, batches(4), prepare=prepare)


def recurrent(file):
    settings = {
        "rnn": layers.SimpleRNN(3, return_sequences=True),
        "rnn, relu": layers.SimpleRNN(3, return_sequences=True, activation="relu"),
        "rnn, last only": layers.SimpleRNN(3),
        "rnn, no bias": layers.SimpleRNN(3, use_bias=False),
        "lstm": layers.LSTM(3, return_sequences=True),
        "lstm, last only": layers.LSTM(3),
    }
    for name, layer in settings.items():
        record(file, name, of_keras(layer, [5, 2]), batches(5, 2, sizes=(3,)))
    # Our layer and PyTorch's have a second bias; it always has the gradient of the first.
    for key, tensor in list(file.tensors.items()):
        if key.endswith("bias_ih_l0"):
            second = torch.zeros_like(tensor) if "/start/" in key else tensor
            file.put(key.replace("bias_ih", "bias_hh"), second)


def composed(file):
    """Records models, trained by gradient descent."""
    draw = lambda random, step: [random.normal([6, 4, 8][step % 3], 3, shift=0.5)]
    trained = dict(steps=5, rate=0.0625)
    parts = [
        layers.Dense(5, use_bias=False),
        layers.BatchNormalization(),
        layers.ELU(),
        layers.Dense(2),
    ]
    model = keras.Sequential(parts)
    record(file, "sequential", of_keras(model, [3], ["0.", "1.", "2.", "3."]), draw, **trained)
    model = keras.Sequential(
        [layers.Dense(6, activation="relu"), layers.Dense(5, activation="relu"), layers.Dense(2)]
    )
    paths = ["hidden.0.linear.", "hidden.1.linear.", "out."]
    record(file, "mlp", of_keras(model, [3], paths), draw, **trained)


def keras_layers():
    file = File("keras")
    record(file, "linear", of_keras(layers.Dense(4), [3]), batches(3))
    record(file, "linear, no bias", of_keras(layers.Dense(4, use_bias=False), [3]), batches(3))
    labels = lambda random, _: [random.labels(5, 2, 3)]
    record(file, "embedding", of_keras(layers.Embedding(5, 3), [3]), labels)
    record(file, "flatten", of_keras(layers.Flatten(), [2, 3]), batches(2, 3, sizes=(2,)))
    record(file, "layer_norm", of_keras(layers.LayerNormalization(), [5]), batches(5))
    record(file, "rms_norm", of_keras(layers.RMSNormalization(), [5]), batches(5))
    record(file, "dropout, predicting", of_keras(layers.Dropout(0.4), [3]), batches(3), steps=0)
    record(
        file,
        "alpha_dropout, predicting",
        of_keras(layers.AlphaDropout(0.4), [3]),
        batches(3),
        steps=0,
    )
    activations(file)
    batch_norm(file)
    recurrent(file)
    composed(file)
    return file
