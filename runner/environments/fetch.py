"""Files from the network, within bounds: no more bytes and no more time than they can need."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from runner.words import size_text

if TYPE_CHECKING:
    import requests

_CHUNK = 1 << 16
# To connect, and between two pieces of an answer, in seconds.
_TIMEOUTS = (20, 60)
# What slower lines than this bring is given up: a server may send a byte a minute for ever.
LEAST_BYTES_PER_SECOND = 100 << 10
_LEAST_SECONDS = 120.0


class FetchError(OSError):
    """A server that sends more, or takes longer, than the file can need."""


@contextmanager
def partial_of(path: Path) -> Iterator[Path]:
    """Give a path beside ``path`` to write to, which is removed unless it is moved.

    Those that processes left which have ended are removed too.
    """
    for left in path.parent.glob(f"{path.name}.*.part"):
        owner = re.fullmatch(r"(\d{1,10})\.part", left.name.removeprefix(f"{path.name}."))
        if owner and not psutil.pid_exists(int(owner[1])):
            left.unlink(missing_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield partial
    finally:
        partial.unlink(missing_ok=True)


def fetch_file(
    url: str,
    path: Path,
    most: int,
    is_shown: bool = False,
    clock: Callable[[], float] = time.monotonic,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Write what a server sends to ``path``: at most ``most`` bytes, at a bearable pace.

    Raises OSError, which FetchError and what requests raises are. ``is_shown`` draws a bar on
    standard error. ``check`` is called between two pieces; what it raises ends the fetching.
    """
    # What a run that fetches nothing does not need.
    import requests
    from rich.console import Console
    from rich.progress import Progress

    began = clock()
    with (
        requests.get(url, stream=True, timeout=_TIMEOUTS) as answer,
        path.open("wb") as file,
        Progress(console=Console(stderr=True), transient=True, disable=not is_shown) as bar,
    ):
        answer.raise_for_status()
        length = answer.headers.get("Content-Length", "")
        expected = min(most, int(length)) if length.isdecimal() else most
        seconds = max(_LEAST_SECONDS, expected / LEAST_BYTES_PER_SECOND)
        task = bar.add_task(path.name.split(".")[0], total=expected)
        size = 0
        for piece in _pieces(answer):
            check()
            size += len(piece)
            if size > most:
                raise FetchError(f"it sends more than {size_text(most)}, which is all there is")
            if clock() - began > seconds:
                raise FetchError(f"{size_text(size)} in {seconds:.0f} s: it is too slow")
            file.write(piece)
            bar.update(task, completed=size)
        if length.isdecimal() and answer.raw.tell() < int(length):
            raise FetchError(f"it ended after {answer.raw.tell():,} of {length} bytes")


def _pieces(answer: requests.Response) -> Iterator[bytes]:
    """Yield what came, as it comes: waiting for more would hide how slow a server is."""
    import urllib3.exceptions

    try:
        while piece := answer.raw.read1(_CHUNK, decode_content=True):
            yield piece
    except urllib3.exceptions.HTTPError as error:
        raise FetchError(str(error)) from error
