"""Hierarchical recurrent network on MNIST: rows of pixels, then the rows' encodings.

Keras's examples/mnist_hierarchical_rnn.py at tag 2.0.8, timed in
keras_perf_test_mnist_hier_rnn.ipynb, with MXNet in keras_perf_test_mnist_hier_rnn_mxnet.ipynb.
"""

from models.workloads.workload import Workload


class MnistHrnn(Workload):
    """An LSTM reads each row of an image, another reads the row encodings."""

    classes = 10
    optimizer = ("RMSprop", {"lr": 0.001, "rho": 0.9, "epsilon": 1e-8, "decay": 0.0})

    def inputs(self, x, image_data_format):
        """Return (n, 28, 28, 1) of (n, 28, 28) bytes: float32 from 0 to 1."""
        # A row is a sequence of single pixels: no channel axis to move.
        return x.reshape(len(x), 28, 28, 1).astype("float32") / 255

    def build(self, keras):
        """Return the network from 28 rows of 28 pixels to the probabilities of 10 classes."""
        image = keras.input((28, 28, 1), "float32")
        rows = keras.time_distributed(keras.lstm(128))(image)
        x = keras.lstm(128)(rows)
        x = keras.dense(10, "softmax")(x)
        return keras.model(image, x)
