"""The data of the models: real files, handwritten digits, made data, or synthetic of a form."""

import collections
import hashlib
import os

import numpy as np

from models.datasets import babi, made, synthetic
from models.datasets.facts import DATASETS

# x: an array with a sample per row, or a tuple of such; y: the samples' labels, integers (n,), or
# whatever the form of made data gives as targets.
Part = collections.namedtuple("Part", ["x", "y"])
Data = collections.namedtuple("Data", ["train", "validation", "test", "sha256"])


def _form(dataset, side, channels):
    sizes = DATASETS[dataset]
    return synthetic.ImageForm(sizes["train"], sizes["test"], side, channels)


SYNTHETIC_IMAGES = {
    "mnist": _form("mnist", side=28, channels=None),
    "cifar10": _form("cifar10", side=32, channels=3),
}
# digits holds handwritten digits brought to MNIST's form, so it can stand in for MNIST alone.
FILES = {
    ("real", "mnist"): "mnist.npz",
    ("real", "cifar10"): "cifar10.npz",
    ("digits", "mnist"): "mnist.npz",
}


class DataError(Exception):
    """The data asked for is not there, or is not what its name says."""


def load(dataset, spec, form=None):
    """Return the ``dataset`` as the job spec wants it, with the hash of what it holds.

    ``form`` is that of made data, which no other has.

    "mnist" is uint8 (n, 28, 28) and "cifar10" uint8 (n, 32, 32, 3), 0 to 255, with labels (n,)
    from 0 to 9. "babi" is int32 word numbers: stories (n, 552), questions (n, 5), answers (n,).
    Raises ``DataError`` for files that are not there or hold something else.
    """
    if form is not None:
        train, validation, test = _make(dataset, spec, form)
    elif dataset == "babi":
        train, validation, test = _load_babi(spec)
    else:
        train, test = _load_images(dataset, spec)
        validation = test  # the published runs validated on the test images
    return Data(train, validation, test, sha256(train, validation, test))


def _make(dataset, spec, form):
    if spec.data != "synthetic":
        raise DataError("data {!r} does not serve {}, which is made".format(spec.data, dataset))
    counts = cut(spec.samples, *made.sizes(dataset, form))
    return tuple(Part(x, y) for x, y in made.parts(form, counts, spec.seed))


def sha256(*parts):
    """Return the hash of the parts' bytes, types and shapes, as hexadecimal digits."""
    digest = hashlib.sha256()
    for part in parts:
        arrays = (part.x if isinstance(part.x, tuple) else (part.x,)) + (part.y,)
        for array in arrays:
            digest.update("{} {}".format(array.dtype.str, array.shape).encode("ascii"))
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def cut(samples, train, *others):
    """Return the sizes to use: ``samples`` of ``train``, the others in the same ratio.

    None becomes empty that was not.
    """
    if samples is None or samples >= train:
        return (train,) + others
    return (samples,) + tuple(max(min(1, other), other * samples // train) for other in others)


def _load_images(dataset, spec):
    if spec.data == "synthetic":
        form = SYNTHETIC_IMAGES[dataset]
        sizes = cut(spec.samples, form.train, form.test)
        drawn = synthetic.images(form, sizes, spec.seed)
        return tuple(Part(x, y) for x, y in drawn)
    train, test = _read_images(dataset, spec)
    train_size, test_size = cut(spec.samples, len(train.x), len(test.x))
    return _slice(train, 0, train_size), _slice(test, 0, test_size)


def _read_images(dataset, spec):
    path = _path(spec, _file_name(dataset, spec.data))
    form = SYNTHETIC_IMAGES[dataset]
    # NumPy before 1.16.3 unpickles whatever a file holds, unless told not to.
    with np.load(path, allow_pickle=False) as arrays:
        try:
            train, test = (
                Part(arrays["x_" + part], arrays["y_" + part]) for part in ("train", "test")
            )
        except KeyError as error:
            raise DataError("{}: {}".format(path, error))
    for part in (train, test):
        _check_images(path, form, part)
    return train, test


def _check_images(path, form, part):
    if part.x.dtype != np.uint8 or part.x.shape[1:] != form.shape:
        raise DataError("{}: images are {} {}, expected uint8 (n,) + {}".format(
            path, part.x.dtype, part.x.shape, form.shape))
    if part.y.shape != part.x.shape[:1]:
        raise DataError("{}: {} labels for {} images".format(path, part.y.shape, len(part.x)))


def _file_name(dataset, source):
    try:
        return FILES[source, dataset]
    except KeyError:
        raise DataError("data {!r} serves the MNIST models only, not {}".format(source, dataset))


def _load_babi(spec):
    sizes = cut(spec.samples, babi.TRAIN, babi.VALIDATION, babi.TEST)
    if spec.data == "synthetic":
        texts = babi.simulate(spec.seed, sizes[0] + sizes[1], sizes[2])
        return _split_babi(texts, sizes, sizes[0])
    if spec.data == "real":
        texts = [_read_text(spec, "babi_qa2_{}.txt".format(part)) for part in ("train", "test")]
        return _split_babi(texts, sizes, babi.TRAIN)
    raise DataError("data {!r} serves the MNIST models only, not babi".format(spec.data))


def _split_babi(texts, sizes, split):
    """Return training, validation (which begins at ``split`` of the first text) and test part."""
    learn, test = (Part(*babi.encode(text)) for text in texts)
    for part, least in ((learn, split + sizes[1]), (test, sizes[2])):
        if len(part.y) < least:
            raise DataError("bAbI: {} questions, expected {}".format(len(part.y), least))
    validation = _slice(learn, split, split + sizes[1])
    return _slice(learn, 0, sizes[0]), validation, _slice(test, 0, sizes[2])


def _read_text(spec, name):
    with open(_path(spec, name), encoding="ascii") as file:
        return file.read()


def _path(spec, name):
    path = os.path.join(spec.data_dir, name)
    try:
        with open(path, "rb"):
            return path
    except PermissionError:
        raise DataError("{}: this user ({}) may not read it".format(path, os.getuid()))
    except OSError:
        raise DataError("{}: no such file; data {!r} needs it".format(path, spec.data))


def _slice(part, begin, end):
    if isinstance(part.x, tuple):
        return Part(tuple(x[begin:end] for x in part.x), part.y[begin:end])
    return Part(part.x[begin:end], part.y[begin:end])
