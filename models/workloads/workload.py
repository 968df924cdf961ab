"""What a model file states: a network, its inputs and its hyperparameters."""

import numpy as np

from models.job.axes import AXES

PUBLISHED = "published"
TINY = "tiny"
SIZES = (PUBLISHED, TINY)


class NoSuchSize(ValueError):
    """A model does not have the size asked for."""


class InvalidModel(Exception):
    """The network built is not the one stated, or is asked for what it cannot do."""


def numbers(entry, size):
    """Return what an entry states of the model at a size: parameters, batch size, epochs, ...

    Raises ``NoSuchSize`` where the model has not that size.
    """
    if size == PUBLISHED:
        return entry
    if size not in entry:
        raise NoSuchSize("model {} has no size {}".format(entry["name"], size))
    return entry[size]


class Workload(object):
    """A model. A subclass and its entry in its suite's suite.json state everything.

    The entry holds what the host side must know too: the data set, the number of parameters, the
    batch sizes and the epochs, of each size that the model has.
    """

    classes = None  # of the labels: an output for each
    optimizer = None  # (class name, settings), in the words of Keras 2.0.8
    # A name, or (class name, settings); None: it cannot be trained.
    loss = "categorical_crossentropy"
    metrics = ("accuracy",)
    dtype = None  # of weights and arithmetic, where the network is what it is in this one only
    libraries = ()  # imported with Keras, beside it
    dimensions = None  # of the network, by size: a namedtuple of whatever it is built from
    # Settings of the images' random transformations: shifts as shares of a side, 0 to 1.
    augmentation = None

    def __init__(self, entry, size=PUBLISHED):
        stated = numbers(entry, size)
        self.name = entry["name"]
        self.dataset = entry["dataset"]
        self.size = size
        self.expected_parameters = stated["parameters"]
        self.batch_size = stated["batch_size"]
        self.predict_batch_size = stated.get("predict_batch_size", self.batch_size)
        self.epochs = stated["epochs"]
        self.classes = stated.get("classes", self.classes)

    @property
    def own(self):
        """The dimensions of the network at its size."""
        return self.dimensions[self.size]

    def form(self):
        """Return the form of the data that are made for it, one of models/datasets/made.py.

        None where its data set is not made for a model.
        """

    def network(self):
        """Return what the network is built from, for the record.

        None where the vocabulary's own layers say it all.
        """
        return None if self.dimensions is None else dict(self.own._asdict())

    def adjust(self, phase, batch_size, epochs):
        """Set the batch of the phase, or what a job asks for instead of the model's own.

        None leaves the model's own. Images are transformed while training alone. Raises
        ``InvalidModel`` for one that can only predict.
        """
        trains = AXES["phase"]["values"][phase].get("trains", False)
        own = self.batch_size if trains else self.predict_batch_size
        self.batch_size = batch_size or own
        self.epochs = epochs or self.epochs
        if not trains:
            self.augmentation = None
        elif self.loss is None:
            raise InvalidModel("{} can only predict".format(self.name))

    def inputs(self, x, image_data_format):
        """Return the inputs of a part of the data as the network takes them.

        ``x`` is what the data set has: uint8 of (n, 28, 28) for "mnist" and (n, 32, 32, 3) for
        "cifar10", a tuple of int32 (n, 552) and (n, 5) for "babi"; made data are as their form
        says. The result is one array, or a list or a dict of as many as ``build`` has inputs, each
        with n rows.
        """
        raise NotImplementedError

    def targets(self, part):
        """Return what the network is to answer, n rows: here its labels one-hot, float32.

        One that can only predict is asked nothing.
        """
        if self.loss is None:
            return part.y
        return np.eye(self.classes, dtype="float32")[part.y]

    def asked(self, x):
        """Return what is predicted from, of the inputs ``x`` of a part: all of it."""
        return x

    def predictor(self, keras, model):
        """Return a function that predicts one batch and has its outputs on the host."""
        return lambda batch: keras.predict_batch(model, batch)

    def predict(self, keras, model, x):
        """Return the network's outputs for all of ``x``, on the host, batch by batch."""
        return keras.predict(model, x, self.batch_size)

    def build(self, keras):
        """Return the network, said in the vocabulary ``keras``."""
        raise NotImplementedError


def image_shape(rows, columns, channels, image_data_format):
    """Return the shape of one image, "channels_first" or "channels_last"."""
    if image_data_format == "channels_first":
        return (channels, rows, columns)
    return (rows, columns, channels)
