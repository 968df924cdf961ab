"""The port through which a run tells what happens in it."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partialmethod
from pathlib import Path
from typing import Any, Self

from runner.spec.job import Job
from runner.store.events import BadLine, Event
from runner.store.record import Record


@dataclass(frozen=True)
class Announcement:
    """What a run is about to do. ``jobs`` are those to come, without those that ended before.

    ``total`` counts both, and is None where more may follow. ``hardware`` is the name of what
    the jobs run on: the card's, or the processor's. ``lanes`` is how many run at the same time.
    """

    run: str
    folder: Path
    jobs: Sequence[Job]
    total: int | None
    hardware: str | None = None
    lanes: int = 1


class Observer:
    """Hears of everything that happens in a run, and may not change any of it.

    This one does nothing with it. A run enters it before its first word and leaves it after the
    last, whatever happens.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the screen as it was found."""

    def run_started(self, announced: Announcement) -> None:
        """Hear what is planned."""

    def note(self, text: str) -> None:
        """Hear a line about the run as a whole."""

    def build_started(self, configuration: str, title: str, number: int, total: int) -> None:
        """Hear that an environment is being made, or found."""

    def build_output(self, configuration: str, line: str) -> None:
        """Hear a line of a build that goes on; there may be others at the same time."""

    def build_ended(self, configuration: str, error: str | None) -> None:
        """Hear that an environment is there, or why it is not."""

    def job_started(self, job: Job, number: int, total: int | None) -> None:
        """Hear that a job's process is being started; ``total`` is None where not yet known."""

    def job_event(self, job: Job, event: Event | BadLine) -> None:
        """Hear one event of a job, or a line that was none."""

    def job_ended(self, job: Job, record: Record) -> None:
        """Hear how a job ended."""

    def run_ended(self, exit_code: int, error: str | None = None) -> None:
        """Hear with what code the run ends, and of the error that ended it before its time."""


class Several(Observer):
    """Tells several observers, in order and one thing after the other, whatever thread it is from.

    One that breaks is left out from then on, aloud: nothing that only looks can end a run of hours.
    """

    def __init__(self, observers: Sequence[Observer], complain: Callable[[str], None]) -> None:
        self._observers = list(observers)
        self._complain = complain
        self._lock = threading.Lock()

    def _tell(self, name: str, *values: Any) -> None:
        with self._lock:
            for observer in list(self._observers):
                try:
                    getattr(observer, name)(*values)
                except Exception as error:
                    self._observers.remove(observer)
                    observer.__exit__(None, None, None)
                    what = f"{type(observer).__name__}: no more progress is shown: {error!r}"
                    self._complain(f"{what}; the run goes on")

    def __enter__(self) -> Self:
        for observer in self._observers:
            observer.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        for observer in self._observers:
            observer.__exit__(*_)


for _name in (name for name in vars(Observer) if not name.startswith("_")):
    setattr(Several, _name, partialmethod(Several._tell, _name))
