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
        self._closed = threading.Event()
        for source in sources:
            threading.Thread(target=self._pump, args=(source,), daemon=True).start()

    def _pump(self, source: Callable[[], Iterator[Chunk]]) -> None:
        try:
            for chunk in source():
                if not self._put(chunk):
                    return
            self._put(None)
        except Exception as error:
            # Whatever breaks here must reach the thread that reads, or it would wait for ever.
            self._put(error)

    def _put(self, item: Chunk | Exception | None) -> bool:
        """Wait for room and return whether the item was taken: not once nobody reads any more."""
        while not self._closed.is_set():
            try:
                self._queue.put(item, timeout=_POLL_SECONDS)
                return True
            except queue.Full:
                continue
        return False

    def close(self) -> None:
        """Let go of the sources; a thread that waits for room ends, and nothing is held."""
        self._closed.set()

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
