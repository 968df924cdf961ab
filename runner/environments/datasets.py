"""Data for the jobs: downloaded once, checked by size and hash, handed over as plain files.

A job sees a folder with ``mnist.npz``, ``cifar10.npz``, ``babi_qa2_train.txt`` and
``babi_qa2_test.txt`` (as far as its data source has them); arrays are uint8, images NHWC.
Sources of the hashes: Keras' own loaders for MNIST and CIFAR-10, the authors' archive for bAbI.
"""

import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pooch

from runner.environments.unpack import UNPACK, digits_arrays, replacing
from runner.errors import DataError
from runner.spec.workload import DataSource

CHUNK = 1 << 20


@dataclass(frozen=True)
class Download:
    """One file of a data set: its name in the cache, hash, size and where it was served."""

    dataset: str
    name: str
    sha256: str
    urls: tuple[str, ...]
    size: int | None = None


DOWNLOADS = {
    item.dataset: item
    for item in (
        Download(
            "mnist",
            "mnist.npz",
            "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
            (
                "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
                "https://s3.amazonaws.com/img-datasets/mnist.npz",
            ),
        ),
        Download(
            "cifar10",
            "cifar-10-python.tar.gz",
            "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
            ("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
            170_498_071,
        ),
        Download(
            "babi",
            "babi_tasks_1-20_v1-2.tar.gz",
            "0364ebde659f14d11bc21744516c5ec49d3d06cb692733f66680771244998898",
            (
                "https://s3.amazonaws.com/text-datasets/babi_tasks_1-20_v1-2.tar.gz",
                "https://www.thespermwhale.com/jaseweston/babi/tasks_1-20_v1-2.tar.gz",
            ),
            15_719_851,
        ),
    )
}


def _sha256(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return _sha256(file)


def verify_download(item: Download, path: Path) -> None:
    """Check a file's size and hash; a wrong one is set aside, never used.

    Raises DataError that names both hashes and where the file lies now.
    """
    found_size, found = path.stat().st_size, file_sha256(path)
    if found == item.sha256:
        return
    aside = path.with_name(path.name + ".wrong")
    path.replace(aside)
    size = f", {found_size:,} bytes instead of {item.size:,}" if item.size else ""
    raise DataError(
        f"{item.name}: SHA-256 is {found}, expected {item.sha256}{size}; "
        f"the file was set aside as {aside}"
    )


def _download(item: Download, folder: Path, progress: bool) -> Path:
    """Fetch a file from the first source that serves it whole, then check it."""
    problems = []
    path = folder / item.name
    for url in item.urls:
        partial = folder / f"{item.name}.{os.getpid()}.part"
        fetch = pooch.HTTPDownloader(progressbar=progress, timeout=60)
        try:
            fetch(url, str(partial), None)
        except (OSError, ValueError) as error:
            partial.unlink(missing_ok=True)
            problems.append(f"{url}: {error}")
            continue
        partial.replace(path)
        verify_download(item, path)
        return path
    raise DataError(
        f"{item.name} could not be downloaded: {'; '.join(problems)}\n"
        f"put the file at {path} yourself, or use --data synthetic"
    )


def fetch_dataset(item: Download, cache: Path, progress: bool = False) -> Path:
    """Return a checked file of the cache, downloading it if it is not there."""
    folder = cache / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / item.name
    if path.exists():
        verify_download(item, path)
        return path
    return _download(item, folder, progress)


@contextmanager
def _verified(item: Download, path: Path) -> Iterator[IO[bytes]]:
    """Give a file to unpack: what was hashed is what is read, whatever becomes of the path."""
    with path.open("rb") as file:
        if (found := _sha256(file)) != item.sha256:
            raise DataError(f"{path}: SHA-256 is {found} now, expected {item.sha256}")
        file.seek(0)
        yield file


# Arrays of uint8, an image and its label each; the file of MNIST may be compressed.
_MNIST_BYTES = 70_000 * (28 * 28 + 1)
_UNPACKED_BYTES = {
    "mnist": _MNIST_BYTES,
    "cifar10": 60_000 * (32 * 32 * 3 + 1),
    # Two texts of an archive of twenty tasks in several sizes: less than the whole of it.
    "babi": 15_719_851,
}
_DIGITS_BYTES = 1_797 * (28 * 28 + 1)


def missing_bytes(source: DataSource, wanted: Iterable[str], cache: Path) -> dict[str, int]:
    """Return by data set the bytes that ``prepare`` would add, rather too many than too few."""
    if source is DataSource.SYNTHETIC:
        return {}
    if source is DataSource.DIGITS:
        return {} if (cache / "digits" / "mnist.npz").exists() else {"digits": _DIGITS_BYTES}
    return {
        dataset: size for dataset in wanted if (size := _missing_of(DOWNLOADS[dataset], cache)) > 0
    }


def _missing_of(item: Download, cache: Path) -> int:
    """Return what one real data set would add to the cache: its file, and what it holds."""
    size = 0
    if not (cache / "downloads" / item.name).exists():
        size += item.size or _MNIST_BYTES
    _, outputs = UNPACK[item.dataset]
    if not all((cache / "real" / name).exists() for name in outputs):
        size += _UNPACKED_BYTES[item.dataset]
    return size


def _prepare_real(datasets: list[str], cache: Path, progress: bool) -> Path:
    folder = cache / "real"
    folder.mkdir(parents=True, exist_ok=True)
    for dataset in datasets:
        source = fetch_dataset(DOWNLOADS[dataset], cache, progress)
        unpack, outputs = UNPACK[dataset]
        if not all((folder / name).exists() for name in outputs):
            with _verified(DOWNLOADS[dataset], source) as file:
                unpack(file, folder)
    return folder


def _prepare_digits(cache: Path) -> Path:
    folder = cache / "digits"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "mnist.npz"
    if not path.exists():
        with replacing(path) as partial, io.BytesIO() as buffer:
            np.savez(buffer, **digits_arrays())  # type: ignore[arg-type]
            partial.write_bytes(buffer.getvalue())
    return folder


def prepare_data(
    source: DataSource, datasets: list[str], cache: Path, progress: bool = False
) -> Path | None:
    """Return the folder that jobs get to read, or None where they make their own data.

    Raises DataError if a file cannot be had or is not the expected one.
    """
    if source is DataSource.SYNTHETIC:
        return None
    if source is DataSource.DIGITS:
        return _prepare_digits(cache)
    return _prepare_real(datasets, cache, progress)


def data_fingerprint(folder: Path | None) -> dict[str, str]:
    """Return the SHA-256 of each file that jobs get to read, by its name."""
    if folder is None:
        return {}
    return {path.name: file_sha256(path) for path in sorted(folder.iterdir()) if path.is_file()}


def dataset_states(cache: Path) -> Iterator[tuple[Download, Path, str]]:
    """Yield every downloadable file with its path and what is there: ok, missing or wrong."""
    for item in DOWNLOADS.values():
        path = cache / "downloads" / item.name
        if not path.exists():
            yield item, path, "missing"
        else:
            yield item, path, "ok" if file_sha256(path) == item.sha256 else "wrong"
