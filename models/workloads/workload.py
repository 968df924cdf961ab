"""What a model file states: a network, its inputs and its hyperparameters."""


class Workload(object):
    """A model. A subclass and its entry in its suite's suite.json state everything.

    The entry holds what the host side must know too: the data set, the number of parameters, the
    batch size and the epochs.
    """

    classes = None  # of the labels: an output for each
    optimizer = None  # (class name, settings), in the words of Keras 2.0.8
    loss = "categorical_crossentropy"
    # Settings of the images' random transformations: shifts as shares of a side, 0 to 1.
    augmentation = None

    def __init__(self, entry):
        self.name = entry["name"]
        self.dataset = entry["dataset"]
        self.expected_parameters = entry["parameters"]
        self.batch_size = entry["batch_size"]
        self.epochs = entry["epochs"]

    def adjust(self, batch_size, epochs):
        """Set what a job asks for instead of the model's own; None leaves that."""
        self.batch_size = batch_size or self.batch_size
        self.epochs = epochs or self.epochs

    def inputs(self, x, image_data_format):
        """Return the inputs of a part of the data as the network takes them.

        ``x`` is what the data set has: uint8 of (n, 28, 28) for "mnist" and (n, 32, 32, 3) for
        "cifar10", a tuple of int32 (n, 552) and (n, 5) for "babi". The result is one array, or a
        list of as many as ``build`` has inputs, each with n rows.
        """
        raise NotImplementedError

    def build(self, keras):
        """Return the network, said in the vocabulary ``keras``."""
        raise NotImplementedError


def image_shape(rows, columns, channels, image_data_format):
    """Return the shape of one image, "channels_first" or "channels_last"."""
    if image_data_format == "channels_first":
        return (channels, rows, columns)
    return (rows, columns, channels)
