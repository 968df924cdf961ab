"""Convolutional network on MNIST."""

from models.workloads.workload import Workload, image_shape


class MnistCnn(Workload):
    """Two convolutions, one pooling, one hidden dense layer."""

    classes = 10
    optimizer = ("Adadelta", {"lr": 1.0, "rho": 0.95, "epsilon": 1e-8, "decay": 0.0})

    def inputs(self, x, image_data_format):
        shape = image_shape(28, 28, 1, image_data_format)
        return x.reshape((len(x),) + shape).astype("float32") / 255

    def build(self, keras):
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
