"""How a job ended, worked out from its events and its process's exit."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field

from runner import gate
from runner.clocks import Clock
from runner.events import (
    BadLine,
    EndEvent,
    EpochEvent,
    ErrorEvent,
    Event,
    ModelEvent,
    StartEvent,
    printable,
)
from runner.jobs import Job, Status
from runner.launchers.base import Exit

_MEMORY_ERRORS = ("MemoryError", "ResourceExhaustedError", "OutOfMemoryError")


@dataclass(frozen=True)
class Outcome:
    """A job's status and, unless it is ok, the reason in one line."""

    status: Status
    reason: str | None = None
    exit_code: int | None = None
    clock: Clock | None = None


@dataclass
class Heard:
    """What was heard of a job so far."""

    events: list[Event] = field(default_factory=list)
    bad_lines: list[BadLine] = field(default_factory=list)

    def add(self, item: Event | BadLine) -> None:
        """Take one item of the stream."""
        if isinstance(item, BadLine):
            self.bad_lines.append(item)
        else:
            self.events.append(item)

    @property
    def start(self) -> StartEvent | None:
        """Return the start event, if there was one."""
        return next((event for event in self.events if isinstance(event, StartEvent)), None)


def without_times(heard: Heard) -> Heard:
    """Return the same without the wall clock's times, for a job while which it was set."""
    events = [event.model_copy(update={"at": None}) for event in heard.events]
    return Heard(events, heard.bad_lines)


def _exit_text(code: int) -> str:
    """Return an exit code in words, with the signal's name where one killed the process."""
    number = code - 128 if code > 128 else -code
    try:
        return f"was killed by {signal.Signals(number).name} (exit code {code})"
    except ValueError:
        return f"ended with exit code {code}"


def _wrong_stream(job: Job, heard: Heard) -> str | None:
    """Return what is wrong with the events of a job that ended well, or None."""
    epochs = [event.epoch for event in heard.events if isinstance(event, EpochEvent)]
    if epochs != list(range(1, len(epochs) + 1)):
        return f"the epochs came as {epochs}"
    if not epochs or (job.epochs is not None and len(epochs) != job.epochs):
        return f"{len(epochs)} epochs came, {job.epochs or 'some'} were asked for"
    start = heard.start
    if start is None or (start.model, start.backend) != (job.model, job.backend):
        return f"the job started as {start and (start.backend, start.model)}"
    if start.device.type != job.device:
        return f"it trained on the {start.device.type}, not on the {job.device}"
    return None


def _wrong_model(heard: Heard) -> str | None:
    for event in heard.events:
        if isinstance(event, ModelEvent) and event.parameters != event.expected_parameters:
            return f"{event.parameters:,} parameters instead of {event.expected_parameters:,}"
    return None


def _judge(job: Job, heard: Heard, ended: Exit, last_log_line: str) -> tuple[Status, str | None]:
    if ended.out_of_memory:
        return Status.OOM, "the job's memory limit killed it; give it more with --memory"
    errors = [event for event in heard.events if isinstance(event, ErrorEvent)]
    if errors:
        error = errors[-1]
        status = Status.INVALID if error.type == "InvalidModel" else Status.FAILED
        if error.type in _MEMORY_ERRORS:
            status = Status.OOM
        return status, printable(f"{error.type}: {error.message}".encode())
    if wrong_model := _wrong_model(heard):
        return Status.INVALID, wrong_model
    has_end = any(isinstance(event, EndEvent) for event in heard.events)
    if ended.code != 0 or not has_end:
        said = f"; its log ends: {last_log_line}" if last_log_line else ""
        return Status.FAILED, f"the process {_exit_text(ended.code)} before its end event{said}"
    if wrong := _wrong_stream(job, heard) or gate.reason_against(job, heard.events):
        return Status.INVALID, wrong
    return Status.OK, None


def conclude(job: Job, heard: Heard, ended: Exit, last_log_line: str) -> Outcome:
    """Return how a finished process's job ended."""
    return Outcome(*_judge(job, heard, ended, last_log_line), exit_code=ended.code)
