"""Convolutional network on MNIST: Keras's examples/mnist_cnn.py at tag 2.0.8.

Timed in keras_perf_benchmark_mnist_cnn.ipynb. With MXNet it never ran there: rewritten for Keras
1.2.2, the network had kernels of 28x28 and 22x22 and no pooling, and stopped with an error.
"""

from models.workloads.workload import Workload, image_shape


class MnistCnn(Workload):
    """Two convolutions, one pooling, one hidden dense layer."""

    classes = 10
    optimizer = ("Adadelta", {"lr": 1.0, "rho": 0.95, "epsilon": 1e-8, "decay": 0.0})

    def inputs(self, x, image_data_format):
        """Return (n,) + an image's shape of (n, 28, 28) bytes: float32 from 0 to 1."""
        shape = image_shape(28, 28, 1, image_data_format)
        return x.reshape((len(x),) + shape).astype("float32") / 255

    def build(self, keras):
        """Return the network from one channel of 28x28 to the probabilities of 10 classes."""
        image = keras.input(image_shape(28, 28, 1, keras.image_data_format), "float32")
        x = keras.conv2d(32, "valid", "relu")(image)
        x = keras.conv2d(64, "valid", "relu")(x)
        x = keras.maxpool()(x)
        x = keras.dropout(0.25)(x)
        x = keras.flatten()(x)
        x = keras.dense(128, "relu")(x)
        x = keras.dropout(0.5)(x)
        x = keras.dense(10, "softmax")(x)
        return keras.model(image, x)
