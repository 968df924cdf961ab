"""Multilayer perceptron on MNIST."""

from models.workloads.workload import Workload


class MnistMlp(Workload):
    """Two hidden layers of 512 with dropout."""

    classes = 10
    optimizer = ("RMSprop", {"lr": 0.001, "rho": 0.9, "epsilon": 1e-8, "decay": 0.0})

    def inputs(self, x, image_data_format):
        return x.reshape(len(x), 784).astype("float32") / 255

    def build(self, keras):
        pixels = keras.input((784,), "float32")
        x = keras.dense(512, "relu")(pixels)
        x = keras.dropout(0.2)(x)
        x = keras.dense(512, "relu")(x)
        x = keras.dropout(0.2)(x)
        x = keras.dense(10, "softmax")(x)
        return keras.model(pixels, x)
