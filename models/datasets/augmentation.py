"""Random shifts and flips of images, made on the host a batch at a time.

Keras 3 has no ImageDataGenerator; this does what that of Keras 2.0.8 does with these settings: a
shift by any amount, the nearest pixel taken, the edge's pixels repeated beyond it.
"""

import numpy as np


class Batches(object):
    """The whole batches of one epoch, in an order drawn anew for each epoch.

    ``x`` is (n,) + an image's shape, ``y`` (n, classes); a batch is ``batch_size`` rows of both,
    the images transformed. What is left of n makes no batch.
    """

    def __init__(self, x, y, batch_size, settings, image_data_format):
        self._x = x
        self._y = y
        self._batch_size = batch_size
        self._settings = settings
        self._image_data_format = image_data_format
        self._order = np.random.permutation(len(y))

    def __len__(self):
        return len(self._y) // self._batch_size

    def __getitem__(self, index):
        rows = self._order[index * self._batch_size:(index + 1) * self._batch_size]
        x = transform(self._x[rows], self._settings, self._image_data_format)
        return x, self._y[rows]

    def shuffle(self):
        """Draw the order of the next epoch."""
        self._order = np.random.permutation(len(self._y))


def as_dataset(batches, base):
    """Return ``batches`` as a Keras data set, ``base`` being the installed Keras's own class."""

    class Dataset(base):
        """One worker in the training's own process."""

        def __len__(self):
            return len(batches)

        def __getitem__(self, index):
            return batches[index]

        def on_epoch_end(self):
            batches.shuffle()

    return Dataset(workers=1, use_multiprocessing=False)


def transform(images, settings, image_data_format):
    """Return the images shifted and flipped at random, in their own shape and dtype.

    They are (n, rows, columns, channels), or (n, channels, rows, columns) where channels come
    first; ``settings`` gives the largest shift as a share of a side.
    """
    if image_data_format == "channels_first":
        last = images.transpose(0, 2, 3, 1)
        return transform(last, settings, "channels_last").transpose(0, 3, 1, 2)
    count, height, width, _ = images.shape
    down = _shifts(count, settings["height_shift_range"], height)
    right = _shifts(count, settings["width_shift_range"], width)
    columns = _sources(right, width)
    if settings["horizontal_flip"]:
        flipped = np.random.random_sample(count) < 0.5
        columns[flipped] = columns[flipped, ::-1]
    rows = _sources(down, height)
    which = np.arange(count)
    return images[which[:, None, None], rows[:, :, None], columns[:, None, :]]


def _shifts(count, share, size):
    """Return random shifts in pixels, float64 (count,), up to ``share`` of ``size`` pixels."""
    return np.random.uniform(-share, share, count) * size


def _sources(shifts, size):
    """Return the source index of each target index: int (image, index)."""
    exact = np.arange(size) + shifts[:, None]
    return np.clip(np.floor(exact + 0.5).astype(int), 0, size - 1)
