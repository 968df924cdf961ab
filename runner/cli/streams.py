"""Standard output and error where nobody may hear: a full disk, a terminal that has gone."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast


class UnfailingStream:
    """A text stream that goes on unheard once its file takes no more.

    Whatever the reason (ENOSPC, EIO, EPIPE), who cannot be told is not told: a run of hours does
    not end because of that.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write what can be written; say that all of it was."""
        try:
            return self._stream.write(text)
        except OSError:
            silence(self._stream)
            return len(text)

    def flush(self) -> None:
        """Flush what can be flushed."""
        try:
            self._stream.flush()
        except OSError:
            silence(self._stream)


def silence(stream: TextIO) -> None:
    """Let what is still written to a stream, at exit too, go nowhere."""
    try:
        number = stream.fileno()
    except io.UnsupportedOperation:
        return  # it is in memory, and never fails
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def open_streams() -> None:
    """Make both streams ones that can be written to, whatever the shell gave and the text holds.

    A closed one (``>&-``) goes nowhere, and a character that the encoding lacks is escaped.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, PTH123 as long as the process
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def unfailing(name: str) -> Iterator[None]:
    """Let the stream ``sys.<name>`` never fail within the block."""
    stream = getattr(sys, name)
    setattr(sys, name, cast("TextIO", UnfailingStream(stream)))
    try:
        yield
    finally:
        setattr(sys, name, stream)
