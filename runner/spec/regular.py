"""Files that somebody else may have made: plain ones, of a size that can be read, or none."""

import errno
import os
import stat
from pathlib import Path
from typing import IO

from runner.words import size_text

# By how many bytes a file may have grown while it is read.
_GROWN = 1 << 16


def open_regular(path: Path, most: int | None = None) -> IO[bytes]:
    """Return a file opened to be read, which is no link, device or pipe.

    A link could lead to any file of this machine, a pipe never answers, and a file with holes
    would fill the memory. Raises OSError for these and for more than ``most`` bytes.
    """
    try:
        # Without waiting for a pipe's other end.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a link, which is not followed", str(path)) from error
        raise
    file = os.fdopen(descriptor, "rb")
    found = os.fstat(descriptor)
    problem = None
    if not stat.S_ISREG(found.st_mode):
        problem = "it is not a plain file"
    elif most is not None and found.st_size > most:
        problem = f"it has {size_text(found.st_size)}, more than {size_text(most)}"
    if problem is not None:
        file.close()
        raise OSError(errno.EINVAL, problem, str(path))
    return file


def read_regular(path: Path, most: int) -> bytes:
    """Return what a plain file holds. Raises OSError as ``open_regular`` does."""
    with open_regular(path, most) as file:
        # To ask for all that it may have would take room for it.
        return file.read(min(most, os.fstat(file.fileno()).st_size + _GROWN))
