"""The vocabulary in the words of Keras 1.2."""

import importlib

import numpy as np

from models.vocabulary.base import KERNEL, POOL, Vocabulary


class Keras1(Vocabulary):
    """Keras 1.2.2, as ``keras-mxnet`` brings it."""

    accuracy = "acc"
    dim_orderings = {"channels_first": "th", "channels_last": "tf"}

    def settings(self, model):
        return dict(super(Keras1, self).settings(model), lstm_consume_less="cpu")

    def dense(self, units, activation):
        return self._layers.Dense(units, activation=activation, init="glorot_uniform")

    def conv2d(self, filters, padding, activation):
        return self._layers.Convolution2D(
            filters, KERNEL[0], KERNEL[1], border_mode=padding, activation=activation,
            init="glorot_uniform")

    def maxpool(self):
        return self._layers.MaxPooling2D(pool_size=POOL)

    def lstm(self, units):
        return self._layers.LSTM(
            units, init="glorot_uniform", inner_init="orthogonal", forget_bias_init="one",
            activation="tanh", inner_activation=self._recurrent_activation, consume_less="cpu")

    def embedding(self, words, units):
        return self._layers.Embedding(words, units, init="uniform")

    def add(self):
        return self._layers.Merge(mode="sum")

    def model(self, inputs, outputs):
        network = importlib.import_module("keras.models").Model(input=inputs, output=outputs)
        for layer in network.layers:
            inner = getattr(layer, "layer", layer)
            if isinstance(inner, self._layers.LSTM):
                self._make_orthogonal(inner)
        return network

    def _make_orthogonal(self, lstm):
        # With consume_less="cpu", 1.2.2 ignores inner_init for the recurrent kernels.
        units = lstm.output_dim
        kernels = np.split(orthogonal(units, 4 * units), 4, axis=1)
        for weight, kernel in zip((lstm.U_i, lstm.U_f, lstm.U_c, lstm.U_o), kernels):
            self._keras.backend.set_value(weight, kernel)

    def _set_image_data_format(self, image_data_format):
        # keras-mxnet sets "th" when it is imported, whatever its configuration says.
        self._keras.backend.set_image_dim_ordering(self.dim_orderings[image_data_format])

    def _fit_arrays(self, model, workload, part, epochs, options):
        model.fit(
            part.x, part.y, batch_size=workload.batch_size, nb_epoch=epochs, shuffle=True,
            **options)

    def _fit_augmented(self, model, workload, part, epochs, options):
        model.fit_generator(
            self.batches(workload, part), nb_epoch=epochs, nb_worker=1, pickle_safe=False,
            samples_per_epoch=self.samples_per_epoch(workload, part), **options)


def orthogonal(rows, columns):
    """Return a random float32 (rows, columns) with orthonormal rows, by numpy's own chance."""
    _, _, basis = np.linalg.svd(np.random.normal(size=(rows, columns)), full_matrices=False)
    return basis.astype("float32")
