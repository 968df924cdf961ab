"""The processes that a job's first process has started."""

from __future__ import annotations

import psutil


class ProcessTree:
    """A process and all that descend from it, as this machine's kernel numbers them."""

    def __init__(self, root: int | None) -> None:
        """Take the first process now, so that a later one with its number is not mistaken for it.

        None stands for a process that cannot be seen from here.
        """
        self._root: psutil.Process | None = None
        if root is not None:
            try:
                self._root = psutil.Process(root)
            except psutil.NoSuchProcess:
                return

    def pids(self) -> list[int]:
        """Return the processes that there are now, the first one first; none once it is gone."""
        if self._root is None:
            return []
        try:
            descendants = self._root.children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        return [self._root.pid, *[process.pid for process in descendants]]
