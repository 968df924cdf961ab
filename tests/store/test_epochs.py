"""Many epochs read at once are what they are one by one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.store import epochs
from runner.store.epochs import Epochs, columns_of, parse_stream, single_events, thinned_events
from runner.store.events import BadLine, EpochEvent, parse_event, wrong_order
from scripted import stream

EPOCH = {
    "schema": 1, "event": "epoch", "epoch": 1, "seconds": 1.5, "samples": 8, "loss": 1.0,
    "accuracy": 0.5, "val_loss": None, "val_accuracy": 0.25,
}  # fmt: skip
OF_TABLE = ("at", *(name for name in EPOCH if name != "schema"))


def compact(value: object) -> bytes:
    """Return JSON as the store writes it."""
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def numbered(count: int, **more: object) -> list[bytes]:
    """Return the lines of so many epochs."""
    return [compact({**EPOCH, "epoch": number, **more}) for number in range(1, count + 1)]


def told(found):
    """Return what the table takes of a stream, as text: what is not a number is missing there."""
    return [
        (one.text, one.problem)
        if isinstance(one, BadLine)
        else [str(getattr(one, name, None)).replace("nan", "None") for name in OF_TABLE]
        if isinstance(one, EpochEvent)
        else one.model_dump_json()
        for one in found
    ]


def one_by_one(lines: list[bytes]):
    return list(map(parse_event, lines))


def at_once(lines: list[bytes]):
    found = parse_stream(b"".join(lines))
    bad = [one for one in found if isinstance(one, BadLine)]
    return bad + single_events(one for one in found if not isinstance(one, BadLine)), found


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(epochs, "_FEWEST", 1)


odd_values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.just("NaN"),
    st.lists(st.integers(), max_size=2), st.dictionaries(st.just("epoch"), st.integers()),
)  # fmt: skip
changes = st.dictionaries(st.sampled_from([*EPOCH, "at", "more"]), odd_values, max_size=2)
odd_lines = st.one_of(
    st.builds(lambda number, one: compact({**EPOCH, "epoch": number, **one}), st.integers(0, 9),
              changes),
    st.builds(lambda name: compact({n: v for n, v in EPOCH.items() if n != name}),
              st.sampled_from([*EPOCH])),
    st.builds(lambda cut: compact(EPOCH)[:-1][:cut] + b"\n", st.integers(0, 150)),
    st.builds(lambda text: b'{"event":"epoch",' + text + b"}\n",
              st.binary(max_size=20).filter(lambda text: b"\n" not in text)),
    st.sampled_from([b"\n", b"rubbish\n", *(bytes(line) for line in stream())]),
)  # fmt: skip


@given(st.integers(0, 5), st.lists(odd_lines, max_size=2), st.integers(0, 5))
def test_many_are_what_each_is_alone(before, odd, after):
    lines = numbered(before) + odd
    lines += [compact({**EPOCH, "epoch": before + len(odd) + n}) for n in range(1, after + 1)]
    found, _ = at_once(lines)
    wanted = one_by_one(lines)
    assert sorted(map(str, told(found))) == sorted(map(str, told(wanted)))


MORE = [
    b'"event":"start"', b'"more":"\\u001b"', b'"more":"\xe2\x80\xae"', b'"more":[1]',
    b'"seconds":-1', b'"loss":NaN', b'"loss":Infinity', b'"loss":"NaN"', b'"epoch":1.0',
    b'"epoch":9223372036854775808', b'"seconds":1e999', b'"seconds":"1"', b'"seconds":true',
    b'"schema":2', b'"at":null', b'"at":1,"at":2', b'"more":NaN', b'"more":{"epoch":7}',
]  # fmt: skip


@pytest.mark.parametrize("more", MORE)
def test_a_line_with_more_is_read_as_it_is_alone(more):
    lines = numbered(3)
    lines[1] = lines[1][:-2] + b"," + more + b"}\n"
    found, _ = at_once(lines)
    wanted = one_by_one(lines)
    assert sorted(map(str, told(found))) == sorted(map(str, told(wanted)))


def test_a_job_s_epochs_are_columns():
    head, tail = list(map(bytes, stream()[:3])), bytes(stream()[-1])
    events, found = at_once([*head, *numbered(4, at=1e9), tail])
    assert [type(one).__name__ for one in found] == [
        "StartEvent", "DataEvent", "ModelEvent", "Epochs", "EndEvent"
    ]  # fmt: skip
    assert told(events) == told(one_by_one([*head, *numbered(4, at=1e9), tail]))
    columns = columns_of(found)
    assert columns.epoch.tolist() == [1, 2, 3, 4]
    assert columns.samples.tolist() == [8] * 4
    assert wrong_order(found) is None
    assert [one.epoch for one in thinned_events(found) if isinstance(one, EpochEvent)] == [1, 4]


def test_the_order_of_many_is_told_as_of_single_ones():
    lines = numbered(12)
    for odd in (lines[1:], [*lines, *lines], lines):
        events, found = at_once(odd)
        assert wrong_order(found) == wrong_order(events) is not None


def test_few_epochs_are_read_one_by_one(monkeypatch):
    monkeypatch.setattr(epochs, "_FEWEST", 5)
    _, found = at_once(numbered(4))
    assert not any(isinstance(one, Epochs) for one in found)
