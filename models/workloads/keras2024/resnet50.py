"""ResNet-50 on images of 224 x 224 and 1,000 classes.

The benchmark of 2024 has no such network, many others do: 25,636,712 parameters. Its batch of 64
images trains on a card of 8 GB or a little more.
"""

import collections

from models.datasets import made
from models.workloads.workload import Workload, image_shape

Dimensions = collections.namedtuple("Dimensions", ["side"])


class ResNet50(Workload):
    """That of keras.applications; a tiny one differs in its images and classes alone."""

    # A rate of 0.1 for 256 images, as the network was published with, and so for 64.
    optimizer = ("SGD", {"lr": 0.025, "momentum": 0.9, "nesterov": False, "decay": 0.0})
    dimensions = {"published": Dimensions(side=224), "tiny": Dimensions(side=32)}

    def form(self):
        """Return the form of images that are each of one class."""
        return made.Images(self.batch_size, self.own.side, self.classes, target=None)

    def inputs(self, x, image_data_format):
        """Return (n, side, side, 3) of bytes, or channels first: float32 from 0 to 1."""
        images = x.astype("float32") / 255
        if image_data_format == "channels_first":
            return images.transpose(0, 3, 1, 2)
        return images

    def build(self, keras):
        """Return the network from an image to the probabilities of the classes."""
        side = self.own.side
        return keras.keras.applications.ResNet50(
            include_top=True, weights=None, classes=self.classes, classifier_activation="softmax",
            input_shape=image_shape(side, side, made.CHANNELS, keras.image_data_format))
