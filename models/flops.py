"""The operations of a network's forward pass, worked out from its layers.

Counted are the multiply-adds of matrix products, each as two operations: dense layers,
convolutions, and the gates of an LSTM. Biases, activations, an LSTM's elementwise work, pooling,
embeddings and dropout are not. Where a convolution pads, its products with zeros are counted.
"""

import numpy as np

TRAINING = 3  # times the forward pass: the backward pass has two products for each


class UnknownLayer(Exception):
    """A layer has kernels, and how often it applies them is not known."""


def forward(layers, shapes):
    """Return the operations for one sample; ``shapes`` gives a layer's (input, output) shapes."""
    return sum(_of_layer(layer, shapes) for layer in layers)


def _of_layer(layer, shapes):
    kernels = _kernels(layer)
    if not kernels:
        return 0
    given, made = shapes(layer)
    times = 1
    while _kind(layer) == "TimeDistributed":
        times *= given[1]
        layer, given, made = layer.layer, given[:1] + given[2:], made[:1] + made[2:]
    try:
        applications = APPLICATIONS[_kind(layer)](layer, given, made)
    except KeyError:
        raise UnknownLayer("{} {}".format(_kind(layer), layer.name))
    return 2 * sum(kernels) * times * applications


def _kind(layer):
    return type(layer).__name__


def _kernels(layer):
    """Return the sizes of a layer's kernels: all its weights but the biases."""
    return [weight.size for weight in layer.get_weights() if weight.ndim > 1]


def _of_embedding(layer, given, made):
    return 0  # rows are looked up, not multiplied


def _of_dense(layer, given, made):
    return _product(made[1:-1])


def _of_convolution(layer, given, made):
    filters = next(weight.size for weight in layer.get_weights() if weight.ndim == 1)
    return _product(made[1:]) // filters


def _of_lstm(layer, given, made):
    return given[1]


def _product(sizes):
    return int(np.prod(sizes, dtype=np.int64))


APPLICATIONS = {
    "Dense": _of_dense,
    "Conv2D": _of_convolution,
    "Convolution2D": _of_convolution,  # so called by Keras 1
    "LSTM": _of_lstm,
    "Embedding": _of_embedding,
}
