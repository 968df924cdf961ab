"""What a model file states: a network, its inputs and its hyperparameters."""


class Workload(object):
    """A model. A subclass and its entry in workloads.json state everything: nothing is left out.

    The entry holds what the host side must know too: the data set, the number of parameters, the
    batch size and the epochs.
    """

    classes = None
    optimizer = None  # (class name, settings), in the words of Keras 2.0.8
    loss = "categorical_crossentropy"
    augmentation = None  # settings of the images' random transformations

    def __init__(self, entry):
        self.name = entry["name"]
        self.dataset = entry["dataset"]
        self.expected_parameters = entry["parameters"]
        self.batch_size = entry["batch_size"]
        self.epochs = entry["epochs"]

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
