"""Convolutional network on CIFAR-10, with images shifted and flipped while it trains.

Keras's examples/cifar10_cnn.py at tag 2.0.8, timed in keras_perf_test_cifar10_cnn.ipynb, with
MXNet in keras_perf_test_cifar10_cnn_mxnet.ipynb: there channels first, and 100 epochs where the
others have 50.
"""

import numpy as np

from models.workloads.workload import Workload, image_shape


class Cifar10Cnn(Workload):
    """Two blocks of two convolutions and a pooling, one hidden dense layer."""

    classes = 10
    optimizer = ("RMSprop", {"lr": 1e-4, "rho": 0.9, "epsilon": 1e-8, "decay": 1e-6})
    augmentation = {
        "width_shift_range": 0.1, "height_shift_range": 0.1, "horizontal_flip": True,
    }

    def inputs(self, x, image_data_format):
        """Return (n,) + an image's shape of (n, 32, 32, 3) bytes: float32 from 0 to 1."""
        if image_data_format == "channels_first":
            x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
        return x.astype("float32") / 255

    def build(self, keras):
        """Return the network from 3 channels of 32x32 to the probabilities of 10 classes."""
        image = keras.input(image_shape(32, 32, 3, keras.image_data_format), "float32")
        x = self._block(keras, image, 32)
        x = self._block(keras, x, 64)
        x = keras.flatten()(x)
        x = keras.dense(512, "relu")(x)
        x = keras.dropout(0.5)(x)
        x = keras.dense(10, "softmax")(x)
        return keras.model(image, x)

    @staticmethod
    def _block(keras, x, filters):
        x = keras.conv2d(filters, "same", "relu")(x)
        x = keras.conv2d(filters, "valid", "relu")(x)
        x = keras.maxpool()(x)
        return keras.dropout(0.25)(x)
