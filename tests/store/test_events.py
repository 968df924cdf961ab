"""The event reader: whatever comes, checked events or named bad lines, and nothing else."""

import json
import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.store.events import (
    _ADAPTER,
    MAX_LINE_BYTES,
    BadLine,
    EpochEvent,
    Event,
    LineReader,
    StartEvent,
    parse_event,
    wrong_order,
)
from runner.words import (
    MAX_DEPTH,
    MAX_TEXT,
    LogText,
    escaped,
    escaped_json,
    escaped_lines,
    markdown_text,
    read_json,
)
from scripted import good_event, stream

EPOCH = {
    "event": "epoch", "schema": 1, "epoch": 1, "seconds": 0.5, "samples": 10, "loss": 1.0,
    "accuracy": 0.5, "val_loss": 1.0, "val_accuracy": 0.5,
}  # fmt: skip


def line(**changes) -> bytes:
    return json.dumps({**EPOCH, **changes}).encode() + b"\n"


def read(data: bytes, sizes: list[int]) -> list:
    reader, at = LineReader(), 0
    items: list[Event | BadLine] = []
    for size in [*sizes, len(data)]:
        items += reader.feed(data[at : at + size])
        at += size
    return items + list(reader.close())


def test_an_epoch_is_read():
    event = parse_event(line())
    assert isinstance(event, EpochEvent)
    assert (event.epoch, event.seconds) == (1, 0.5)


def test_a_nan_loss_survives_the_way_to_the_disk_and_back():
    event = good_event(line(loss="NaN", val_loss="Infinity"))
    assert isinstance(event, EpochEvent)
    assert math.isnan(event.loss)
    again = parse_event(event.model_dump_json(by_alias=True).encode())
    assert isinstance(again, EpochEvent)
    assert math.isnan(again.loss)
    assert again.val_loss == math.inf


def bad_line(said: bytes) -> BadLine:
    found = parse_event(said)
    assert isinstance(found, BadLine)
    return found


def test_what_is_wrong_is_named():
    assert "seconds" in bad_line(line(seconds=-1)).problem
    assert "seconds" in bad_line(line(seconds="NaN")).problem
    assert "schema" in bad_line(line(schema=2)).problem
    assert "not JSON" in bad_line(b"Using TensorFlow backend.").problem
    assert isinstance(parse_event(line(event="other")), BadLine)
    assert isinstance(parse_event(b"[" * 100_000), BadLine)


def test_half_a_character_is_no_reason_to_lose_an_event():
    event = parse_event(line(extra="\ud800"))
    assert isinstance(event, EpochEvent)
    assert parse_event(event.model_dump_json(by_alias=True).encode()) == event


def test_control_characters_are_escaped():
    bad = bad_line(b"\x1b[2J\x07")
    assert bad.text == "\\x1b[2J\\x07"


def test_an_overlong_line_is_dropped_and_the_next_is_read():
    items = read(b"x" * (3 * MAX_LINE_BYTES) + b"\n" + line(), [1 << 16] * 40)
    assert [type(item) for item in items] == [BadLine, EpochEvent]
    assert f"{3 * MAX_LINE_BYTES} bytes" in items[0].problem


def test_a_half_line_at_the_end_is_no_event():
    items = read(line() + line()[:-1], [])
    assert isinstance(items[0], EpochEvent)
    assert isinstance(items[1], BadLine)


@given(st.binary(max_size=400), st.lists(st.integers(0, 60)))
def test_any_bytes_in_any_pieces_give_the_same_items(data, sizes):
    assert read(data, sizes) == read(data, [])


@given(st.lists(st.sampled_from([line(), b"rubbish\n", b"\n", b"\xff\xfe\n"])), st.integers(1, 9))
def test_every_good_line_is_found_among_bad_ones(lines, size):
    items = read(b"".join(lines), [size] * 2000)
    assert sum(isinstance(item, EpochEvent) for item in items) == lines.count(line())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


GOOD = [json.loads(said) for said in stream()]
numbers = st.floats() | st.sampled_from(["NaN", "Infinity", "-Infinity"])


@given(st.sampled_from(GOOD), st.dictionaries(st.text() | st.sampled_from([*EPOCH]), json_values))
def test_no_object_breaks_the_reader_and_what_is_read_can_be_kept(event, changes):
    found = parse_event(json.dumps({**event, **changes}).encode())
    if isinstance(found, BadLine):
        assert found.text.isprintable()
        assert found.problem.isprintable()
        return
    kept = found.model_dump_json(by_alias=True)
    assert kept.isprintable()
    again = good_event(kept.encode())
    assert again.model_dump_json(by_alias=True) == kept


@given(st.fixed_dictionaries(dict.fromkeys(("loss", "accuracy", "val_loss", "val_accuracy"),
                                           numbers)))  # fmt: skip
def test_any_figure_survives_the_way_to_the_disk_and_back(figures):
    event = good_event(line(**figures))
    again = parse_event(event.model_dump_json(by_alias=True).encode())
    for name, said in figures.items():
        read_back = getattr(again, name)
        assert read_back == float(said) or (math.isnan(read_back) and math.isnan(float(said)))


@given(st.lists(st.binary(max_size=3 * MAX_LINE_BYTES), max_size=6))
def test_a_reader_holds_no_more_than_a_line(chunks):
    reader = LineReader()
    for chunk in chunks:
        list(reader.feed(chunk))
        assert len(reader._held) <= MAX_LINE_BYTES


@given(st.text())
def test_every_text_of_an_event_is_fit_to_be_shown(text):
    start = {**GOOD[0], "device": {"type": "cpu", "name": text, "detail": text},
             "versions": {"keras": text, text: text}}  # fmt: skip
    event = parse_event(json.dumps(start).encode())
    assert isinstance(event, StartEvent)
    shown = [event.device.name, event.device.detail, *event.versions, *event.versions.values()]
    assert all(t.isprintable() and len(t) <= MAX_TEXT for t in shown)


@given(st.text())
def test_what_is_escaped_stays_so(text):
    assert escaped(escaped(text)) == escaped(text)
    assert escaped(text).isprintable()


@pytest.mark.parametrize("escape", [escaped, escaped_lines])
@pytest.mark.parametrize("character", ["\0", "\x1b", "\u202e", "\ue000"])
def test_a_log_of_what_must_be_escaped_costs_no_call_for_each_character(escape, character):
    """By calls, not by a clock: twenty megabytes of them once took half a minute."""
    calls = 0

    def count(frame, event, arg):
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        shown = escape(character * 10_000)
    finally:
        sys.setprofile(None)
    assert shown == character.encode("unicode_escape").decode() * 10_000
    assert calls < 50


@given(st.binary(), st.lists(st.integers(0, 9)))
def test_a_log_in_any_pieces_is_fit_to_be_shown(data, sizes):
    log, shown, at = LogText(), b"", 0
    for size in [*sizes, len(data)]:
        shown += log.feed(data[at : at + size])
        at += size
    text = shown.decode()
    assert all(part.isprintable() for part in text.replace("\t", "\n").split("\n"))


def test_a_log_keeps_what_a_person_reads():
    said = "Größe\t1\r\n12/469 [==>] \x1b[32mok\x1b[0m\r".encode()
    assert LogText().feed(said).decode() == "Größe\t1\n12/469 [==>] \\x1b[32mok\\x1b[0m\n"


def test_markdown_shows_text_and_obeys_none_of_it():
    hostile = "a | b \\| c\n# d <img src=x> ![x](http://y) `z` &lt; mnist_mlp"
    assert markdown_text(hostile) == (
        "a \\| b \\\\\\| c\\\\n# d \\<img src=x\\> !\\[x\\](http://y) \\`z\\` \\&lt; mnist_mlp"
    )


@pytest.mark.parametrize(
    "kinds",
    [
        [0, 1, 2, 3, 4, 5, 6, 0],
        [0, 1, 2, 3, 4, 5, 6, 6],
        [0, 0, 1, 2, 3, 4, 5, 6],
        [0, 1, 2, 3, 6, 4, 5],
        [1, 2, 3, 4, 5, 6],
        [0, 2, 3, 4, 5, 6],
        [0, 1, 3, 4, 5, 6],
        [0, 1, 2, 6],
        [0, 1, 2, 3, 5, 6],
        [0, 1, 2, 3, 4, 4, 5, 6],
        [0, 1, 2, 4, 3, 5, 6],
        [6],
        [],
    ],
)
def test_only_one_order_is_a_job_s(kinds):
    events = [good_event(said) for said in stream()]
    assert wrong_order(list(map(vars, events))) is None
    assert wrong_order([vars(events[number]) for number in kinds])


def compact(value) -> bytes:
    """Return JSON as the store writes it."""
    return json.dumps(value, separators=(",", ":")).encode()


odd_values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.just("NaN"),
    st.lists(st.integers(), max_size=2),
)  # fmt: skip
odd_epochs = st.builds(
    lambda changes: compact({**EPOCH, **changes}),
    st.dictionaries(st.sampled_from([*EPOCH, "at", "more"]), odd_values, max_size=3),
)
odd_lines = st.one_of(
    odd_epochs,
    st.sampled_from([*map(bytes, stream()), b"", b"{}", b'{"event":"epoch"}', b"rubbish"]),
    st.builds(lambda text: b'{"event":"epoch",' + text + b"}", st.binary(max_size=40)),
    st.builds(lambda line, cut: line[:cut], odd_epochs, st.integers(0, 200)),
)


def told(found):
    """Return what was read as values that can be compared: what is not a number is as a text."""
    return [
        (one.text, one.problem) if isinstance(one, BadLine) else one.model_dump_json()
        for one in found
    ]


nested = st.recursive(
    st.one_of(st.text(), st.none(), st.integers(), st.just("v" * 3000)),
    lambda inside: st.one_of(
        st.lists(inside, max_size=3), st.dictionaries(st.text(), inside, max_size=3)
    ),
    max_leaves=8,
)


@given(nested, st.booleans())
def test_json_is_read_escaped(value, is_ascii):
    raw = json.dumps(value, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    try:
        expected = escaped_json(json.loads(raw))
    except ValueError:
        with pytest.raises(ValueError):
            read_json(raw)
    else:
        assert read_json(raw) == expected


@pytest.mark.parametrize("depth", [16, 17, 18, 40])
def test_json_nested_too_deep_is_refused(depth):
    raw = b"[" * depth + b"1" + b"]" * depth
    if depth > MAX_DEPTH:
        with pytest.raises(ValueError, match="nested deeper"):
            read_json(raw)
    else:
        assert read_json(raw) == escaped_json(json.loads(raw))


@given(odd_lines)
def test_a_line_is_read_as_python_reads_json(line):
    try:
        expected = _ADAPTER.validate_python(escaped_json(json.loads(line)))
    except (ValueError, RecursionError):
        assert isinstance(parse_event(line), BadLine)
    else:
        assert told([parse_event(line)]) == told([expected])


@pytest.mark.parametrize("last", ["plain", "\x1b[31m", "v" * 3000, {"deep": [[[[1]]]]}])
def test_wide_json_is_read_escaped(last):
    """As a manifest of many jobs, which are not nested deeply."""
    raw = json.dumps([*[{"job": number, "more": []} for number in range(100)], last]).encode()
    assert read_json(raw) == escaped_json(json.loads(raw))
