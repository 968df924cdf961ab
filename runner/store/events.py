"""The event stream of a job: bytes in, checked events out. A bad line never stops the host."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    create_model,
)
from typing_extensions import TypedDict

from runner.spec.axes import AxisValue, Count, declared_axes, recorded_fields
from runner.words import needs_no_escape, printable, read_json

# The longest that a job was seen to say is 2 KB.
MAX_LINE_BYTES = 64 << 10
# Of one job; an epoch takes about 200.
MOST_EVENT_BYTES = 64 << 20
_Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Name = Annotated[str, Field(max_length=64)]
# What is not finite is written as a text, which reads as the number.
_Measured = Annotated[
    float,
    WithJsonSchema({"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]}),
]
_Rate = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Event(BaseModel):
    # A newer job may say more than this host knows; what it knows must be right.
    model_config = ConfigDict(
        extra="allow", frozen=True, ser_json_inf_nan="strings", defer_build=True
    )

    schema_: Annotated[Literal[1], Field(alias="schema")]
    at: _Seconds | None = None  # since the epoch, when it was written; absent in older streams


class DeviceSeen(BaseModel):
    """The device as the job's framework sees it."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)

    type: Literal["cpu", "gpu"]
    name: str | None = None
    detail: str | None = None


class StartFields(_Event):
    """What a start event holds beside the values of the axes."""

    event: Literal["start"]
    model: str
    backend: str
    versions: dict[str, str]
    device: DeviceSeen
    seed: Count
    cache_warm: bool | None
    import_seconds: _Seconds
    # The processor that the job sees; older jobs say nothing.
    cpu_model: str | None = None

    @property
    def axes(self) -> dict[str, AxisValue | None]:
        """Return the value of each axis that the job says it has, by name."""
        return {name: getattr(self, name) for name in declared_axes()}


if TYPE_CHECKING:
    StartEvent = StartFields
else:
    StartEvent = create_model(
        "StartEvent",
        __base__=StartFields,
        __module__=__name__,
        __doc__="The process is up and its framework imported.",
        **recorded_fields(),
    )


class DataEvent(_Event):
    """The data is in memory."""

    event: Literal["data"]
    source: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    train: Count
    validation: Count
    test: Count
    seconds: _Seconds


class ModelEvent(_Event):
    """The model is built and compiled."""

    event: Literal["model"]
    parameters: Count
    expected_parameters: Count
    layers: list[dict[str, Any]]
    hyperparameters: dict[str, Any]
    image_data_format: str
    seconds: _Seconds


class EpochEvent(_Event):
    """One epoch, validation included, has ended."""

    event: Literal["epoch"]
    epoch: Annotated[int, Field(ge=1, lt=2**63)]
    seconds: _Seconds
    samples: Count
    # None where it is not measured: nothing while predicting, or no accuracy, or no validation.
    loss: _Measured | None
    accuracy: _Measured | None
    val_loss: _Measured | None
    val_accuracy: _Measured | None


class LatencyEvent(_Event):
    """How long single batches took to predict, each waited for: percentiles in seconds."""

    event: Literal["latency"]
    p50_seconds: _Seconds | None
    p90_seconds: _Seconds | None
    p99_seconds: _Seconds | None
    batches: Count


class LimitsEvent(_Event):
    """What bounds the job's speed, worked out or measured after its test."""

    event: Literal["limits"]
    flops_per_sample_forward: Count | None
    flops_per_sample_training: Count | None
    steps_per_epoch: Count
    peak_flops_per_second: _Rate | None
    matmul_size: Count | None
    input_seconds_per_epoch: _Seconds | None
    input_batches: Count | None
    seconds: _Seconds


class EndEvent(_Event):
    """The model is tested; nothing follows."""

    event: Literal["end"]
    test_loss: _Measured | None
    test_accuracy: _Measured | None
    test_seconds: _Seconds
    peak_memory_bytes: Count
    # What the framework says of the card's memory; older jobs and most frameworks say nothing.
    gpu_peak_memory_bytes: Count | None = None
    # The names of those that ran; None where it is not known.
    fused_kernels: Annotated[list[_Name], Field(max_length=16)] | None = None


class ErrorEvent(_Event):
    """The job gave up, and says why."""

    event: Literal["error"]
    type: str
    message: str


Event = (
    StartEvent
    | DataEvent
    | ModelEvent
    | EpochEvent
    | LatencyEvent
    | LimitsEvent
    | EndEvent
    | ErrorEvent
)
# Built when the first event is read: most commands read none.
_LATER = ConfigDict(defer_build=True)
_ADAPTER: TypeAdapter[Event] = TypeAdapter(
    Annotated[Event, Field(discriminator="event")], config=_LATER
)


def event_schema() -> dict[str, Any]:
    """Return the JSON schema of one event."""
    return _ADAPTER.json_schema()


@dataclass(frozen=True)
class BadLine:
    """A line that is no event: its text with everything unprintable escaped, and what is wrong."""

    text: str
    problem: str


def parse_event(line: bytes) -> Event | BadLine:
    """Return the event that a line holds, its texts escaped, or what is wrong with it."""
    if needs_no_escape(line):
        with suppress(ValidationError):  # what is wrong is said below
            return _ADAPTER.validate_json(line)
    try:
        return _ADAPTER.validate_python(read_json(line))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(step) for step in first["loc"]) or "line"
        problem = f"{where}: {first['msg']}"
    except (ValueError, RecursionError) as error:
        problem = f"not JSON: {error}"
    return BadLine(printable(line), printable(problem.encode("utf-8", "backslashreplace")))


# The most of a job's events: as dictionaries they take half as long to make as as objects.
_EPOCH: Any = TypedDict(  # type: ignore[misc]
    "_EPOCH",
    {
        field.alias or name: annotation if field.is_required() else NotRequired[annotation]
        for name, field in EpochEvent.model_fields.items()
        for annotation in [field.rebuild_annotation()]
    },
)
_EPOCHS: TypeAdapter[Any] = TypeAdapter(list[_EPOCH], config=_LATER)
_EPOCH_MARK = b'"event":"epoch"'


def _epochs_at_once(text: bytes) -> list[dict[str, Any]]:
    """Return the epochs that lines hold, a flat object each; no text of theirs is kept.

    Raises ValueError where they have to be read one by one.
    """
    lines, begun = text.count(b"\n"), text.count(b"\n{") + text.startswith(b"{")
    if not lines == begun == text.count(b"{") or b"[" in text:
        raise ValueError
    epochs: list[dict[str, Any]] = _EPOCHS.validate_json(b"[%b]" % text[:-1].replace(b"\n", b","))
    if len(epochs) != lines:
        raise ValueError
    return epochs


def read_stream(text: bytes) -> tuple[list[dict[str, Any]], int]:
    """Return what a job's events say, by their fields' names, and how many lines are no event.

    All is as ``parse_event`` has it for each line, but for what of an epoch this version does not
    know.
    """
    first, last = text.find(_EPOCH_MARK), text.rfind(_EPOCH_MARK)
    begin, end = text.rfind(b"\n", 0, max(first, 0)) + 1, text.find(b"\n", max(last, 0)) + 1
    try:
        epochs = _epochs_at_once(text[begin:end])
    except ValueError:
        epochs, begin, end = [], len(text), len(text)
    head, tail = (list(map(parse_event, BytesIO(part))) for part in (text[:begin], text[end:]))
    kept = [
        [event.model_dump(by_alias=True) for event in part if not isinstance(event, BadLine)]
        for part in (head, tail)
    ]
    bad = len(head) + len(tail) - sum(map(len, kept))
    return [*kept[0], *epochs, *kept[1]], bad


_ORDER = re.compile(r"start data model( epoch)+( latency)?( limits)? end")


def wrong_order(events: Sequence[Mapping[str, Any]]) -> str | None:
    """Return what is wrong with the order of the events of a job that ended well, or None.

    It says start, data, model, its epochs from 1 on, latency and limits if it measured them, and
    end: each once, and nothing after it.
    """
    epochs = [event["epoch"] for event in events if event["event"] == "epoch"]
    if epochs != list(range(1, len(epochs) + 1)):
        shown = ", ".join(map(str, epochs[:10])) + (", ..." if len(epochs) > 10 else "")
        return f"the epochs came as [{shown}]"
    kinds = [event["event"] for event in events]
    if _ORDER.fullmatch(" ".join(kinds)):
        return None
    counted = ((kind, len(list(same))) for kind, same in groupby(kinds))
    came = [f"{count} {kind}" if count > 1 else kind for kind, count in counted]
    return f"the events came as {', '.join(came[:20])}, not as a job says them"


class LineReader:
    """Cuts a stream of chunks into lines, none longer than ``MAX_LINE_BYTES``.

    An overlong line is dropped as it comes, so that memory stays bounded.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._overlong = 0

    def feed(self, chunk: bytes) -> Iterator[Event | BadLine]:
        """Yield what the lines completed by ``chunk`` hold."""
        *complete, rest = chunk.split(b"\n")
        for part in complete:
            if self._held or self._overlong or len(part) > MAX_LINE_BYTES:
                self._hold(part)
                yield from self._flush()
            elif part.strip():
                yield parse_event(part)
        self._hold(rest)

    def close(self) -> Iterator[BadLine]:
        """Yield the half line that the stream ended with, if any: it is never an event."""
        if self._overlong or self._held:
            size = len(self._held) + self._overlong
            text = printable(bytes(self._held))
            yield BadLine(text, f"the stream ended within a line of {size} bytes")

    def _hold(self, part: bytes) -> None:
        room = MAX_LINE_BYTES - len(self._held)
        self._held += part[:room]
        self._overlong += len(part[room:])

    def _flush(self) -> Iterator[Event | BadLine]:
        line, overlong = bytes(self._held), self._overlong
        self._held.clear()
        self._overlong = 0
        if overlong:
            yield BadLine(printable(line), f"a line of {len(line) + overlong} bytes")
        elif line.strip():
            yield parse_event(line)
