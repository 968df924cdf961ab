"""Data for the jobs: downloaded once, checked by size and hash, handed over as plain files.

A job sees a folder with ``mnist.npz``, ``cifar10.npz``, ``babi_qa2_train.txt`` and
``babi_qa2_test.txt`` (as far as its data source has them); arrays are uint8, images NHWC.
Sources of the hashes: Keras' own loaders for MNIST and CIFAR-10, the authors' archive for bAbI.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.environments.fetch import fetch_file, partial_of
from runner.environments.unpack import UNPACK, digits_arrays, replacing
from runner.errors import DataError
from runner.spec.workload import DataSource

CHUNK = 1 << 20
# An array of uint8 and a label.
_DIGIT_BYTES = 28 * 28 + 1


@dataclass(frozen=True)
class Download:
    """One file of a data set: its name in the cache, hash, size and where it was served.

    ``unpacked`` is what its content takes, in bytes, rather too many than too few.
    """

    dataset: str
    name: str
    sha256: str
    urls: tuple[str, ...]
    unpacked: int
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
            70_000 * _DIGIT_BYTES,
            11_490_434,
        ),
        Download(
            "cifar10",
            "cifar-10-python.tar.gz",
            "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
            ("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
            60_000 * (32 * 32 * 3 + 1),
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
            15_719_851,  # two texts of twenty tasks in several sizes: less than the whole of it
            15_719_851,
        ),
    )
}


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify_download(item: Download, path: Path) -> None:
    """Check a file's size and hash; a wrong one is set aside, never used.

    Raises DataError that names both hashes and where the file lies now.
    """
    if (wrong := _wrong_content(item, path)) is not None:
        path.replace(_aside(path))
        raise DataError(f"{item.name}: {wrong}; the file was set aside as {_aside(path)}")


def _wrong_content(item: Download, path: Path) -> str | None:
    """Return what is wrong with a file, or None."""
    size, found = path.stat().st_size, file_sha256(path)
    if found == item.sha256:
        return None
    sizes = f", {size:,} bytes instead of {item.size:,}" if item.size else ""
    return f"SHA-256 is {found}, expected {item.sha256}{sizes}"


def _aside(path: Path) -> Path:
    return path.with_name(path.name + ".wrong")


def _download(item: Download, path: Path, progress: bool) -> None:
    """Fetch a file from the first source that serves it whole and unchanged."""
    problems = []
    most = item.size or item.unpacked
    for url in item.urls:
        try:
            with partial_of(path) as partial:
                fetch_file(url, partial, most, progress)
                if (wrong := _wrong_content(item, partial)) is None:
                    partial.replace(path)
                    return
                partial.replace(_aside(path))
            problems.append(f"{url}: {wrong}; it was set aside as {_aside(path)}")
        except (OSError, ValueError) as error:
            problems.append(f"{url}: {error}")
    raise DataError(
        f"{item.name} could not be downloaded: {'; '.join(problems)}\n"
        f"put the file at {path} yourself, or use --data synthetic"
    )


def fetch_dataset(item: Download, cache: Path, progress: bool = False) -> Path:
    """Return a checked file of the cache, downloading it if it is not there."""
    path = cache / "downloads" / item.name
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _download(item, path, progress)
    verify_download(item, path)
    return path


def missing_bytes(source: DataSource, wanted: Iterable[str], cache: Path) -> dict[str, int]:
    """Return by data set the bytes that ``prepare`` would add, rather too many than too few."""
    if source is DataSource.SYNTHETIC:
        return {}
    if source is DataSource.DIGITS:
        return {} if (cache / "digits" / "mnist.npz").exists() else {"digits": 1_797 * _DIGIT_BYTES}
    return {
        dataset: size for dataset in wanted if (size := _missing_of(DOWNLOADS[dataset], cache)) > 0
    }


def _missing_of(item: Download, cache: Path) -> int:
    """Return what one real data set would add to the cache: its file, and what it holds."""
    size = 0
    if not (cache / "downloads" / item.name).exists():
        size += item.size or item.unpacked  # an archive of arrays may be compressed
    _, outputs = UNPACK[item.dataset]
    if not all((cache / "real" / name).exists() for name in outputs):
        size += item.unpacked
    return size


def _prepare_real(datasets: list[str], cache: Path, progress: bool) -> Path:
    folder = cache / "real"
    folder.mkdir(parents=True, exist_ok=True)
    for dataset in datasets:
        source = fetch_dataset(DOWNLOADS[dataset], cache, progress)
        unpack, outputs = UNPACK[dataset]
        if not all((folder / name).exists() for name in outputs):
            with source.open("rb") as file:
                # What is unpacked is what is hashed, whatever became of the path meanwhile.
                found = hashlib.file_digest(file, "sha256").hexdigest()
                if found != (expected := DOWNLOADS[dataset].sha256):
                    raise DataError(f"{source}: SHA-256 is {found} now, expected {expected}")
                file.seek(0)
                unpack(file, folder)
    return folder


def _prepare_digits(cache: Path) -> Path:
    import numpy as np

    folder = cache / "digits"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "mnist.npz"
    if not path.exists():
        with replacing(path) as partial:
            np.savez(partial, **digits_arrays())  # type: ignore[arg-type]
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
        return _readable(_prepare_digits(cache))
    return _readable(_prepare_real(datasets, cache, progress))


def _readable(folder: Path) -> Path:
    """Let the user of a container read a folder, whatever the umask was when it was made.

    Raises DataError where it is somebody else's and cannot be read by all.
    """
    for path, wanted in ((folder, 0o755), *((path, 0o644) for path in folder.iterdir())):
        if path.stat().st_mode & wanted == wanted:
            continue
        try:
            path.chmod(wanted)
        except OSError as error:
            raise DataError(
                f"{path}: containers cannot read it ({error.strerror})\n"
                f"let its owner call: chmod -R a+rX {folder}"
            ) from error
    return folder


def data_fingerprint(folder: Path | None) -> dict[str, str]:
    """Return the SHA-256 of each file that jobs get to read, by its name."""
    if folder is None:
        return {}
    return {path.name: file_sha256(path) for path in sorted(folder.iterdir()) if path.is_file()}


def dataset_states(cache: Path) -> Iterator[tuple[Download, Path, str]]:
    """Yield every downloadable file with its path and what is there: ok, missing or wrong."""
    for item in DOWNLOADS.values():
        path = cache / "downloads" / item.name
        found = file_sha256(path) if path.exists() else None
        yield item, path, {None: "missing", item.sha256: "ok"}.get(found, "wrong")
