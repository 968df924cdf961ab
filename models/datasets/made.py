"""Made data: samples of the form that a model wants, where only its speed is of interest.

A model says the form, and datasets.json how many of the model's batches there are. What is made
can be learnt, so that a loss which does not fall means something: in texts some tokens are frequent
and each class has its own, an image shows a pattern of its class, a picture to be made is the image
itself, coarser. As in synthetic.py, all chance comes from raw bytes, to mean the same everywhere.
"""

import collections

import numpy as np

from models.datasets.facts import DATASETS

CELLS = 4  # of a class's pattern, along a side of an image
CHANNELS = 3
STEPS = 1000  # of a diffusion, from a picture to noise


class Tokens(collections.namedtuple("Tokens", ["batch", "length", "words", "classes"])):
    """Texts of ``length`` tokens, each less than ``words``.

    ``classes`` None: the target of each token is the one that follows it.
    """

    def make(self, size, random, patterns):
        """Return ``size`` texts, int32 (size, length), and int32 labels (size,) or such texts."""
        tokens = _skewed(random, (size, self.length + 1), self.words)
        if self.classes is None:
            return tokens[:, :-1], tokens[:, 1:]
        labels = _numbers(random, size, self.classes)
        own = labels * (self.words // self.classes)
        return (tokens[:, :-1] + own[:, None]) % np.int32(self.words), labels


class Images(collections.namedtuple("Images", ["batch", "side", "classes", "target"])):
    """Images of ``side`` pixels along both sides, with three channels.

    The target is one of ``classes``, or a picture of the shape ``target``: (side, side, channels).
    """

    def make(self, size, random, patterns):
        """Return images, uint8 (size, side, side, 3), and labels (size,) or float32 pictures."""
        classes = self.classes or CELLS
        labels = _numbers(random, size, classes)
        coarse = _bytes(patterns, (classes, CELLS, CELLS, CHANNELS)) >> 1
        cell = np.arange(self.side) * CELLS // self.side
        images = coarse[labels][:, cell][:, :, cell]
        for image in images:  # one at a time, to bound the memory
            image += _bytes(random, image.shape) >> 1
        return images, (labels if self.target is None else self._coarser(images))

    def _coarser(self, images):
        """Return the images with fewer pixels and more channels, float32 from 0 to 1."""
        side, _, channels = self.target
        step = self.side // side
        picked = images[:, ::step, ::step][:, :side, :side].astype("float32") / 255
        return picked[..., np.arange(channels) % CHANNELS]


class Latents(collections.namedtuple("Latents", ["batch", "side", "channels", "context"])):
    """What one step of a diffusion works on; ``context`` is the shape of an encoded text."""

    def make(self, size, random, patterns):
        """Return (latents, steps, contexts, contexts of no text), and labels that say nothing.

        Their shapes are (size, side, side, channels), (size,) from 1 to 999, and twice (size,) +
        ``context``: float32 but the steps, which are int32.
        """
        latents = _noise(random, (size, self.side, self.side, self.channels))
        steps = 1 + _numbers(random, size, STEPS - 1)
        texts, no_texts = (_noise(random, (size,) + self.context) for _ in range(2))
        return (latents, steps, texts, no_texts), np.zeros(size, dtype=np.int32)


def sizes(dataset, form):
    """Return how many samples there are for training, validation and test."""
    facts = DATASETS[dataset]
    return tuple(facts[part] * form.batch for part in ("train", "validation", "test"))


def parts(form, counts, seed):
    """Return an (x, y) as ``form`` makes them for each of ``counts``; the same for a seed."""
    return tuple(
        form.make(size, np.random.RandomState([seed, number]), np.random.RandomState([seed, 0]))
        for number, size in enumerate(counts, start=1)
    )


def _bytes(random, shape):
    count = int(np.prod(shape, dtype=np.int64))
    return np.frombuffer(random.bytes(count), dtype=np.uint8).reshape(shape).copy()


def _shorts(random, shape):
    """Return random numbers below 2 ** 16, int64."""
    low, high = (_bytes(random, shape).astype(np.int64) for _ in range(2))
    return low + 256 * high


def _numbers(random, size, below):
    """Return int32 (size,), each number below ``below`` as likely as another, nearly."""
    return (_shorts(random, (size,)) * below >> 16).astype(np.int32)


def _skewed(random, shape, below):
    """Return int32 below ``below``, the lower the likelier: the cube of an even chance."""
    even = _shorts(random, shape)
    cube = (even * even >> 16) * even >> 16
    return (cube * below >> 16).astype(np.int32)


def _noise(random, shape):
    """Return float32 of mean 0 and deviation 1, nearly: even chances."""
    return (_bytes(random, shape).astype("float32") - 127.5) / 74
