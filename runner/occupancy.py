"""The device is ours: a lock against other runs, and a look at who else is on the card."""

from __future__ import annotations

import fcntl
import json
import os
import re
import stat
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from runner import nvml as driver
from runner import watch
from runner.errors import MachineError
from runner.events import printable
from runner.launchers.base import Process
from runner.nvml import Gpu, GpuProcess, Nvml
from runner.watch import CpuProbe, GpuProbe, Judge, Probe

# A framework's context goes within a second or two; a driver under load has been slower.
PATIENCE_SECONDS = 60.0
# What the driver's own bookkeeping moves by; the smallest CUDA context is larger than this.
MEMORY_MARGIN_BYTES = 64 << 20
_POLL_SECONDS = 0.5
_SHARED = (Path("/run/lock"), Path("/tmp"))

Obstacle = Callable[[], str | None]


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
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
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


def _silent(_: str) -> None:
    """Say nothing."""


@contextmanager
def held(
    device: str, name: str, folder: Path, timeout: float = 0, say: Callable[[str], None] = _silent
) -> Iterator[None]:
    """Hold the lock of ``name`` on this machine, for a device called ``device`` in messages.

    Waits up to ``timeout`` seconds for a run that holds it, which goes to ``say``, then raises
    MachineError. The kernel lets go of it when this process ends, however it ends.
    """
    path = folder / f"keras-backend-benchmarks-{re.sub(r'[^A-Za-z0-9-]', '_', name)}.lock"
    deadline = time.monotonic() + timeout
    is_told = False
    while isinstance(opened := _try_lock(path, device), MachineError):
        if time.monotonic() >= deadline:
            raise opened
        if not is_told:
            say(f"waiting up to {timeout:.0f} s: {str(opened).splitlines()[0]}")
            is_told = True
        time.sleep(_POLL_SECONDS)
    try:
        note = {"pid": os.getpid(), "since": datetime.now(UTC).isoformat(" ", "seconds")}
        os.ftruncate(opened, 0)
        os.pwrite(opened, json.dumps(note).encode(), 0)
        yield
    finally:
        os.ftruncate(opened, 0)
        os.close(opened)


class Guard(ABC):
    """Keeps a device to one run, and judges whether it was kept during each job."""

    judge: Judge

    @abstractmethod
    def hold(self) -> AbstractContextManager[Obstacle]:
        """Hold the device for a whole run; raises MachineError if it is not free.

        What it gives, called before each job, returns why that job cannot start, or None.
        """

    @abstractmethod
    def probe(self, process: Process) -> Probe:
        """Return what samples the device while ``process`` runs."""


@dataclass(frozen=True)
class CpuGuard(Guard):
    """Keeps the machine's CPUs to one run. Other work on them is seen in the samples."""

    judge: Judge = watch.note_only
    wait_seconds: float = 0
    say: Callable[[str], None] = _silent
    folder: Path = field(default_factory=lock_folder)

    @contextmanager
    def hold(self) -> Iterator[Obstacle]:
        with held("the CPUs of this machine", "cpu", self.folder, self.wait_seconds, self.say):
            yield lambda: None

    def probe(self, process: Process) -> Probe:
        return CpuProbe(process)


@dataclass(frozen=True)
class GpuGuard(Guard):
    """Keeps one card to one run. Nobody's process is ever ended for it.

    Processes that only draw the desktop are let be: a workstation's card always has them.
    """

    gpu: Gpu
    nvml: Nvml
    judge: Judge = watch.strict
    wait_seconds: float = 0
    say: Callable[[str], None] = _silent
    folder: Path = field(default_factory=lock_folder)
    patience: float = PATIENCE_SECONDS
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    @contextmanager
    def hold(self) -> Iterator[Obstacle]:
        name = f"{self.gpu.name} {self.gpu.uuid}"
        with held(name, self.gpu.uuid, self.folder, self.wait_seconds, self.say):
            self._refuse_strangers()
            before = self._memory_used()
            yield lambda: self._wait_until_free(before)

    def probe(self, process: Process) -> Probe:
        return GpuProbe(process, self.nvml, self.gpu.uuid, CpuProbe(process))

    def _strangers(self) -> list[GpuProcess]:
        present = self.nvml.processes(self.gpu.uuid) or []
        return [process for process in present if process.kind == "compute"]

    def _refuse_strangers(self) -> None:
        if strangers := self._strangers():
            raise MachineError(
                f"{self.gpu.name} {self.gpu.uuid} is in use by {', '.join(map(str, strangers))}\n"
                "a time taken beside another process is worth nothing: wait until it has ended, "
                "end it yourself, or take another card (--gpu)"
            )

    def _memory_used(self) -> int | None:
        return self.nvml.sample(self.gpu.uuid).memory_used_bytes

    def _wait_until_free(self, before: int | None) -> str | None:
        """Wait for the card to be as before the run, and return what still stands against it."""
        deadline = self.clock() + self.patience
        while (obstacle := self._obstacle(before)) is not None:
            if self.clock() >= deadline:
                return f"not started, after {self.patience:.0f} s of waiting: {obstacle}"
            self.sleep(_POLL_SECONDS)
        return None

    def _obstacle(self, before: int | None) -> str | None:
        if strangers := self._strangers():
            return f"the GPU is in use by {', '.join(map(str, strangers))}"
        used = self._memory_used()
        if used is None or before is None or used <= before + MEMORY_MARGIN_BYTES:
            return None
        return (
            f"the GPU's memory did not come back: {used >> 20} MiB are used, "
            f"{before >> 20} MiB were before the first job"
        )


def guard_for(
    gpu: Gpu | None, wait_seconds: float = 0, say: Callable[[str], None] = _silent
) -> Guard:
    """Return what keeps a run's device its own: a card, or the CPUs."""
    if gpu is None:
        return CpuGuard(wait_seconds=wait_seconds, say=say)
    found = driver.connect()
    if found is None:
        raise MachineError(f"{gpu.uuid}: the NVIDIA driver is gone\nsee whether nvidia-smi works")
    return GpuGuard(gpu, found, wait_seconds=wait_seconds, say=say)
