"""The random shifts and flips of images."""

import numpy as np
import pytest

from models.datasets import augmentation

SETTINGS = {"width_shift_range": 0.1, "height_shift_range": 0.1, "horizontal_flip": True}
STILL = {"width_shift_range": 0.0, "height_shift_range": 0.0, "horizontal_flip": False}


@pytest.fixture
def images():
    np.random.seed(0)
    return np.random.random_sample((64, 32, 32, 3)).astype("float32")


def reference(image, down, right, flip):
    """Return one image moved pixel by pixel."""
    moved = np.empty_like(image)
    for row in range(32):
        for column in range(32):
            source = [int(np.floor(row + down + 0.5)), int(np.floor(column + right + 0.5))]
            moved[row, column] = image[min(max(source[0], 0), 31), min(max(source[1], 0), 31)]
    return moved[:, ::-1] if flip else moved


def test_pixels_move_as_one_by_one(images):
    np.random.seed(5)
    got = augmentation.transform(images, SETTINGS, "channels_last")
    np.random.seed(5)
    down = np.random.uniform(-0.1, 0.1, 64) * 32
    right = np.random.uniform(-0.1, 0.1, 64) * 32
    flip = np.random.random_sample(64) < 0.5
    assert flip.any() and not flip.all()
    for index in range(0, 64, 7):
        wanted = reference(images[index], down[index], right[index], flip[index])
        assert np.array_equal(got[index], wanted)
    assert got.dtype == np.float32


def test_channels_first_is_the_same_picture(images):
    np.random.seed(5)
    last = augmentation.transform(images, SETTINGS, "channels_last")
    np.random.seed(5)
    first = augmentation.transform(images.transpose(0, 3, 1, 2), SETTINGS, "channels_first")
    assert np.array_equal(first.transpose(0, 2, 3, 1), last)


def test_an_epoch_is_whole_batches_of_different_images(images):
    labels = np.arange(64)
    batches = augmentation.Batches(images, labels, 10, STILL, "channels_last")
    assert len(batches) == 6
    seen = np.concatenate([batches[index][1] for index in range(6)])
    assert len(seen) == len(set(seen)) == 60
    x, y = batches[2]
    assert np.array_equal(x, images[y])
    batches.shuffle()
    assert not np.array_equal(y, batches[2][1])


def test_the_dataset_is_a_view_of_the_batches(images):
    class Base:
        """Stands for Keras's PyDataset."""

        def __init__(self, workers, use_multiprocessing):
            self.workers = (workers, use_multiprocessing)

    batches = augmentation.Batches(images, np.arange(64), 32, SETTINGS, "channels_last")
    dataset = augmentation.as_dataset(batches, Base)
    before = dataset[0][1]
    dataset.on_epoch_end()
    assert len(dataset) == 2 and dataset.workers == (1, False)
    assert not np.array_equal(before, dataset[0][1])
