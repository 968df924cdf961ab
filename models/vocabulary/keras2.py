"""The vocabulary in the words of Keras 2.0."""

from models.vocabulary.base import KERNEL, POOL, Vocabulary


class Keras2(Vocabulary):
    """Keras 2.0 and 2.1."""

    accuracy = "acc"
    rmsprop_denominator = "sqrt(mean square) + epsilon"

    def settings(self, model):
        return dict(
            super(Keras2, self).settings(model), lstm_implementation=self._lstm_implementation())

    def dense(self, units, activation):
        return self._layers.Dense(
            units, activation=activation, kernel_initializer="glorot_uniform",
            bias_initializer="zeros")

    def conv2d(self, filters, padding, activation):
        return self._layers.Conv2D(
            filters, KERNEL, padding=padding, activation=activation,
            kernel_initializer="glorot_uniform", bias_initializer="zeros")

    def maxpool(self):
        return self._layers.MaxPooling2D(pool_size=POOL)

    def lstm(self, units):
        return self._layers.LSTM(units, **self._lstm_options())

    def embedding(self, words, units):
        uniform = self._keras.initializers.RandomUniform(minval=-0.05, maxval=0.05)
        return self._layers.Embedding(words, units, embeddings_initializer=uniform)

    def add(self):
        return self._layers.Add()

    def model(self, inputs, outputs):
        return self._keras.models.Model(inputs=inputs, outputs=outputs)

    def _lstm_options(self):
        return dict(self._recurrent_options(), implementation=self._lstm_implementation())

    def _lstm_implementation(self):
        # The one that this version takes by itself, as the examples had it: 0 under 2.0, which 2.1
        # knows no longer.
        return self._layers.LSTM(1).implementation

    def _recurrent_options(self):
        return {
            "activation": "tanh",
            "recurrent_activation": self._recurrent_activation,
            "kernel_initializer": "glorot_uniform",
            "recurrent_initializer": "orthogonal",
            "bias_initializer": "zeros",
            "unit_forget_bias": True,
        }

    def _fit_arrays(self, model, workload, part, epochs, options):
        model.fit(
            part.x, part.y, batch_size=workload.batch_size, epochs=epochs, shuffle=True,
            **options)

    def _fit_augmented(self, model, workload, part, epochs, options):
        model.fit_generator(
            self.batches(workload, part), steps_per_epoch=self._steps(workload, part),
            epochs=epochs, workers=1, use_multiprocessing=False, **options)
