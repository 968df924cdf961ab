"""The port behind which a cluster's queue lives: tasks go in, and it says how each one stands."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class TaskState(StrEnum):
    """Where a task of the queue is."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"


class Cause(StrEnum):
    """What ended a task, as far as the queue knows.

    ``UNKNOWN``: the queue has forgotten it.
    """

    DONE = "done"
    FAILED = "failed"
    TIME_LIMIT = "time limit"
    MEMORY = "memory"
    CANCELLED = "cancelled"
    PREEMPTED = "preempted"
    NODE = "node"
    UNKNOWN = "unknown"


# What is no fault of the task: another try may well end otherwise.
BLAMELESS_CAUSES = frozenset({Cause.PREEMPTED, Cause.NODE, Cause.UNKNOWN})


@dataclass(frozen=True)
class Task:
    """How a task stands. ``told`` is the queue's own word for it: a reason to wait, or its end.

    ``node`` is None until it has one; ``cause`` is None until it has ended. ``is_stuck``: it waits
    for what does not come by itself.
    """

    state: TaskState
    reason: str = ""
    node: str | None = None
    cause: Cause | None = None
    is_stuck: bool = False


FORGOTTEN = Task(TaskState.ENDED, "the queue no longer knows it", cause=Cause.UNKNOWN)


@dataclass(frozen=True)
class Node:
    """A machine of the cluster. ``is_usable``: the queue may give it tasks, now or later."""

    name: str
    cpus: int
    gpus: int
    is_usable: bool
    state: str


@dataclass(frozen=True)
class Allotment:
    """What each task asks the queue for. ``options`` are the queue's own, as name and value.

    ``gpus`` is how many cards it needs.
    """

    options: Mapping[str, str]
    gpus: int


@dataclass(frozen=True)
class Work:
    """Tasks to be handed in together: task N runs ``command`` followed by line N of ``lines``.

    ``folder`` gets the script and each task's output, ``home`` is where the command is called.
    """

    name: str
    folder: Path
    home: Path
    command: Sequence[str]
    lines: Sequence[str]

    def output(self, number: int) -> Path:
        """Return the file that task ``number`` writes its output to."""
        return self.folder / f"task-{number}.txt"


@dataclass(frozen=True)
class TaskHere:
    """The task that this process is in: its node's name, and how often it was begun before."""

    node: str
    restarts: int


class Scheduler(ABC):
    """Hands tasks to a cluster's queue and asks how they stand.

    All that talks to the queue raises MachineError where it does not answer for long.

    ``reserved`` are its options that the runner sets itself.
    """

    name: str
    reserved: frozenset[str] = frozenset()

    @abstractmethod
    def nodes(self, allotment: Allotment) -> list[Node]:
        """Return the nodes that tasks of ``allotment`` could be given."""

    @abstractmethod
    def most_tasks(self) -> int:
        """Return how many tasks can be handed in together."""

    @abstractmethod
    def script(self, work: Work, allotment: Allotment) -> str:
        """Return the text of what is handed in for ``work``."""

    @abstractmethod
    def submit(self, work: Work, allotment: Allotment) -> str:
        """Hand ``work`` in and return the queue's name for all of it.

        Raises UsageError for what the queue refuses, with its words.
        """

    @abstractmethod
    def tasks(self, name: str, numbers: Iterable[int]) -> dict[int, Task]:
        """Return how some tasks of what was handed in stand; ``FORGOTTEN`` where it is not known.

        Asked of a queue that restarts, it waits.
        """

    @abstractmethod
    def cancel(self, name: str, numbers: Collection[int]) -> None:
        """End some tasks of what was handed in; those that have ended stay as they are."""

    @abstractmethod
    def this_task(self, environ: Mapping[str, str]) -> TaskHere | None:
        """Return the task that a process with these variables is in, or None if it is in none."""
