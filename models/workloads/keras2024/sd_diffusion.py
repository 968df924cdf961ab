"""A step of Stable Diffusion's sampling: the benchmark's "Stable Diffusion predict".

It timed KerasCV's text_to_image of 512 x 512 pixels by the step, and so took out what is done once,
the text's encoding and the picture's decoding. In a step the network tells the noise of the latents
twice, for the text and for none, and the latents lose some of it.
"""

import collections

import numpy as np

from models.datasets import made
from models.workloads.keras2024.diffusion import Parts
from models.workloads.workload import Workload

GUIDANCE = 7.5  # how much more the text counts than none: KerasCV's default
STRIDE = 10  # steps of 1,000 between two that are taken, of about a hundred
BETAS = (0.00085, 0.012)  # of the first and the last step: their roots are evenly spaced
LONGEST = 10000  # period of the waves that a step is told in

Dimensions = collections.namedtuple("Dimensions", [
    "side", "channels", "tokens", "text_width", "time_width", "widths", "heads", "groups"])


class SdDiffusion(Workload):
    """The network has 859,520,964 parameters; it can only predict here, as it was timed."""

    loss = None
    metrics = ()
    dimensions = {
        "published": Dimensions(
            side=64, channels=4, tokens=77, text_width=768, time_width=320,
            widths=(320, 640, 1280, 1280), heads=8, groups=32),
        "tiny": Dimensions(
            side=8, channels=4, tokens=5, text_width=16, time_width=8, widths=(8, 16), heads=2,
            groups=4),
    }

    def form(self):
        """Return the form of latents at some step, with a text and no text."""
        own = self.own
        return made.Latents(
            self.batch_size, own.side, own.channels, (own.tokens, own.text_width))

    def inputs(self, x, image_data_format):
        """Return latents, waves of the step, text, no text, and the share of signal at two steps.

        These are float32: (n, side, side, channels), (n, time_width), twice (n, tokens,
        text_width), and (n, 2) of this step and of the next one that is taken.
        """
        if image_data_format != "channels_last":
            raise ValueError("this network takes latents with channels last, not {}".format(
                image_data_format))
        latents, steps, texts, no_texts = x
        signal = np.append(1.0, signal_shares())  # before the first step there is no noise
        shares = np.stack([signal[1 + steps], signal[np.maximum(1 + steps - STRIDE, 0)]], axis=1)
        return [
            latents, waves(steps, self.own.time_width), texts, no_texts, shares.astype("float32"),
        ]

    def build(self, keras):
        """Return the network from the inputs to the latents of the next step."""
        own, ops = self.own, keras.keras.ops
        latents = keras.input((own.side, own.side, own.channels), "float32")
        time = keras.input((own.time_width,), "float32")
        text, no_text = (keras.input((own.tokens, own.text_width), "float32") for _ in range(2))
        shares = keras.input((2,), "float32")
        network = self.denoiser(keras)
        without, noise = network([latents, time, no_text]), network([latents, time, text])
        noise = without + GUIDANCE * (noise - without)
        now, then = (
            keras.keras.layers.Reshape((1, 1, 1))(share) for share in ops.split(shares, 2, axis=1)
        )
        picture = (latents - ops.sqrt(1 - now) * noise) / ops.sqrt(now)
        following = ops.sqrt(1 - then) * noise + ops.sqrt(then) * picture
        return keras.model([latents, time, text, no_text, shares], following)

    def denoiser(self, keras):
        """Return the network from latents, a step's waves and a text to the latents' noise."""
        own, layers, parts = self.own, keras.keras.layers, Parts(keras, self.own.groups)
        latents = keras.input((own.side, own.side, own.channels), "float32")
        waved = keras.input((own.time_width,), "float32")
        text = keras.input((own.tokens, own.text_width), "float32")
        inner = 4 * own.widths[0]
        time = layers.Dense(inner)(layers.Dense(inner, activation="swish")(waved))

        def level(x, width, attends):
            x = parts.residual(x, width, time)
            return parts.transformer(x, text, own.heads) if attends else x

        last = len(own.widths) - 1
        x = parts.convolution(latents, own.widths[0])
        kept = [x]
        for number, width in enumerate(own.widths):
            if number:
                x = parts.halved(x, own.widths[number - 1], padding=1)
                kept.append(x)
            for _ in range(2):
                x = level(x, width, attends=number != last)
                kept.append(x)
        x = level(x, own.widths[-1], attends=True)
        x = level(x, own.widths[-1], attends=False)
        for number, width in reversed(list(enumerate(own.widths))):
            for _ in range(3):
                x = layers.Concatenate()([x, kept.pop()])
                x = level(x, width, attends=number != last)
            if number:
                x = parts.doubled(x)
        x = parts.convolution(parts.normalized(x), own.channels)
        return keras.model([latents, waved, text], x)


def signal_shares():
    """Return the share of the signal after each of the steps: float64 (1000,), falling from 1."""
    first, last = (beta ** 0.5 for beta in BETAS)
    return np.cumprod(1 - np.linspace(first, last, made.STEPS) ** 2)


def waves(steps, width):
    """Return the cosines and sines that tell a step: float32 (n, width)."""
    half = width // 2
    angles = steps[:, None] * np.exp(-np.log(LONGEST) * np.arange(half) / half)
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1).astype("float32")
