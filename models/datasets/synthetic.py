"""Synthetic images: the form of the real ones, learnable, and the same on every numpy.

A class is a smooth random pattern. An image is its class's pattern, moved a little, mixed with
another class's pattern and with noise. All arithmetic is on integers and all chance comes from
the raw words of ``RandomState``, so that a seed means the same bytes everywhere.
"""

import collections

import numpy as np

CLASSES = 10
SHIFTS = 5  # positions along each axis, 0 to 4 pixels from the pattern's corner
CELL = 4  # pixels along a side of a pattern's coarse cells
CHUNK = 10000  # images made at once, to bound the memory


class ImageForm(collections.namedtuple("ImageForm", ["train", "test", "side", "channels"])):
    """Counts and form of a set of images, ``side`` in pixels; ``channels`` None: no such axis."""

    @property
    def shape(self):
        """The shape of one image."""
        square = (self.side, self.side)
        return square if self.channels is None else square + (self.channels,)


def images(form, sizes, seed):
    """Return ((x, y) of the training images, (x, y) of the test images), ``sizes`` of each.

    x is uint8 (n,) + ``form.shape``, 0 to 255; y is uint8 (n,), 0 to 9.
    """
    patterns = _patterns(form, np.random.RandomState([seed, 0]))
    return tuple(
        _draw(patterns, form, size, np.random.RandomState([seed, part]))
        for part, size in enumerate(sizes, start=1)
    )


def _patterns(form, random):
    """Return the patterns at every shift: uint16 (class, down, right) + an image's shape."""
    cells = form.side // CELL + 2
    depth = form.channels or 1
    coarse = _bytes(random, (CLASSES, cells, cells, depth)).astype(np.uint16)
    wide = coarse.repeat(CELL, axis=1).repeat(CELL, axis=2)
    smooth = _blur(_blur(wide, 1), 2)
    moved = [
        [smooth[:, down:down + form.side, right:right + form.side] for right in range(SHIFTS)]
        for down in range(SHIFTS)
    ]
    patterns = np.array(moved, dtype=np.uint16).transpose(2, 0, 1, 3, 4, 5)
    return patterns.reshape((CLASSES, SHIFTS, SHIFTS) + form.shape)


def _blur(values, axis):
    """Return ``values`` averaged over four neighbours along ``axis``."""
    return (values + np.roll(values, 1, axis) + np.roll(values, 2, axis)
            + np.roll(values, 3, axis)) // 4


def _draw(patterns, form, size, random):
    """Return ``size`` images and their labels."""
    x = np.empty((size,) + form.shape, dtype=np.uint8)
    y = np.empty(size, dtype=np.uint8)
    for begin in range(0, size, CHUNK):
        part = slice(begin, min(begin + CHUNK, size))
        x[part], y[part] = _draw_chunk(patterns, part.stop - part.start, random)
    return x, y


def _draw_chunk(patterns, size, random):
    chance = _bytes(random, (7, size))
    label = chance[0] % CLASSES
    other = chance[1] % CLASSES
    place, other_place = chance[2:4] % SHIFTS, chance[4:6] % SHIFTS
    # The class's own pattern makes up at least half of the signal.
    share = (chance[6] // 2 + 128).astype(np.uint16).reshape((size,) + (1,) * (patterns.ndim - 3))
    signal = patterns[label, place[0], place[1]] * share
    signal += patterns[other, other_place[0], other_place[1]] * (255 - share)
    signal >>= 8
    signal -= signal // 4  # a quarter of the brightness is left for the noise
    noise = _bytes(random, signal.shape) >> 2
    return signal.astype(np.uint8) + noise, label


def _bytes(random, shape):
    """Return random bytes; the raw stream is what every version of numpy has in common."""
    count = int(np.prod(shape))
    return np.frombuffer(random.bytes(count), dtype=np.uint8).reshape(shape)
