"""The wish to end: Ctrl-C, SIGTERM, a terminal that went away, or a queue's SIGUSR1."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

# SIGUSR1: what a cluster's queue can be told to send some time before it ends a task.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
_AT_ONCE = 3
_EXIT_CODE = 130
# How long a wish to end may stay unheard in a pause.
_POLL_SECONDS = 0.5


class _Depth(threading.local):
    """How often a thread is within ``deferred``."""

    value = 0


class Interrupts:
    """Hears the signals that ask this process to end.

    Usually one raises KeyboardInterrupt where the program is. Within ``deferred`` it is only
    noted, and the code there looks at ``pending`` where it can end: so no container is left
    between its start and the line that remembers it. The second says that nothing is to be
    waited for (``urgent``), the third ends the process where it is.

    Only the main thread is interrupted. Work in another one looks at ``pending``, or calls
    ``check``; who waits there for something else is woken by what ``waking`` was given.
    """

    def __init__(self, patience: int = 1) -> None:
        """Wait for what ends by itself until the end was asked for more often than ``patience``."""
        self._count = 0
        self._patience = patience
        self._depth = _Depth()
        self._wakers: list[Callable[[], None]] = []

    @property
    def pending(self) -> bool:
        """Return whether the end was asked for."""
        return self._count > 0

    @property
    def urgent(self) -> bool:
        """Return whether nothing is to be waited for any more."""
        return self._count > self._patience

    def check(self) -> None:
        """Raise KeyboardInterrupt if the end was asked for."""
        if self.pending:
            raise KeyboardInterrupt

    def sleep(self, seconds: float) -> None:
        """Pause, in any thread. Raises KeyboardInterrupt if the end is asked for meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.check()
            time.sleep(min(left, _POLL_SECONDS))
        self.check()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Listen to the signals meanwhile. One that is ignored, as by nohup, stays ignored."""
        before = {number: signal.getsignal(number) for number in _SIGNALS}
        heard = [number for number in _SIGNALS if before[number] is not signal.SIG_IGN]
        for number in heard:
            signal.signal(number, self._hear)
        try:
            yield
        finally:
            for number in heard:
                signal.signal(number, before[number])

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Only note a signal meanwhile, if this is the main thread: no other gets one."""
        self._depth.value += 1
        try:
            yield
        finally:
            self._depth.value -= 1

    @contextmanager
    def waking(self, wake: Callable[[], None]) -> Iterator[None]:
        """Call ``wake``, in a thread of its own, each time the end is asked for meanwhile."""
        self._wakers.append(wake)
        try:
            yield
        finally:
            self._wakers.remove(wake)

    def _hear(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self._count += 1
        if self._count >= _AT_ONCE:
            os._exit(_EXIT_CODE)
        # Not here: what the interrupted code holds locked, it may have to lock too.
        for wake in list(self._wakers):
            threading.Thread(target=wake, name="wake", daemon=True).start()
        if not self._depth.value:
            raise KeyboardInterrupt
