"""The event stream of a job: bytes in, checked events out. A bad line never stops the host."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

MAX_LINE_BYTES = 1 << 20
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Rate = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Event(BaseModel):
    # A newer job may say more than this host knows; what it knows must be right.
    model_config = ConfigDict(extra="allow", frozen=True, ser_json_inf_nan="strings")

    schema_: Annotated[Literal[1], Field(alias="schema")]
    at: Seconds | None = None  # since the epoch, when it was written; absent in older streams


class DeviceSeen(BaseModel):
    """The device as the job's framework sees it."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: Literal["cpu", "gpu"]
    name: str | None = None
    detail: str | None = None


class StartEvent(_Event):
    """The process is up and its framework imported."""

    event: Literal["start"]
    model: str
    backend: str
    versions: dict[str, str]
    device: DeviceSeen
    threads: Count
    seed: int
    cache_warm: bool | None
    import_seconds: Seconds


class DataEvent(_Event):
    """The data is in memory."""

    event: Literal["data"]
    source: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    train: Count
    validation: Count
    test: Count
    seconds: Seconds


class ModelEvent(_Event):
    """The model is built and compiled."""

    event: Literal["model"]
    parameters: Count
    expected_parameters: Count
    layers: list[dict[str, Any]]
    hyperparameters: dict[str, Any]
    image_data_format: str
    seconds: Seconds


class EpochEvent(_Event):
    """One epoch, validation included, has ended."""

    event: Literal["epoch"]
    epoch: Annotated[int, Field(ge=1)]
    seconds: Seconds
    samples: Count
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float


class LimitsEvent(_Event):
    """What bounds the job's speed, worked out or measured after its test."""

    event: Literal["limits"]
    flops_per_sample_forward: Count | None
    flops_per_sample_training: Count | None
    steps_per_epoch: Count
    peak_flops_per_second: Rate | None
    matmul_size: Count | None
    input_seconds_per_epoch: Seconds | None
    input_batches: Count | None
    seconds: Seconds


class EndEvent(_Event):
    """The model is tested; nothing follows."""

    event: Literal["end"]
    test_loss: float
    test_accuracy: float
    test_seconds: Seconds
    peak_memory_bytes: Count


class ErrorEvent(_Event):
    """The job gave up, and says why."""

    event: Literal["error"]
    type: str
    message: str


Event = StartEvent | DataEvent | ModelEvent | EpochEvent | LimitsEvent | EndEvent | ErrorEvent
_ADAPTER: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])


@dataclass(frozen=True)
class BadLine:
    """A line that is no event: its text with everything unprintable escaped, and what is wrong."""

    text: str
    problem: str


def printable(raw: bytes, limit: int = 500) -> str:
    """Return ``raw`` as text that is safe on a terminal: control characters are escaped."""
    text = raw[:limit].decode("utf-8", "backslashreplace")
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return shown + (f"... ({len(raw)} bytes)" if len(raw) > limit else "")


def _loaded(line: bytes) -> Any:
    """Return a line's JSON. Raises ValueError for half a character too: no file could keep it."""
    content = json.loads(line)
    if rb"\ud" in line.lower():
        json.dumps(content, ensure_ascii=False).encode()
    return content


def parse(line: bytes) -> Event | BadLine:
    """Return the event that a line holds, or what is wrong with it."""
    try:
        return _ADAPTER.validate_python(_loaded(line))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"]) or "line"
        return BadLine(printable(line), f"{where}: {first['msg']}")
    except (ValueError, RecursionError) as error:
        return BadLine(printable(line), f"not JSON: {error}")


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
            self._hold(part)
            yield from self._flush()
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
            yield parse(line)
