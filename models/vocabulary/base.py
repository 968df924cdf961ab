"""Where Keras 1.2, 2.0 and 3 differ: one vocabulary, spoken by one class for each.

Every argument that has had different defaults is given.
"""

import importlib

import numpy as np

from models.datasets import augmentation
from models.job import clock

KERNEL = (3, 3)
POOL = (2, 2)


class UnsupportedKeras(Exception):
    """The installed Keras, or its backend, is none this package knows."""


def load(spec, backend):
    """Import the backend and Keras and return the vocabulary of the installed version."""
    backend = backend.load()
    keras = importlib.import_module("keras")
    major = keras.__version__.split(".")[0]
    if major not in VOCABULARIES:
        raise UnsupportedKeras("Keras {} is not supported".format(keras.__version__))
    vocabulary = VOCABULARIES[major](keras, backend, spec)
    backend.adopt(keras)
    vocabulary.check_backend(spec.backend)
    return vocabulary


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
        self.image_data_format = spec.image_data_format
        self._set_image_data_format(spec.image_data_format)

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
            "dtype": "float32",
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
        """Return an input tensor."""
        return self._layers.Input(shape=shape, dtype=dtype)

    def dropout(self, rate):
        """Return a layer that drops a share of its input while training."""
        return self._layers.Dropout(rate)

    def flatten(self):
        """Return a layer that makes vectors of images."""
        return self._layers.Flatten()

    def time_distributed(self, layer):
        """Return a layer that applies ``layer`` to every step of a sequence."""
        return self._layers.TimeDistributed(layer)

    def repeat(self, steps):
        """Return a layer that repeats a vector ``steps`` times."""
        return self._layers.RepeatVector(steps)

    def optimizer(self, name, settings):
        """Return an optimizer, its settings in the words of Keras 2.0.8."""
        optimizers = importlib.import_module("keras.optimizers")
        return getattr(optimizers, name)(**settings)

    def compile(self, model, workload):
        """Compile the model with the workload's optimizer and loss."""
        model.compile(
            optimizer=self.optimizer(*workload.optimizer), loss=workload.loss,
            metrics=["accuracy"], **self._compile_options()
        )
        self._compile_functions(model)

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
        """Train the model; the only callback is the clock."""
        callback = clock.as_callback(epoch_clock, self._keras.callbacks.Callback)
        options = {
            "verbose": 0, "callbacks": [callback],
            "validation_data": (parts.validation.x, parts.validation.y),
        }
        if workload.augmentation is None:
            self._fit_arrays(model, workload, parts.train, epochs, options)
        else:
            self._fit_augmented(model, workload, parts.train, epochs, options)

    def evaluate(self, model, part, batch_size):
        """Return (loss, accuracy) of the model on a part of the data."""
        loss, accuracy = model.evaluate(part.x, part.y, batch_size=batch_size, verbose=0)
        return loss, accuracy

    def scores(self, logs):
        """Return an epoch's scores by their names in an event."""
        return {
            "loss": logs["loss"], "accuracy": logs[self.accuracy],
            "val_loss": logs["val_loss"], "val_accuracy": logs["val_" + self.accuracy],
        }

    def synchronize(self, model):
        """Wait until the device has done its work."""
        self.backend.synchronize(self._keras, model)

    def dense(self, units, activation):
        """Return a fully connected layer."""
        raise NotImplementedError

    def conv2d(self, filters, padding, activation):
        """Return a convolution with kernels of 3x3."""
        raise NotImplementedError

    def maxpool(self):
        """Return a pooling over 2x2."""
        raise NotImplementedError

    def lstm(self, units):
        """Return an LSTM layer that gives its last output."""
        raise NotImplementedError

    def embedding(self, words, units):
        """Return a layer that gives a vector for a word's number."""
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
        return {}

    def _compile_functions(self, model):
        # Keras 1 and 2 compile the graph at the begin of fit(), before the first epoch's clock
        # starts: with Theano that is minutes. Done here, they count as build-and-compile.
        model._make_train_function()
        model._make_test_function()

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

    def _compile_options(self):
        return {"context": ["gpu(0)" if self.backend.device == "gpu" else "cpu"]}

    def _fit_arrays(self, model, workload, part, epochs, options):
        model.fit(
            part.x, part.y, batch_size=workload.batch_size, nb_epoch=epochs, shuffle=True,
            **options)

    def _fit_augmented(self, model, workload, part, epochs, options):
        model.fit_generator(
            self.batches(workload, part), nb_epoch=epochs, nb_worker=1, pickle_safe=False,
            samples_per_epoch=self.samples_per_epoch(workload, part), **options)


class Keras2(Vocabulary):
    """Keras 2.0.8."""

    accuracy = "acc"
    rmsprop_denominator = "sqrt(mean square) + epsilon"

    def settings(self, model):
        return dict(super(Keras2, self).settings(model), lstm_implementation=0)

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
        return {
            "activation": "tanh",
            "recurrent_activation": self._recurrent_activation,
            "kernel_initializer": "glorot_uniform",
            "recurrent_initializer": "orthogonal",
            "bias_initializer": "zeros",
            "unit_forget_bias": True,
            "implementation": 0,
        }

    def _fit_arrays(self, model, workload, part, epochs, options):
        model.fit(
            part.x, part.y, batch_size=workload.batch_size, epochs=epochs, shuffle=True,
            **options)

    def _fit_augmented(self, model, workload, part, epochs, options):
        model.fit_generator(
            self.batches(workload, part), steps_per_epoch=self._steps(workload, part),
            epochs=epochs, workers=1, use_multiprocessing=False, **options)


class Keras3(Keras2):
    """Keras 3."""

    accuracy = "accuracy"
    augmenter = "keras PyDataset"
    rmsprop_denominator = Vocabulary.rmsprop_denominator

    def seed(self, seed):
        self._keras.utils.set_random_seed(seed)

    def settings(self, model):
        return dict(
            Vocabulary.settings(self, model), jit_compile=model.jit_compile,
            lstm_use_cudnn=self._use_cudnn())

    def optimizer(self, name, settings):
        options = dict(settings)
        rate, decay = options.pop("lr"), options.pop("decay")
        if decay:
            # "decay" of earlier versions: rate / (1 + decay * step).
            rate = self._keras.optimizers.schedules.InverseTimeDecay(
                initial_learning_rate=rate, decay_steps=1, decay_rate=decay)
        return super(Keras3, self).optimizer(name, dict(options, learning_rate=rate))

    def _set_image_data_format(self, image_data_format):
        self._keras.config.set_image_data_format(image_data_format)

    def _compile_options(self):
        return {"jit_compile": self.backend.jit_compile()}

    def _compile_functions(self, model):
        """Keras 3 compiles at the first step: its time is in the first epoch."""

    def _use_cudnn(self):
        # Fused kernels know the logistic sigmoid only.
        return "auto" if self._recurrent_activation == "sigmoid" else False

    def _lstm_options(self):
        options = super(Keras3, self)._lstm_options()
        del options["implementation"]
        if self._recurrent_activation == "hard_sigmoid":
            options["recurrent_activation"] = self._hard_sigmoid
        return dict(options, use_cudnn=self._use_cudnn())

    def _hard_sigmoid(self, x):
        """The hard sigmoid of Keras 1 and 2; that of Keras 3 has another slope."""
        return self._keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)

    def shapes(self, layer):
        return layer.input.shape, layer.output.shape

    def batches(self, workload, part):
        batches = self._augmented(workload, part)
        while True:
            for index in range(len(batches)):
                yield batches[index]
            batches.shuffle()

    def _augmented(self, workload, part):
        return augmentation.Batches(
            part.x, part.y, self._batch_size(workload, part), workload.augmentation,
            self.image_data_format)

    def _fit_augmented(self, model, workload, part, epochs, options):
        batches = self._augmented(workload, part)
        dataset = augmentation.as_dataset(batches, self._keras.utils.PyDataset)
        model.fit(dataset, epochs=epochs, shuffle=False, **options)


def orthogonal(rows, columns):
    """Return a random matrix with orthonormal rows, from numpy's own random numbers."""
    _, _, basis = np.linalg.svd(np.random.normal(size=(rows, columns)), full_matrices=False)
    return basis.astype("float32")


VOCABULARIES = {"1": Keras1, "2": Keras2, "3": Keras3}
