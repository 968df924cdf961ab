"""The wish to end: Ctrl-C, SIGTERM, or a terminal that went away."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_AT_ONCE = 3
_EXIT_CODE = 130


class Interrupts:
    """Hears the signals that ask this process to end.

    Usually one raises KeyboardInterrupt where the program is. Within ``deferred`` it is only
    noted, and the code there looks at ``pending`` where it can end: so no container is left
    between its start and the line that remembers it. The second says that nothing is to be
    waited for (``urgent``), the third ends the process where it is.
    """

    def __init__(self) -> None:
        self._count = 0
        self._depth = 0

    @property
    def pending(self) -> bool:
        """Return whether the end was asked for."""
        return self._count > 0

    @property
    def urgent(self) -> bool:
        """Return whether it was asked for again."""
        return self._count > 1

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
        """Only note a signal meanwhile."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def _hear(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self._count += 1
        if self._count >= _AT_ONCE:
            os._exit(_EXIT_CODE)
        if not self._depth:
            raise KeyboardInterrupt
