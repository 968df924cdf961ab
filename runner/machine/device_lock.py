"""One run at a time on a device: a lock that every user of this machine can take."""

import json
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from runner.errors import MachineError
from runner.locks import locks
from runner.words import Say, printable

POLL_SECONDS = 0.5
_SHARED = (Path("/run/lock"), Path("/tmp"))  # noqa: S108 - opened without following links


def lock_folder(candidates: Sequence[Path] = _SHARED) -> Path:
    """Return the folder that every user of this machine can make files in.

    Chosen by its mode, not by who asks, so that root and a user meet in the same one; not by
    TMPDIR, which can differ from user to user.
    """
    shared = stat.S_ISVTX | stat.S_IWOTH
    for folder in candidates:
        if not folder.is_dir() or folder.stat().st_mode & shared != shared:
            continue
        if os.access(folder, os.W_OK):
            return folder
    return Path(tempfile.gettempdir())


def _open_shared(path: Path) -> int:
    """Open a file that every user may lock, made if need be; never through a link.

    An existing file is opened without O_CREAT, because the kernel (fs.protected_regular) refuses
    that for another user's file in a shared folder.
    """
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        try:
            opened = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
            os.fchmod(opened, 0o666)
        except FileExistsError:
            opened = os.open(path, flags)
    except OSError as error:
        raise MachineError(
            f"{path}: the lock of a device cannot be opened: {error.strerror}\n"
            "no run makes such a file: see whose it is, and remove it"
        ) from error
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise MachineError(f"{path}: the lock of a device is no file\nremove it")
    return opened


def _is_at(opened: int, path: Path) -> bool:
    """Return whether the opened file is still the one at ``path``; /tmp gets tidied up."""
    try:
        return os.path.samestat(os.fstat(opened), path.lstat())
    except FileNotFoundError:
        return False


def _holder(opened: int) -> str:
    """Return what the holder wrote; anyone can write there, so it is only shown."""
    try:
        note = json.loads(os.pread(opened, 500, 0))
        return f"pid {int(note['pid'])}, since {printable(str(note['since']).encode(), 40)}"
    except (ValueError, TypeError, KeyError):
        return "it has not said who it is"


def _try_lock(path: Path, device: str) -> int | MachineError:
    """Return the locked file, or the refusal if another run holds it."""
    opened = _open_shared(path)
    if not locks(opened):
        refusal = MachineError(
            f"{device}: another run is measuring on it ({_holder(opened)})\n"
            "two runs on one device would time each other: wait until that one has ended, "
            "or take another device (--gpu, --device)"
        )
        os.close(opened)
        return refusal
    if _is_at(opened, path):
        return opened
    os.close(opened)
    return _try_lock(path, device)


@contextmanager
def device_held(
    device: str,
    name: str,
    folder: Path,
    timeout: float = 0,
    say: Say = lambda _: None,
) -> Iterator[None]:
    """Hold the lock of ``name`` on this machine, for a device called ``device`` in messages.

    Waits up to ``timeout`` seconds for a run that holds it, which goes to ``say``, then raises
    MachineError. The kernel lets go of it when this process ends, however it ends.
    """
    path = folder / f"keras-backend-benchmarks-{re.sub(r'[^A-Za-z0-9-]', '_', name)}.lock"
    deadline = time.monotonic() + timeout
    is_announced = False
    while isinstance(opened := _try_lock(path, device), MachineError):
        if time.monotonic() >= deadline:
            raise opened
        if not is_announced:
            say(f"waiting up to {timeout:.0f} s: {str(opened).splitlines()[0]}")
            is_announced = True
        time.sleep(POLL_SECONDS)
    try:
        note = {"pid": os.getpid(), "since": datetime.now(UTC).isoformat(" ", "seconds")}
        os.ftruncate(opened, 0)
        os.pwrite(opened, json.dumps(note).encode(), 0)
        yield
    finally:
        os.ftruncate(opened, 0)
        os.close(opened)
