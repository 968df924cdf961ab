"""What the models say, whatever the version of Keras; a class for each says it.

Every argument that has had different defaults is given.
"""

import importlib

from models.job import clock

KERNEL = (3, 3)
POOL = (2, 2)


class UnsupportedKeras(Exception):
    """The installed Keras, or its backend, is none this package knows."""


class Vocabulary(object):
    """What the models say, whatever the version of Keras."""

    accuracy = "accuracy"  # the name of the accuracy in an epoch's logs
    augmenter = "keras ImageDataGenerator"
    rmsprop_denominator = "sqrt(mean square + epsilon)"

    def __init__(self, keras, backend, spec):
        self._keras = keras
        self._layers = importlib.import_module("keras.layers")
        self.backend = backend
        self._recurrent_activation = spec.recurrent_activation
        self._jit = spec.jit
        self.image_data_format = spec.image_data_format
        self._set_image_data_format(spec.image_data_format)

    @property
    def keras(self):
        """The installed Keras itself, for a network that only one version has words for."""
        return self._keras

    @property
    def hub(self):
        """KerasHub, imported at its first use."""
        raise UnsupportedKeras("KerasHub needs Keras 3, here is Keras {}".format(self.version))

    @property
    def version(self):
        """The version of Keras."""
        return self._keras.__version__

    def check_backend(self, name):
        """Raise where Keras took another backend than ``name``."""
        taken = self._keras.backend.backend()
        if taken != name:
            raise UnsupportedKeras("Keras uses the backend {}, not {}".format(taken, name))

    def seed(self, seed):
        """Seed the backend's random numbers; Python's and numpy's are seeded already."""
        self.backend.seed(seed)

    def settings(self, model):
        """Return what the layers and the training are given beside the model's own settings."""
        return {
            "kernel_initializer": "glorot_uniform",
            "bias_initializer": "zeros",
            "recurrent_initializer": "orthogonal",
            "unit_forget_bias": True,
            "embeddings_initializer": "uniform(-0.05, 0.05)",
            "lstm_activation": "tanh",
            "rmsprop_denominator": self.rmsprop_denominator,
            "shuffle": True,
            "precision": self.backend.precision_seen(),
        }

    def augmentation(self, workload):
        """Return how images are transformed while training; None where they are not."""
        if workload.augmentation is None:
            return None
        return dict(
            workload.augmentation, interpolation="nearest pixel", fill_mode="nearest",
            where="host, while training", maker=self.augmenter, workers=1,
            use_multiprocessing=False,
        )

    def input(self, shape, dtype):
        """Return an input tensor; ``shape`` is that of one sample."""
        return self._layers.Input(shape=shape, dtype=dtype)

    def dropout(self, rate):
        """Return a layer that drops a share, 0 to 1, of its input while training."""
        return self._layers.Dropout(rate)

    def flatten(self):
        """Return a layer that makes a vector of each image: (n, ...) to (n, size)."""
        return self._layers.Flatten()

    def time_distributed(self, layer):
        """Return a layer that applies ``layer`` to every step of a sequence."""
        return self._layers.TimeDistributed(layer)

    def repeat(self, steps):
        """Return a layer that repeats a vector: (n, units) to (n, steps, units)."""
        return self._layers.RepeatVector(steps)

    def optimizer(self, name, settings):
        """Return an optimizer, its settings in the words of Keras 2.0.8."""
        optimizers = importlib.import_module("keras.optimizers")
        return getattr(optimizers, name)(**settings)

    def loss(self, loss):
        """Return a loss by its name, or by its class's name and settings."""
        if isinstance(loss, str):
            return loss
        name, settings = loss
        return getattr(importlib.import_module("keras.losses"), name)(**settings)

    def compile(self, model, workload):
        """Compile the model with the workload's optimizer, loss and metrics.

        One that can only predict has none of them.
        """
        if workload.loss is None:
            model.compile(**self._compile_options())
            return
        model.compile(
            optimizer=self.optimizer(*workload.optimizer), loss=self.loss(workload.loss),
            metrics=list(workload.metrics), **self._compile_options()
        )

    def compile_training(self, model):
        """Compile what trains and validates.

        Keras 1 and 2 compile the graph at the begin of fit(), before the first epoch's clock
        starts: with Theano that is minutes. Done here, they count as build-and-compile.
        """
        model._make_train_function()
        model._make_test_function()

    def compile_predicting(self, model):
        """Compile what predicts."""
        model._make_predict_function()

    def samples_per_epoch(self, workload, part):
        """Return the samples that an epoch trains on: whole batches where images are augmented."""
        if workload.augmentation is None:
            return len(part.y)
        return self._steps(workload, part) * self._batch_size(workload, part)

    def steps_per_epoch(self, workload, part):
        """Return the updates of the weights in an epoch."""
        if workload.augmentation is None:
            return -(-len(part.y) // workload.batch_size)  # the last batch may be a smaller one
        return self._steps(workload, part)

    def shapes(self, layer):
        """Return the (input, output) shapes of a layer that has one of each."""
        return layer.input_shape, layer.output_shape

    def fit(self, model, workload, parts, epochs, epoch_clock):
        """Train the model; the only callback is the clock.

        ``parts`` holds the training and the validation data, each an x and a y; without validation
        data nothing is validated.
        """
        callback = clock.as_callback(epoch_clock, self._keras.callbacks.Callback)
        options = {"verbose": 0, "callbacks": [callback], "validation_data": None}
        if len(parts.validation.y):
            options["validation_data"] = (parts.validation.x, parts.validation.y)
        if workload.augmentation is None:
            self._fit_arrays(model, workload, parts.train, epochs, options)
        else:
            self._fit_augmented(model, workload, parts.train, epochs, options)

    def predict(self, model, x, batch_size):
        """Return the network's outputs for ``x``, all of them on the host: (n, ...)."""
        return model.predict(x, batch_size=batch_size, verbose=0)

    def predict_batch(self, model, x):
        """Return the network's outputs for one batch, on the host."""
        return model.predict_on_batch(x)

    def train_batch(self, model, workload, part):
        """Train on a part that is one batch.

        By fit(), whose step is compiled by then: that of train_on_batch() would be compiled anew.
        """
        self._fit_arrays(model, workload, part, 1, {"verbose": 0})

    def evaluate(self, model, part, batch_size):
        """Return (loss, accuracy) of the model on a part; None where no accuracy is measured."""
        result = model.evaluate(part.x, part.y, batch_size=batch_size, verbose=0)
        loss, accuracy = result if isinstance(result, list) else (result, None)
        return loss, accuracy

    def scores(self, logs):
        """Return an epoch's scores by their names in an event; None for what is not measured."""
        return {
            "loss": logs["loss"], "accuracy": logs.get(self.accuracy),
            "val_loss": logs.get("val_loss"), "val_accuracy": logs.get("val_" + self.accuracy),
        }

    def synchronize(self, model):
        """Wait until the device has done its work."""
        self.backend.synchronize(self._keras, model)

    def dense(self, units, activation):
        """Return a fully connected layer: (n, ..., width) to (n, ..., units)."""
        raise NotImplementedError

    def conv2d(self, filters, padding, activation):
        """Return a convolution with kernels of 3x3; ``padding`` is "same" or "valid"."""
        raise NotImplementedError

    def maxpool(self):
        """Return a pooling over 2x2."""
        raise NotImplementedError

    def lstm(self, units):
        """Return an LSTM layer that gives its last output: (n, steps, width) to (n, units)."""
        raise NotImplementedError

    def embedding(self, words, units):
        """Return a layer that gives each word's vector: (n, steps) to (n, steps, units)."""
        raise NotImplementedError

    def add(self):
        """Return a layer that adds its inputs."""
        raise NotImplementedError

    def model(self, inputs, outputs):
        """Return the network from inputs to outputs."""
        raise NotImplementedError

    def _set_image_data_format(self, image_data_format):
        self._keras.backend.set_image_data_format(image_data_format)

    def _compile_options(self):
        return self.backend.compile_options()

    def _fit_arrays(self, model, workload, part, epochs, options):
        raise NotImplementedError

    def _fit_augmented(self, model, workload, part, epochs, options):
        raise NotImplementedError

    def batches(self, workload, part):
        """Yield augmented batches without end, made on the host, whole ones only."""
        image = importlib.import_module("keras.preprocessing.image")
        generator = image.ImageDataGenerator(**workload.augmentation)
        size = self._batch_size(workload, part)
        for x, y in generator.flow(part.x, part.y, batch_size=size, shuffle=True, seed=None):
            if len(y) == size:
                yield x, y

    @staticmethod
    def _batch_size(workload, part):
        return min(workload.batch_size, len(part.y))

    def _steps(self, workload, part):
        return len(part.y) // self._batch_size(workload, part)
