"""Room on a disk that must stay free while a job runs."""

import os
import time
from collections.abc import Callable
from pathlib import Path

_POLL_SECONDS = 1.0
# What is left for everyone else on the disk that holds the compile caches.
RESERVE_BYTES = 4 << 30
RESERVE_INODES = 100_000


class DiskFloor:
    """Room on a disk that must stay free while a job runs.

    ``path`` lies on the disk; None where it is another machine's, and then nothing is watched. A
    disk that is nearly full already may lose half of what was free.
    """

    def __init__(self, path: Path | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path if path is not None and path.exists() else None
        self._clock = clock
        self._next = clock()
        free = self._free()
        self._floor = (min(RESERVE_BYTES, free[0] // 2), min(RESERVE_INODES, free[1] // 2))

    def _free(self) -> tuple[int, int]:
        """Return the free bytes and inodes; a file system without such a limit has none of them."""
        if self._path is None:
            return 0, 0
        found = os.statvfs(self._path)
        return found.f_bavail * found.f_frsize, found.f_favail

    def problem(self) -> str | None:
        """Return what is wrong, or None. Looks once a second at most."""
        if self._path is None or self._clock() < self._next:
            return None
        self._next = self._clock() + _POLL_SECONDS
        free = self._free()
        if free[0] >= self._floor[0] and free[1] >= self._floor[1]:
            return None
        return (
            f"stopped: only {free[0] >> 20} MiB and {free[1]} files are left on the disk of "
            f"{self._path}; the job may have filled its compile cache"
        )
