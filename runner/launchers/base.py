"""The port behind which a job's process lives, and what every launcher has in common."""

import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum

import psutil

from runner.environments.patience import Making
from runner.errors import EngineError
from runner.machine.freezer import is_frozen
from runner.spec.configuration import Configuration
from runner.spec.job import Job

GRACE_SECONDS = 5.0
_GONE_WITHIN_SECONDS = 10.0
_POLL_SECONDS = 0.05


def wait_until(condition: Callable[[], bool], seconds: float = _GONE_WITHIN_SECONDS) -> bool:
    """Wait for something to be so, and return whether it came in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


class Stream(Enum):
    """Which of a process's two outputs a chunk came from."""

    EVENTS = "stdout"
    LOG = "stderr"


@dataclass(frozen=True)
class Chunk:
    """Some bytes that a process wrote."""

    stream: Stream
    data: bytes


@dataclass(frozen=True)
class Exit:
    """How a process ended. ``out_of_memory``: its memory limit killed it."""

    code: int
    out_of_memory: bool = False


@dataclass(frozen=True)
class Environment:
    """Where jobs of one configuration run, ready to start.

    ``identity`` names what it is made of (image digest, lock hash), for every row.
    """

    configuration: str
    location: str
    identity: dict[str, str] = field(default_factory=dict)


class OverrunError(Exception):
    """A process takes more of its host than it may; it is to be stopped."""


class Process(ABC):
    """One job's process.

    ``cpus`` are those it is pinned to, in the kernel's list format; None if it is not pinned.
    ``warnings`` say what it runs without that was asked for.
    """

    cpus: str | None = None
    warnings: tuple[str, ...] = ()
    _output: "Output"
    _tree: "ProcessTree"

    def pids(self) -> list[int]:
        """Return its processes by their numbers on this machine, its first one first.

        Empty once it has ended, and where they cannot be seen from here (an engine elsewhere).
        """
        return self._tree.pids()

    def is_paused(self) -> bool:
        """Return whether it is kept from running: stopped by a signal, or frozen."""
        return bool(self._tree.is_paused())

    def read(self, timeout: float) -> Chunk | None:
        """Return the next chunk, or None at the end of output.

        Raises TimeoutError if nothing came for ``timeout`` seconds or until ``wake``, EngineError
        if the connection to the process is lost, and OverrunError if it takes more than its host
        can give.
        """
        return self._output.read(timeout)

    def is_due(self) -> bool:
        """Return whether to call ``read`` though nothing was written: it may tell an end."""
        return False

    def wake(self) -> None:
        """Let a ``read`` that waits in another thread return at once, or the next one."""
        self._output.wake()

    def wake_if_due(self) -> None:
        """Do so if ``read`` may tell an end: called now and then, that nobody waits in steps."""
        if self.is_due():
            self.wake()

    @abstractmethod
    def wait(self) -> Exit:
        """Return how the process ended. Call it after the end of output."""

    @abstractmethod
    def stop(self, urgent: Callable[[], bool] = lambda: False) -> None:
        """End the process: ask, wait up to ``GRACE_SECONDS`` or until ``urgent``, kill.

        Does nothing if it has ended.
        """

    @abstractmethod
    def close(self) -> None:
        """Remove what the process leaves behind on its host, and see that it is gone.

        Call it last, always. Raises EngineError if something is still there.
        """


class Launcher(ABC):
    """Makes environments and starts jobs in them."""

    name: str

    @abstractmethod
    def prepare(self, configuration: Configuration, making: Making) -> Environment:
        """Return the configuration's environment, made if need be; several threads may call it.

        Raises BuildError: then this configuration's jobs cannot run, but others may; and
        UnwantedError once nobody wants it any more.
        """

    @abstractmethod
    def start(self, job: Job, environment: Environment) -> Process:
        """Start one job. Raises EngineError if it cannot be started."""

    @abstractmethod
    def sweep(self) -> list[str]:
        """Remove the jobs of runners that have ended without doing so, and return their names.

        What a runner left that still works, or that cannot be seen from here, stays.
        """

    @abstractmethod
    def answers(self) -> bool:
        """Return whether jobs can be started at all: False while an engine is away."""


class ProcessTree:
    """A process and all that descend from it, as this machine's kernel numbers them."""

    def __init__(self, root: int | None) -> None:
        """Take the first process now, so that a later one with its number is not mistaken for it.

        None stands for a process that cannot be seen from here.
        """
        self._root: psutil.Process | None = None
        with suppress(psutil.NoSuchProcess):
            self._root = psutil.Process(root) if root is not None else None

    def pids(self) -> list[int]:
        """Return the processes that there are now, the first one first; none once it is gone."""
        if self._root is None:
            return []
        try:
            descendants = self._root.children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        return [self._root.pid, *[process.pid for process in descendants]]

    def is_paused(self) -> bool | None:
        """Return whether the first process is stopped or frozen; None where that is not told."""
        if self._root is None:
            return None
        try:
            is_stopped = self._root.status() == psutil.STATUS_STOPPED
        except psutil.NoSuchProcess:
            return False
        return is_stopped or is_frozen(self._root.pid)


# Bounded, so that a flood makes the process wait instead of filling the host's memory.
_CHUNKS = 256
_PUT_SECONDS = 0.5


class _Woken(Enum):
    """What stands in a queue in order to end the waiting for it."""

    WOKEN = "woken"


class Output:
    """The chunks of all given sources, in the order in which they came."""

    def __init__(self, sources: list[Callable[[], Iterator[Chunk]]]) -> None:
        self._queue: queue.Queue[Chunk | Exception | _Woken | None] = queue.Queue(_CHUNKS)
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
            with suppress(queue.Full):
                self._queue.put(item, timeout=_PUT_SECONDS)
                return

    def discard(self) -> None:
        """Drop what comes from now on. An engine waits for its output to be taken when it stops."""
        self._discarding.set()

    def wake(self) -> None:
        """End a waiting for the next chunk. Where there are many, nobody waits."""
        with suppress(queue.Full):
            self._queue.put_nowait(_Woken.WOKEN)

    def read(self, timeout: float) -> Chunk | None:
        """Return the next chunk, or None once every source has ended.

        Raises TimeoutError after ``timeout`` seconds or when woken, EngineError if a source broke.
        """
        while self._open:
            try:
                item = self._queue.get(timeout=timeout)
            except queue.Empty:
                raise TimeoutError from None
            if isinstance(item, _Woken):
                raise TimeoutError
            if isinstance(item, Exception):
                raise EngineError(f"the connection to the job broke: {item}") from item
            if item is not None:
                return item
            self._open -= 1
        return None
