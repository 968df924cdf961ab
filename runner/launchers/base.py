"""The port behind which a job's process lives."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from runner.config_files import Configuration
from runner.jobs import Job

GRACE_SECONDS = 5.0
_GONE_WITHIN_SECONDS = 10.0
_POLL_SECONDS = 0.05


def until(condition: Callable[[], bool], seconds: float = _GONE_WITHIN_SECONDS) -> bool:
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
    """

    cpus: str | None = None

    @abstractmethod
    def pids(self) -> list[int]:
        """Return its processes by their numbers on this machine, its first one first.

        Empty once it has ended, and where they cannot be seen from here (an engine elsewhere).
        """

    @abstractmethod
    def read(self, timeout: float) -> Chunk | None:
        """Return the next chunk, or None at the end of output.

        Raises TimeoutError if nothing came for ``timeout`` seconds, EngineError if the connection
        to the process is lost, and OverrunError if it takes more than its host can give.
        """

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
    def prepare(self, configuration: Configuration, log: Path) -> Environment:
        """Return the configuration's environment, made if need be; its output goes to ``log``.

        Raises BuildError: then this configuration's jobs cannot run, but others may.
        """

    @abstractmethod
    def start(self, job: Job, environment: Environment) -> Process:
        """Start one job. Raises EngineError if it cannot be started."""

    @abstractmethod
    def sweep(self) -> list[str]:
        """Remove the jobs of runners that have ended without doing so, and return their names.

        What a runner left that still works, or that cannot be seen from here, is let be.
        """

    @abstractmethod
    def answers(self) -> bool:
        """Return whether jobs can be started at all: False while an engine is away."""
