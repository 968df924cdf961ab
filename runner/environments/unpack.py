"""Data sets taken out of the files that were downloaded: plain arrays and texts, nothing else."""

from __future__ import annotations

import io
import os
import pickle
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from runner.errors import DataError

if TYPE_CHECKING:
    import numpy as np

MAX_MEMBER_BYTES = 256 << 20
_DIGITS = Path(__file__).with_name("assets") / "digits.csv.gz"
_BABI = "tasks_1-20_v1-2/en/qa2_two-supporting-facts_{}.txt"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a partial file that becomes ``path`` only if the block succeeds."""
    partial = path.with_name(f"{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


class _ArraysOnly(pickle.Unpickler):
    """Unpickles arrays, texts, numbers and their lists and dictionaries, and can call nothing."""

    _ADMITTED = frozenset({
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy.core.numeric", "_frombuffer"),
        ("numpy._core.numeric", "_frombuffer"),
        ("_codecs", "encode"),
    })  # fmt: skip

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._ADMITTED:
            raise pickle.UnpicklingError(f"{module}.{name} is no part of an array")
        return super().find_class(module, name)


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    """Return one regular file of an archive by its exact name; nothing else is unpacked."""
    try:
        member = archive.getmember(name)
    except KeyError:
        raise DataError(f"{archive.name!s}: no member {name}") from None
    if not member.isreg() or member.size > MAX_MEMBER_BYTES:
        raise DataError(f"{archive.name!s}: {name} is not a plain file of an allowed size")
    content = archive.extractfile(member)
    if content is None:
        raise DataError(f"{archive.name!s}: {name} cannot be read")
    return content.read()


@contextmanager
def _archive(source: IO[bytes]) -> Iterator[tarfile.TarFile]:
    """Open an archive; one that is broken is an error of the data."""
    try:
        with tarfile.open(name=source.name, fileobj=source) as archive:
            yield archive
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise DataError(f"{source.name}: not an archive that can be read: {error}") from error


def _unpack_mnist(source: IO[bytes], folder: Path) -> None:
    with replacing(folder / "mnist.npz") as partial:
        partial.write_bytes(source.read())


def _cifar_batch(archive: tarfile.TarFile, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return one batch as (n, 32, 32, 3) and (n,) uint8."""
    import numpy as np

    content = io.BytesIO(_member(archive, f"cifar-10-batches-py/{name}"))
    try:
        raw = _ArraysOnly(content, encoding="bytes").load()
        images = np.asarray(raw[b"data"], dtype=np.uint8).reshape(-1, 3, 32, 32)
        return images.transpose(0, 2, 3, 1), np.asarray(raw[b"labels"], dtype=np.uint8)
    # Bytes that are no pickle make the unpickler raise almost anything.
    except Exception as error:
        raise DataError(f"{archive.name!s}: {name} is not a batch of images: {error}") from error


def _unpack_cifar10(source: IO[bytes], folder: Path) -> None:
    import numpy as np

    with _archive(source) as archive:
        parts = [_cifar_batch(archive, f"data_batch_{number}") for number in range(1, 6)]
        x_test, y_test = _cifar_batch(archive, "test_batch")
    with replacing(folder / "cifar10.npz") as partial:
        np.savez(
            partial,
            x_train=np.concatenate([images for images, _ in parts]),
            y_train=np.concatenate([labels for _, labels in parts]),
            x_test=x_test,
            y_test=y_test,
        )


def _unpack_babi(source: IO[bytes], folder: Path) -> None:
    with _archive(source) as archive:
        for part in ("train", "test"):
            with replacing(folder / f"babi_qa2_{part}.txt") as partial:
                partial.write_bytes(_member(archive, _BABI.format(part)))


UNPACK: dict[str, tuple[Callable[[IO[bytes], Path], None], tuple[str, ...]]] = {
    "mnist": (_unpack_mnist, ("mnist.npz",)),
    "cifar10": (_unpack_cifar10, ("cifar10.npz",)),
    "babi": (_unpack_babi, ("babi_qa2_train.txt", "babi_qa2_test.txt")),
}


def digits_arrays() -> dict[str, np.ndarray]:
    """Return the 1,797 handwritten digits of assets/ as MNIST-shaped uint8 arrays.

    The 8x8 images of 0 to 16 are scaled to 0 to 255, enlarged threefold by repetition to 24x24
    and framed to 28x28. Every sixth goes to the test set: 1,497 to train, 300 to test.
    """
    import numpy as np

    rows = np.loadtxt(_DIGITS, delimiter=",", dtype=np.uint8)
    small = np.rint(rows[:, :-1].reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    images = np.pad(small.repeat(3, axis=1).repeat(3, axis=2), ((0, 0), (2, 2), (2, 2)))
    labels = rows[:, -1]
    test = np.arange(len(images)) % 6 == 0
    return {
        "x_train": images[~test],
        "y_train": labels[~test],
        "x_test": images[test],
        "y_test": labels[test],
    }
