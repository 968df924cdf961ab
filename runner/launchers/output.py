"""A process's two outputs, gathered by threads into one bounded queue."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

from runner.errors import EngineError
from runner.launchers.base import Chunk

# Bounded, so that a flood makes the process wait instead of filling the host's memory.
_CHUNKS = 256
_POLL_SECONDS = 0.5


class Output:
    """The chunks of all given sources, in the order in which they came."""

    def __init__(self, sources: list[Callable[[], Iterator[Chunk]]]) -> None:
        self._queue: queue.Queue[Chunk | Exception | None] = queue.Queue(maxsize=_CHUNKS)
        self._open = len(sources)
        self._discarding = threading.Event()
        for source in sources:
            threading.Thread(target=self._pump, args=(source,), daemon=True).start()

    def _pump(self, source: Callable[[], Iterator[Chunk]]) -> None:
        try:
            for chunk in source():
                self._put(chunk)
            self._put(None)
        except Exception as error:
            # Whatever breaks here must reach the thread that reads, or it would wait for ever.
            self._put(error)

    def _put(self, item: Chunk | Exception | None) -> None:
        """Wait for room; what comes once nobody reads any more is dropped."""
        while not self._discarding.is_set():
            try:
                self._queue.put(item, timeout=_POLL_SECONDS)
                return
            except queue.Full:
                continue

    def discard(self) -> None:
        """Drop what comes from now on. An engine waits for its output to be taken when it stops."""
        self._discarding.set()

    def read(self, timeout: float) -> Chunk | None:
        """Return the next chunk, or None once every source has ended.

        Raises TimeoutError after ``timeout`` seconds, EngineError if a source broke.
        """
        while self._open:
            try:
                item = self._queue.get(timeout=timeout)
            except queue.Empty:
                raise TimeoutError from None
            if isinstance(item, Exception):
                raise EngineError(f"the connection to the job broke: {item}") from item
            if item is not None:
                return item
            self._open -= 1
        return None
