"""The vocabulary in the words of Keras 3."""

import importlib
import inspect

from models.datasets import augmentation
from models.vocabulary.base import Vocabulary
from models.vocabulary.keras2 import Keras2


class Keras3(Keras2):
    """Keras 3."""

    accuracy = "accuracy"
    augmenter = "keras PyDataset"
    rmsprop_denominator = Vocabulary.rmsprop_denominator

    @property
    def hub(self):
        return importlib.import_module("keras_hub")

    def seed(self, seed):
        self._keras.utils.set_random_seed(seed)

    def settings(self, model):
        return dict(
            Vocabulary.settings(self, model), jit_compile=model.jit_compile,
            lstm_use_cudnn=self._cudnn_option().get("use_cudnn", "no such argument"))

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
        return {"jit_compile": self.backend.jit_compile(self._jit)}

    def compile_training(self, model):
        """Do nothing: Keras 3 compiles at the first step, so its time is in the first epoch."""

    def compile_predicting(self, model):
        """Do nothing, as for training."""

    def _cudnn_option(self):
        # Without the argument, the early ones decide as "auto" does.
        if "use_cudnn" not in inspect.signature(self._layers.LSTM.__init__).parameters:
            return {}
        # Fused kernels know the logistic sigmoid only.
        return {"use_cudnn": "auto" if self._recurrent_activation == "sigmoid" else False}

    def _lstm_options(self):
        options = self._recurrent_options()
        if self._recurrent_activation == "hard_sigmoid":
            options["recurrent_activation"] = self._hard_sigmoid
        return dict(options, **self._cudnn_option())

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
