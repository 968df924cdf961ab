"""Multilayer perceptron on MNIST: Keras's examples/mnist_mlp.py at tag 2.0.8.

Timed in keras_perf_benchmark_mnist_mlp.ipynb; with MXNet, which has Keras 1.2.2, in
keras_perf_benchmark_mnist_mlp-mxnet.ipynb.
"""

from models.workloads.workload import Workload


class MnistMlp(Workload):
    """Two hidden layers of 512 with dropout."""

    classes = 10
    optimizer = ("RMSprop", {"lr": 0.001, "rho": 0.9, "epsilon": 1e-8, "decay": 0.0})

    def inputs(self, x, image_data_format):
        """Return (n, 784) of (n, 28, 28) bytes: float32 from 0 to 1."""
        return x.reshape(len(x), 784).astype("float32") / 255

    def build(self, keras):
        """Return the network from (784,) to the probabilities of 10 classes."""
        pixels = keras.input((784,), "float32")
        x = keras.dense(512, "relu")(pixels)
        x = keras.dropout(0.2)(x)
        x = keras.dense(512, "relu")(x)
        x = keras.dropout(0.2)(x)
        x = keras.dense(10, "softmax")(x)
        return keras.model(pixels, x)
