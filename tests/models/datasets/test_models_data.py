"""The data: form, determinism and learnability, from every source."""

import json

import numpy as np
import pytest

from models.datasets import babi, synthetic
from models.datasets import load as data
from models.job import spec

# The same under numpy 1.13 and 2.x: a change here changes what a seed means.
PINNED = {
    "mnist": "0d8fb99bf259fd5dc3d24cd843b500f2208fb13c4ab38291448f48d6e64814df",
    "cifar10": "03d29b6892dbdc199b19f7255ec5bdf05cc65be4dfa55b818de3f8f3e0a7d3d5",
    "babi": "f87c5efc8a311cdac54e5bc1c9bc8ab19ab244efb9074610d8a96d69cb4e7927",
}


@pytest.fixture
def asked(given):
    """Return a function that makes a job spec with some keys changed."""
    return lambda **changes: spec.parse(json.dumps(dict(given, **changes)))


@pytest.mark.parametrize("dataset", sorted(PINNED))
def test_a_seed_means_the_same_bytes_everywhere(asked, dataset):
    assert data.load(dataset, asked()).sha256 == PINNED[dataset]
    assert data.load(dataset, asked(seed=8)).sha256 != PINNED[dataset]


def test_full_size_babi(asked):
    loaded = data.load("babi", asked(samples=None))
    assert [len(part.y) for part in loaded[:3]] == [950, 50, 1000]
    stories, questions = loaded.train.x
    assert stories.shape == (950, 552) and questions.shape == (950, 5)
    assert stories.dtype == questions.dtype == np.int32
    assert stories[:, 0].any()  # the longest story has no padding
    assert not stories[:, 0].all()
    assert questions.all()


def test_full_size_images(asked):
    loaded = data.load("mnist", asked(samples=None))
    assert loaded.train.x.shape == (60000, 28, 28) and loaded.test.x.shape == (10000, 28, 28)
    assert loaded.train.x.dtype == loaded.train.y.dtype == np.uint8
    assert loaded.validation is loaded.test
    counts = np.bincount(loaded.train.y)
    assert len(counts) == 10 and counts.min() > 5000


def test_cifar10_form(asked):
    loaded = data.load("cifar10", asked(samples=100))
    assert loaded.train.x.shape == (100, 32, 32, 3) and loaded.test.x.shape == (20, 32, 32, 3)
    assert loaded.train.y.shape == (100,)


@pytest.mark.parametrize(
    "samples, sizes",
    [
        (None, (950, 50, 1000)),
        (2000, (950, 50, 1000)),
        (95, (95, 5, 100)),
        (1, (1, 1, 1)),
    ],
)
def test_parts_are_cut_in_one_ratio(samples, sizes):
    assert data.cut(samples, 950, 50, 1000) == sizes


@pytest.mark.parametrize("dataset", ["mnist", "cifar10"])
def test_a_class_can_be_told_from_its_mean_image(dataset):
    form = data.SYNTHETIC_IMAGES[dataset]
    (x, y), (test_x, test_y) = synthetic.images(form, (2000, 500), seed=3)
    means = np.array([x[y == label].mean(axis=0).ravel() for label in range(10)])
    distances = ((test_x.reshape(500, 1, -1) - means) ** 2).sum(axis=2)
    accuracy = (distances.argmin(axis=1) == test_y).mean()
    assert accuracy > 0.7


def test_the_hash_sees_bytes_types_and_shapes():
    x, y = np.arange(4, dtype=np.uint8), np.zeros(4, dtype=np.uint8)
    hashes = {
        data.sha256(data.Part(x, y)),
        data.sha256(data.Part(x.reshape(2, 2), y)),
        data.sha256(data.Part(x.astype(np.int8), y)),
        data.sha256(data.Part(x + 1, y)),
    }
    assert len(hashes) == 4


@pytest.fixture
def folder(tmpdir):
    """A data folder with small files of the real form."""
    random = np.random.RandomState(0)
    for name, shape in (("mnist", (28, 28)), ("cifar10", (32, 32, 3))):
        np.savez(
            str(tmpdir.join(name + ".npz")),
            x_train=random.randint(0, 255, (30, *shape)).astype(np.uint8),
            y_train=np.arange(30, dtype=np.uint8) % 10,
            x_test=random.randint(0, 255, (10, *shape)).astype(np.uint8),
            y_test=np.arange(10, dtype=np.uint8),
        )
    for part, text in zip(("train", "test"), babi.simulate(1, 1000, 1000)):
        tmpdir.join(f"babi_qa2_{part}.txt").write(text)
    return tmpdir


@pytest.mark.parametrize(
    "dataset, source, sizes",
    [
        ("mnist", "digits", (15, 5, 5)),
        ("mnist", "real", (15, 5, 5)),
        ("cifar10", "real", (15, 5, 5)),
        ("babi", "real", (15, 1, 15)),
    ],
)
def test_files_are_read_and_cut(asked, folder, dataset, source, sizes):
    loaded = data.load(dataset, asked(data=source, data_dir=str(folder), samples=15))
    assert tuple(len(part.y) for part in loaded[:3]) == sizes


def test_real_validation_is_the_last_twentieth(asked, folder):
    job = asked(data="real", data_dir=str(folder), samples=None)
    loaded = data.load("babi", job)
    text = folder.join("babi_qa2_train.txt").read()
    _, answers = babi.encode(text)
    assert np.array_equal(loaded.validation.y, answers[950:])
    assert np.array_equal(loaded.train.y, answers[:950])


@pytest.mark.parametrize("dataset", ["cifar10", "babi"])
def test_digits_serve_mnist_only(asked, folder, dataset):
    with pytest.raises(data.DataError) as caught:
        data.load(dataset, asked(data="digits", data_dir=str(folder)))
    assert "MNIST models only" in str(caught.value)


@pytest.mark.parametrize("dataset", sorted(PINNED))
def test_a_missing_file_is_named(asked, tmpdir, dataset):
    with pytest.raises(data.DataError) as caught:
        data.load(dataset, asked(data="real", data_dir=str(tmpdir)))
    assert str(tmpdir) in str(caught.value)


@pytest.mark.parametrize(
    "broken",
    [
        {"x_train": np.zeros((30, 28, 27), np.uint8)},
        {"x_train": np.zeros((30, 28, 28), np.float32)},
        {"y_train": np.zeros((30, 1), np.uint8)},
        {"y_train": np.zeros(29, np.uint8)},
    ],
)
def test_arrays_of_another_form_are_refused(asked, tmpdir, broken):
    good = {
        "x_train": np.zeros((30, 28, 28), np.uint8),
        "y_train": np.zeros(30, np.uint8),
        "x_test": np.zeros((5, 28, 28), np.uint8),
        "y_test": np.zeros(5, np.uint8),
    }
    np.savez(str(tmpdir.join("mnist.npz")), **dict(good, **broken))
    with pytest.raises(data.DataError):
        data.load("mnist", asked(data="real", data_dir=str(tmpdir)))


def test_too_short_a_babi_file_is_refused(asked, folder):
    text = folder.join("babi_qa2_train.txt").read()
    folder.join("babi_qa2_train.txt").write(text[: len(text) // 2].rsplit("\n", 1)[0])
    with pytest.raises(data.DataError):
        data.load("babi", asked(data="real", data_dir=str(folder)))
