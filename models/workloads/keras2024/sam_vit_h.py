"""The image encoder of SegmentAnything, a ViT-H: the benchmark's "SegmentAnything fit".

Its "predict" also ran the prompt encoder and the mask decoder, which are small beside this: 4 of
641 million parameters.
"""

import collections

from models.datasets import made
from models.workloads.keras2024.images import scaled
from models.workloads.keras2024.optimizers import ADAM
from models.workloads.workload import Workload

Dimensions = collections.namedtuple("Dimensions", [
    "side", "patch", "layers", "heads", "width", "inner_width", "window", "global_layers",
    "channels"])


class SamVitH(Workload):
    """KerasHub's ViTDet: 32 layers of 1280, of which 4 attend to the whole image."""

    libraries = ("keras_hub",)
    optimizer = ADAM
    loss = "mse"
    metrics = ()
    dimensions = {
        "published": Dimensions(
            side=1024, patch=16, layers=32, heads=16, width=1280, inner_width=5120, window=14,
            global_layers=(7, 15, 23, 31), channels=256),
        "tiny": Dimensions(
            side=64, patch=16, layers=2, heads=2, width=32, inner_width=64, window=2,
            global_layers=(1,), channels=16),
    }

    def form(self):
        """Return the form of images whose target is one of features."""
        side = self.own.side // self.own.patch
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
        own = self.own
        return keras.hub.models.ViTDetBackbone(
            hidden_size=own.width, num_layers=own.layers, intermediate_dim=own.inner_width,
            num_heads=own.heads, global_attention_layer_indices=list(own.global_layers),
            image_shape=(own.side, own.side, made.CHANNELS), patch_size=own.patch,
            num_output_channels=own.channels, use_bias=True, use_abs_pos=True, use_rel_pos=True,
            window_size=own.window, layer_norm_epsilon=1e-6)
