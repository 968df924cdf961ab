"""The operations of a network's forward pass, worked out from its layers.

Counted are the multiply-adds of matrix products, each as two operations: dense layers,
convolutions, and the gates of an LSTM. Biases, activations, an LSTM's elementwise work, pooling,
embeddings and dropout are not. Where a convolution pads, its products with zeros are counted.
"""

import numpy as np

CONVOLUTIONS = ("Conv2D", "Convolution2D")  # the latter under Keras 1
KNOWN = CONVOLUTIONS + ("TimeDistributed", "LSTM", "Dense", "Embedding")
TRAINING = 3  # times the forward pass: the backward pass has two products for each


class UnknownLayer(Exception):
    """A layer has kernels, and how often it applies them is not known."""


def forward(layers, shapes):
    """Return the operations for one sample.

    ``shapes`` is a function that gives a layer's (input, output) shapes, the batch's axis first.
    Raises ``UnknownLayer`` where they cannot be told.
    """
    return sum(_of_layer(layer, shapes) for layer in layers)


def _of_layer(layer, shapes):
    if type(layer).__name__ not in KNOWN and getattr(layer, "_layers", None):
        # A network within the network, whose weights reading would copy: those of the largest are
        # many gigabytes.
        raise UnknownLayer("{} {}".format(type(layer).__name__, layer.name))
    kernels = [weight.size for weight in layer.get_weights() if weight.ndim > 1]
    if not kernels:
        return 0
    given, made = shapes(layer)
    return 2 * sum(kernels) * _applications(layer, given, made)


def _applications(layer, given, made):
    """Return how often a layer applies its kernels to one sample."""
    kind = type(layer).__name__
    if kind == "TimeDistributed":
        return given[1] * _applications(layer.layer, given[:1] + given[2:], made[:1] + made[2:])
    if kind == "LSTM":
        return given[1]
    if kind == "Dense":
        return _product(made[1:-1])
    if kind in CONVOLUTIONS:
        filters = next(weight.size for weight in layer.get_weights() if weight.ndim == 1)
        return _product(made[1:]) // filters
    if kind == "Embedding":
        return 0  # rows are looked up, not multiplied
    raise UnknownLayer("{} {}".format(kind, layer.name))


def _product(sizes):
    return int(np.prod(sizes, dtype=np.int64))
