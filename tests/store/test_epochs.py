"""Many epochs read at once are what they are one by one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.store import events
from runner.store.events import BadLine, parse_event, read_stream, wrong_order
from scripted import stream

EPOCH = {
    "schema": 1, "event": "epoch", "epoch": 1, "seconds": 1.5, "samples": 8, "loss": 1.0,
    "accuracy": 0.5, "val_loss": None, "val_accuracy": 0.25,
}  # fmt: skip


def compact(value: object) -> bytes:
    """Return JSON as the store writes it."""
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def numbered(count: int, **more: object) -> list[bytes]:
    """Return the lines of so many epochs."""
    return [compact({**EPOCH, "epoch": number, **more}) for number in range(1, count + 1)]


def as_stored(found):
    """Return what is read of such a stream: what its events say as text, and its bad lines."""
    said = [one for one in found if not isinstance(one, BadLine)]
    return shown(one.model_dump(by_alias=True) for one in said), len(found) - len(said)


def shown(events):
    """Return events as text, without what this version does not know of an epoch."""
    known = [*EPOCH, "at"]
    return [
        str({name: one.get(name) for name in known} if one["event"] == "epoch" else one)
        for one in events
    ]


def one_by_one(lines: list[bytes]):
    return as_stored(list(map(parse_event, lines)))


def at_once(lines: list[bytes]):
    events, bad = read_stream(b"".join(lines))
    return shown(events), bad


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
    assert at_once(lines) == one_by_one(lines)


MORE = [
    b'"event":"start"', b'"more":"\\u001b"', b'"more":"\xe2\x80\xae"', b'"more":[1]',
    b'"seconds":-1', b'"loss":NaN', b'"loss":Infinity', b'"loss":"NaN"', b'"epoch":1.0',
    b'"epoch":9223372036854775808', b'"seconds":1e999', b'"seconds":"1"', b'"seconds":true',
    b'"' + b"k" * 999 + b'":1', b'"more":"' + b"v" * 3000 + b'"', b'"schema":2',
    b'"at":null', b'"at":1,"at":2', b'"more":NaN', b'"more":{"epoch":7}',
]  # fmt: skip


@pytest.mark.parametrize("more", MORE)
def test_a_line_with_more_is_read_as_it_is_alone(more):
    lines = numbered(3)
    lines[1] = lines[1][:-2] + b"," + more + b"}\n"
    assert at_once(lines) == one_by_one(lines)


def test_a_job_s_epochs_are_read_at_once(monkeypatch):
    head, tail = list(map(bytes, stream()[:3])), bytes(stream()[-1])
    lines = [*head, *numbered(4, at=1e9), tail]
    wanted, alone = one_by_one(lines), []

    def noted(line):
        alone.append(line)
        return parse_event(line)

    monkeypatch.setattr(events, "parse_event", noted)
    assert at_once(lines) == wanted
    assert alone == [*head, tail]


def test_a_text_that_two_lines_hold_halves_of_is_none():
    first, second = numbered(2)
    lines = [first[:-2] + b',"more":"x\n', b'{y"}\n', second]
    assert at_once(lines) == one_by_one(lines)
    assert at_once(lines)[1] == 2


def test_epochs_out_of_order_are_told():
    lines = numbered(12)
    assert wrong_order(read_stream(b"".join(lines[1:]))[0]) == (
        "the epochs came as [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ...]"
    )
    assert "1, 2" in wrong_order(read_stream(b"".join([*lines, *lines]))[0])
