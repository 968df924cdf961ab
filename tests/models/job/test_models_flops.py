"""Operations of the five models against numbers worked out by hand."""

import numpy as np
import pytest

from models.job import flops
from models.workloads import registry

# Each line: kernels' multiply-adds times how often they are applied.
BY_HAND = {
    "mnist_mlp": 2 * (784 * 512 + 512 * 512 + 512 * 10),
    "mnist_cnn": 2 * (26 * 26 * 9 * 32 + 24 * 24 * 9 * 32 * 64 + 12 * 12 * 64 * 128 + 128 * 10),
    "cifar10_cnn": 2
    * (
        32 * 32 * 9 * 3 * 32
        + 30 * 30 * 9 * 32 * 32
        + 15 * 15 * 9 * 32 * 64
        + 13 * 13 * 9 * 64 * 64
        + 6 * 6 * 64 * 512
        + 512 * 10
    ),
    "mnist_hrnn": 2 * (28 * 28 * 4 * (1 + 128) * 128 + 28 * 4 * (128 + 128) * 128 + 128 * 10),
    "babi_rnn": 2 * (5 * 4 * (50 + 50) * 50 + 552 * 4 * (50 + 50) * 50 + 50 * 36),
}
TOTALS = {
    "mnist_mlp": 1337344,
    "mnist_cnn": 23984896,
    "cifar10_cnn": 41482240,
    "mnist_hrnn": 110905856,
    "babi_rnn": 22283600,
}


class Layer:
    """A layer that knows its shapes; called on an input's shape it gives its output's."""

    def __init__(self, output, weights=lambda given: []):
        self.name = type(self).__name__.lower()
        self._output = output
        self._weights = weights

    def __call__(self, given):
        self.shapes = given, self._output(given)
        self.arrays = [np.zeros(shape) for shape in self._weights(given)]
        Network.layers += (self,)
        return self.shapes[1]

    def get_weights(self):
        return self.arrays


class Dense(Layer):
    pass


class Conv2D(Layer):
    pass


class LSTM(Layer):
    pass


class Embedding(Layer):
    pass


class Other(Layer):
    pass


class TimeDistributed(Layer):
    def __init__(self, layer):
        super().__init__(self._rows)
        self.layer = layer

    def _rows(self, given):
        return given[:2] + self.layer(given[:1] + given[2:])[1:]

    def get_weights(self):
        return self.layer.get_weights()


class Network:
    """What the models say, in shapes; ``layers`` collects them as they are called."""

    layers: tuple[Layer, ...] = ()

    def __init__(self, image_data_format):
        self.image_data_format = image_data_format
        Network.layers = ()

    def input(self, shape, dtype):
        return (None, *shape)

    def dense(self, units, activation):
        return Dense(
            lambda given: (*given[:-1], units), lambda given: [(given[-1], units), (units,)]
        )

    def conv2d(self, filters, padding, activation):
        def convolved(given):
            rows, columns, _ = self._parts(given)
            lost = 2 if padding == "valid" else 0
            return self._image(given[0], rows - lost, columns - lost, filters)

        def weights(given):
            return [(3, 3, self._parts(given)[2], filters), (filters,)]

        return Conv2D(convolved, weights)

    def maxpool(self):
        def halved(given):
            rows, columns, channels = self._parts(given)
            return self._image(given[0], rows // 2, columns // 2, channels)

        return Other(halved)

    def lstm(self, units):
        def weights(given):
            return [(given[2], 4 * units), (units, 4 * units), (4 * units,)]

        return LSTM(lambda given: (given[0], units), weights)

    def embedding(self, words, units):
        return Embedding(lambda given: (*given, units), lambda given: [(words, units)])

    def time_distributed(self, layer):
        return TimeDistributed(layer)

    def dropout(self, rate):
        return Other(lambda given: given)

    def flatten(self):
        return Other(lambda given: (given[0], int(np.prod(given[1:]))))

    def repeat(self, steps):
        return Other(lambda given: (given[0], steps, given[1]))

    def add(self):
        return Other(lambda given: given[0])

    def model(self, inputs, outputs):
        inner = [layer.layer for layer in self.layers if isinstance(layer, TimeDistributed)]
        return [layer for layer in self.layers if layer not in inner]

    def _parts(self, given):
        order = (2, 3, 1) if self.image_data_format == "channels_first" else (1, 2, 3)
        return tuple(given[axis] for axis in order)

    def _image(self, batch, rows, columns, channels):
        if self.image_data_format == "channels_first":
            return (batch, channels, rows, columns)
        return (batch, rows, columns, channels)


def shapes(layer):
    return layer.shapes


@pytest.mark.parametrize("image_data_format", ["channels_first", "channels_last"])
@pytest.mark.parametrize("name", sorted(TOTALS))
def test_operations_are_those_worked_out_by_hand(name, image_data_format):
    workload = registry.workload(name)
    layers = workload.build(Network(image_data_format))
    parameters = sum(array.size for layer in layers for array in layer.get_weights())
    assert parameters == workload.expected_parameters  # the network is the one meant
    assert flops.forward(layers, shapes) == BY_HAND[name] == TOTALS[name]


def test_the_twelve_weights_of_keras_1_count_as_the_three_of_keras_2():
    def weights(given):
        return [shape for _ in range(4) for shape in ((50, 50), (50, 50), (50,))]

    layer = LSTM(lambda given: (None, 50), weights)
    layer((None, 5, 50))
    assert flops.forward([layer], shapes) == 2 * 5 * 4 * (50 + 50) * 50


def test_a_layer_that_is_not_known_is_not_counted_as_nothing():
    layer = Other(lambda given: given, lambda given: [(3, 3)])
    layer((None, 3))
    with pytest.raises(flops.UnknownLayer, match="Other other"):
        flops.forward([layer], shapes)
