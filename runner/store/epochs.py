"""Many epochs of a job at once, as columns: an object for each would take long to make."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from runner.store.events import BadLine, EpochEvent, Event, parse_lines

if TYPE_CHECKING:
    import pyarrow as pa

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_MARK = b'"event":"epoch"'
_KINDS = {"epoch": "int64", "samples": "int64", "seconds": "float64", "at": "float64"}
_MEASURED = ("loss", "accuracy", "val_loss", "val_accuracy")
_NEEDED = ("schema", "event", "epoch", "seconds", "samples")
# Fewer are read as fast one by one.
_FEWEST = 50


@dataclass(frozen=True)
class Epochs:
    """Epochs that follow each other, as arrays of one length.

    ``seconds`` of each, ``at`` in seconds since the epoch, of all or of none, ``samples`` trained;
    what was not measured is NaN.
    """

    epoch: Ints
    seconds: Floats
    samples: Ints
    at: Floats
    loss: Floats
    accuracy: Floats
    val_loss: Floats
    val_accuracy: Floats
    event: str = field(default="epoch", init=False)

    @property
    def numbers(self) -> range:
        """Return the epochs' numbers."""
        return range(int(self.epoch[0]), int(self.epoch[-1]) + 1)

    def one(self, place: int) -> EpochEvent:
        """Return one of them as the event that it was."""
        known = {name: _known(getattr(self, name)[place]) for name in ("at", *_MEASURED)}
        return EpochEvent(
            schema=1,
            event="epoch",
            epoch=int(self.epoch[place]),
            seconds=float(self.seconds[place]),
            samples=int(self.samples[place]),
            **known,
        )

    @property
    def events(self) -> list[EpochEvent]:
        """Return all of them as the events that they were."""
        return [self.one(place) for place in range(len(self.epoch))]


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _floats(values: Iterable[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _of_events(events: Sequence[EpochEvent]) -> Epochs:
    """Return events as columns."""
    return Epochs(
        epoch=np.array([event.epoch for event in events], dtype=np.int64),
        samples=np.array([event.samples for event in events], dtype=np.int64),
        seconds=_floats(event.seconds for event in events),
        at=_floats(event.at for event in events),
        **{name: _floats(getattr(event, name) for event in events) for name in _MEASURED},
    )


Item = Event | Epochs


def columns_of(items: Iterable[Item]) -> Epochs:
    """Return all epochs of a stream as columns, of none where it has none."""
    parts: list[Epochs] = [_of_events([])]
    for is_event, found in groupby(items, lambda item: isinstance(item, EpochEvent)):
        if is_event:
            parts.append(_of_events([one for one in found if isinstance(one, EpochEvent)]))
        else:
            parts += [one for one in found if isinstance(one, Epochs)]
    names = ("epoch", "samples", "seconds", "at", *_MEASURED)
    return Epochs(**{n: np.concatenate([getattr(part, n) for part in parts]) for n in names})


def single_events(items: Iterable[Item]) -> list[Event]:
    """Return a stream with an event for each epoch."""
    return [
        event for item in items for event in (item.events if isinstance(item, Epochs) else [item])
    ]


def thinned_events(items: Iterable[Item]) -> list[Event]:
    """Return a stream with the first and the last of epochs that follow each other."""
    return [
        event
        for item in items
        for event in ([item.one(0), item.one(-1)] if isinstance(item, Epochs) else [item])
    ]


def _has_one_flat_object_a_line(text: bytes, lines: int) -> bool:
    """Return whether each line begins an object and nothing begins within it."""
    is_plain = text.isascii() and b"\\" not in text and b"[" not in text
    return is_plain and text[:1] == b"{" and text.count(b"{") == text.count(b"\n{") + 1 == lines


def _read(text: bytes) -> pa.Table | None:
    """Return the fields of lines of epochs; None where one of them is anything else."""
    import pyarrow as pa
    from pyarrow import json

    fields = [("event", pa.string()), ("schema", pa.int64())]
    fields += [(name, pa.type_for_alias(kind)) for name, kind in _KINDS.items()]
    fields += [(name, pa.float64()) for name in _MEASURED]
    try:
        return json.read_json(
            io.BytesIO(text),
            json.ReadOptions(use_threads=False, block_size=len(text) + 1),
            json.ParseOptions(pa.schema(fields), unexpected_field_behavior="ignore"),
        )
    except pa.ArrowInvalid:
        return None


def _columns(text: bytes) -> Epochs | None:
    """Return lines of epochs as columns; None where they have to be read one by one."""
    lines = text.count(b"\n")
    table = _read(text) if _has_one_flat_object_a_line(text, lines) else None
    if table is None or len(table) != lines or any(table[n].null_count for n in _NEEDED):
        return None
    # What is not there at all is wrong, where null is right.
    of_some = [name for name in _MEASURED if table[name].null_count]
    if any(text.count(b'"%b":' % name.encode()) != lines for name in of_some):
        return None
    if [table[name].unique().to_pylist() for name in ("event", "schema")] != [["epoch"], [1]]:
        return None
    epochs = Epochs(**{name: table[name].to_numpy() for name in (*_KINDS, *_MEASURED)})
    return epochs if _are_sound(epochs, table["at"].null_count) else None


def _are_sound(found: Epochs, without_time: int) -> bool:
    """Return whether columns hold what single events may, and follow each other."""
    timed = found.at if not without_time else found.at[:0]
    return (
        without_time in (0, len(found.at))
        and bool((np.diff(found.epoch) == 1).all())
        and found.epoch[0] >= 1
        and found.samples.min() >= 0
        and all(np.isfinite(part).all() and (part >= 0).all() for part in (found.seconds, timed))
        and not any(np.isinf(getattr(found, name)).any() for name in _MEASURED)
    )


def parse_stream(text: bytes) -> list[Item | BadLine]:
    """Return what a job's stream holds: the items of ``parse_lines``, many epochs as one."""
    begin, end = text.find(_MARK), text.rfind(_MARK)
    begin, end = text.rfind(b"\n", 0, max(begin, 0)) + 1, text.find(b"\n", max(end, 0)) + 1
    middle = text[begin:end]
    found = _columns(middle) if middle.count(b"\n") >= _FEWEST else None
    if found is None:
        return list(parse_lines(io.BytesIO(text).readlines()))
    head, tail = (io.BytesIO(part).readlines() for part in (text[:begin], text[end:]))
    return [*parse_lines(head), found, *parse_lines(tail)]
