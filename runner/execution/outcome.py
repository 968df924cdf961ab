"""How a job ended, worked out from its events and its process's exit."""

import math
import re
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from runner.execution.validity import (
    DISTURBED_PEAK_MARGIN,
    VALIDITY_CHECKS,
    too_fast,
    validity_objection,
)
from runner.launchers.base import Exit
from runner.spec.facts import declared_facts
from runner.spec.job import Job, Status
from runner.spec.time_limits import TimeLimit
from runner.store.events import (
    BadLine,
    DataEvent,
    EndEvent,
    EpochEvent,
    ErrorEvent,
    Event,
    LimitsEvent,
    ModelEvent,
    StartEvent,
    wrong_order,
)
from runner.words import printable

# What the frameworks raise where memory ends; JAX, MXNet and CNTK have no error of its own for it,
# but say so: "RESOURCE_EXHAUSTED: Out of memory", "cudaMalloc failed: out of memory", "CUDA failure
# 2: out of memory".
_MEMORY_ERRORS = ("MemoryError", "ResourceExhaustedError", "OutOfMemoryError")
_MEMORY_WORDS = re.compile(
    r"RESOURCE_EXHAUSTED|out of memory|CUDA failure 2\b|cudaErrorMemoryAllocation|"
    r"CUDNN_STATUS_ALLOC_FAILED|CUBLAS_STATUS_ALLOC_FAILED|std::bad_alloc",
    re.IGNORECASE,
)
# What a job may say beside its epochs: start, data, model, limits, end or error, and some room.
_BESIDE_EPOCHS = 16
# For a model that is none of ours, where no number of epochs was asked for.
_EPOCHS_UNKNOWN = 1000


class FloodError(Exception):
    """A job says more events than it can have; it is to be stopped."""


@dataclass(frozen=True)
class Outcome:
    """A job's status and, unless it is ok, the reason in one line; what to know beside it."""

    status: Status
    reason: str | None = None
    exit_code: int | None = None
    clock: TimeLimit | None = None
    warnings: tuple[str, ...] = ()


# Says whether something disturbed the machine between two times, in seconds since the epoch.
WasDisturbed = Callable[[float, float], bool]


def _epochs_asked(job: Job) -> int | None:
    """Return how many epochs a job has to train, or None where nothing says so."""
    if job.epochs is not None or job.workload is None:
        return job.epochs
    return job.workload.epochs


@dataclass
class Heard:
    """What was heard of a job so far. Of lines that are no events only the number is kept."""

    job: Job
    events: list[Event] = field(default_factory=list)
    bad_lines: int = 0

    @cached_property
    def _most(self) -> int:
        return (_epochs_asked(self.job) or _EPOCHS_UNKNOWN) + _BESIDE_EPOCHS

    def add(self, item: Event | BadLine) -> None:
        """Take one item of the stream. Raises FloodError at the first event too many."""
        if isinstance(item, BadLine):
            self.bad_lines += 1
            return
        if len(self.events) >= self._most:
            raise FloodError(f"more than {self._most} events came, which no job of its epochs says")
        self.events.append(item)


def without_times(heard: Heard) -> Heard:
    """Return the same without the wall clock's times, for a job while which it was set."""
    events = [event.model_copy(update={"at": None}) for event in heard.events]
    return Heard(heard.job, events, heard.bad_lines)


def _exit_text(code: int) -> str:
    """Return an exit code in words, with the signal's name where one killed the process."""
    number = code - 128 if code > 128 else -code
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"ended with exit code {code}"
    # Not every engine tells its limit's kill from others: Podman on cgroup v1 does not.
    why = ", as the kernel does where memory runs out" if number == signal.SIGKILL else ""
    return f"was killed by {name}{why} (exit code {code})"


def _claims(job: Job, event: Event) -> dict[str, tuple[object, object]]:
    """Return what an event says of its job beside what was asked for, by the facts' names."""
    if isinstance(event, StartEvent):
        # Where none was asked for, a value is the model's own.
        asked = {name: value for name, value in job.axes.items() if value is not None}
        axes = {name: (event.axes[name], value) for name, value in asked.items()}
        return {**axes, "seed": (event.seed, job.seed)}
    if isinstance(event, DataEvent):
        return {"data_source": (event.source, str(job.data))}
    if isinstance(event, ModelEvent):
        return {"image_data_format": (event.image_data_format, job.image_data_format)}
    return {}


def _not_as_asked(job: Job, heard: Heard) -> str | None:
    """Return what a job says of itself that is not what it was told to do, or None."""
    for event in heard.events:
        for name, (claimed, asked) in _claims(job, event).items():
            if claimed != asked:
                what = declared_facts()[name].label
                return f"it says {what} {claimed}, asked for was {asked}"
    return None


def _wrong_stream(job: Job, heard: Heard) -> str | None:
    """Return what is wrong with the events of a job that ended well, or None."""
    epochs = [event for event in heard.events if isinstance(event, EpochEvent)]
    asked = _epochs_asked(job)
    if not epochs or (asked is not None and len(epochs) != asked):
        return f"{len(epochs)} epochs came, {asked or 'some'} were asked for"
    if wrong := wrong_order(list(map(vars, heard.events))):
        return wrong
    start = next((event for event in heard.events if isinstance(event, StartEvent)), None)
    if start is None or (start.model, start.backend) != (job.model, job.backend):
        return f"the job started as {start and (start.backend, start.model)}"
    if start.device.type != job.device:
        return f"it trained on the {start.device.type}, not on the {job.device}"
    if len(samples := {event.samples for event in epochs}) > 1:
        return f"its epochs are of {min(samples):,} to {max(samples):,} samples"
    return _not_as_asked(job, heard)


def _wrong_model(heard: Heard) -> str | None:
    for event in heard.events:
        if isinstance(event, ModelEvent) and event.parameters != event.expected_parameters:
            return f"{event.parameters:,} parameters instead of {event.expected_parameters:,}"
    return None


def _peak_span(events: Sequence[Event]) -> tuple[float, float]:
    """Return from when to when the limits were measured; without times, the whole job."""
    limits = next((event for event in events if isinstance(event, LimitsEvent)), None)
    if limits is None or limits.at is None:
        return -math.inf, math.inf
    return limits.at - limits.seconds, limits.at


def _checked(
    job: Job, heard: Heard, was_disturbed: WasDisturbed
) -> tuple[str | None, tuple[str, ...]]:
    """Return why a job's times must not be believed, or None, and what was left unjudged."""
    fast = too_fast(job, heard.events)
    is_beyond_doubt = too_fast(job, heard.events, DISTURBED_PEAK_MARGIN) is not None
    if fast is None or is_beyond_doubt or not was_disturbed(*_peak_span(heard.events)):
        return validity_objection(job, heard.events), ()
    others = [check for check in VALIDITY_CHECKS if check is not too_fast]
    warning = f"the machine was disturbed while its peak was measured, which is not judged: {fast}"
    return validity_objection(job, heard.events, others), (warning,)


def _judge(job: Job, heard: Heard, ended: Exit, last_log_line: str) -> tuple[Status, str | None]:
    if ended.out_of_memory:
        return Status.OOM, "the job's memory limit killed it; give it more with --memory"
    errors = [event for event in heard.events if isinstance(event, ErrorEvent)]
    if errors:
        error = errors[-1]
        if error.type == "Unsupported":
            return Status.UNSUPPORTED, printable(error.message.encode())
        is_invalid = error.type in ("InvalidModel", "NotFinite")
        status = Status.INVALID if is_invalid else Status.FAILED
        if error.type in _MEMORY_ERRORS or _MEMORY_WORDS.search(error.message):
            status = Status.OOM
        return status, printable(f"{error.type}: {error.message}".encode())
    if wrong_model := _wrong_model(heard):
        return Status.INVALID, wrong_model
    has_end = any(isinstance(event, EndEvent) for event in heard.events)
    if ended.code != 0 or not has_end:
        log_end = f"; its log ends: {last_log_line}" if last_log_line else ""
        is_oom = _MEMORY_WORDS.search(last_log_line) and ended.code != 0
        status = Status.OOM if is_oom else Status.FAILED
        return status, f"the process {_exit_text(ended.code)} before its end event{log_end}"
    if wrong := _wrong_stream(job, heard):
        return Status.INVALID, wrong
    return Status.OK, None


def _plain_name(card: str) -> str:
    """Return a card's name without its maker's, which newer drivers put before it."""
    return card.casefold().removeprefix("nvidia ").strip()


def other_card(heard: Heard, chosen: str) -> str | None:
    """Return on which card a job says it trained, where that is not the chosen one's name.

    A framework that does not tell its card's name is believed: it was shown no other.
    """
    named = [event.device.name for event in heard.events if isinstance(event, StartEvent)]
    if not named or named[0] is None or _plain_name(named[0]) == _plain_name(chosen):
        return None
    return f"it trained on {named[0]}, not on the chosen {chosen}"


def conclude(
    job: Job,
    heard: Heard,
    ended: Exit,
    last_log_line: str,
    was_disturbed: WasDisturbed = lambda began, ended: False,  # noqa: ARG005
) -> Outcome:
    """Return how a finished process's job ended."""
    status, reason = _judge(job, heard, ended, last_log_line)
    if status is not Status.OK:
        return Outcome(status, reason, ended.code)
    wrong, warnings = _checked(job, heard, was_disturbed)
    return Outcome(Status.INVALID if wrong else status, wrong, ended.code, warnings=warnings)
