"""The image encoder of Stable Diffusion: the benchmark's "Stable Diffusion fit".

It trained the encoder up to its last 3 x 3 convolution: KerasCV's without its last two layers, a
1 x 1 convolution and a scaling.
"""

import collections

from models.datasets import made
from models.workloads.keras2024.diffusion import Parts
from models.workloads.keras2024.images import scaled
from models.workloads.keras2024.optimizers import ADAM
from models.workloads.workload import Workload

Dimensions = collections.namedtuple("Dimensions", ["side", "widths", "groups", "channels"])


class SdEncoder(Workload):
    """Residual convolutions at four resolutions, and an attention at the lowest."""

    optimizer = ADAM
    loss = "mse"
    metrics = ()
    dimensions = {
        "published": Dimensions(side=512, widths=(128, 256, 512, 512), groups=32, channels=8),
        "tiny": Dimensions(side=32, widths=(8, 16), groups=4, channels=8),
    }

    def form(self):
        """Return the form of images whose target is one of features."""
        side = self.own.side >> len(self.own.widths) - 1
        return made.Images(
            self.batch_size, self.own.side, classes=None, target=(side, side, self.own.channels))

    def inputs(self, x, image_data_format):
        """Return the images, float32 from 0 to 1."""
        return scaled(x, image_data_format)

    def targets(self, part):
        """Return the features, float32 (n, side, side, channels)."""
        return part.y

    def build(self, keras):
        """Return the network from an image to its features."""
        own, parts = self.own, Parts(keras, self.own.groups)
        image = keras.input((own.side, own.side, made.CHANNELS), "float32")
        x = parts.convolution(image, own.widths[0])
        for level, width in enumerate(own.widths):
            if level:
                x = parts.halved(x, own.widths[level - 1], padding=((0, 1), (0, 1)))
            x = parts.residual(x, width)
            x = parts.residual(x, width)
        x = parts.residual(x, own.widths[-1])
        x = parts.attention(x)
        x = parts.residual(x, own.widths[-1])
        return keras.model(image, parts.convolution(parts.normalized(x), own.channels))
