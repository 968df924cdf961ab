"""What a model file states: a network, its data and its hyperparameters."""


class Workload(object):
    """One of the five models. A subclass states everything; nothing is left to a default."""

    name = None
    dataset = None
    expected_parameters = None
    batch_size = None
    epochs = None
    optimizer = None  # (class name, settings), in the words of Keras 2.0.8
    loss = "categorical_crossentropy"
    augmentation = None  # settings of the images' random transformations

    def inputs(self, x, image_data_format):
        """Return the arrays of a part of the data as the network takes them."""
        raise NotImplementedError

    def build(self, keras):
        """Return the network, in the vocabulary of ``keras_compat``."""
        raise NotImplementedError


def image_shape(rows, columns, channels, image_data_format):
    """Return the shape of one image in the given format."""
    if image_data_format == "channels_first":
        return (channels, rows, columns)
    return (rows, columns, channels)
