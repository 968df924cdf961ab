"""The event reader: whatever comes, checked events or named bad lines, and nothing else."""

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from runner.events import MAX_LINE_BYTES, BadLine, EpochEvent, LineReader, parse

EPOCH = {
    "event": "epoch", "schema": 1, "epoch": 1, "seconds": 0.5, "samples": 10, "loss": 1.0,
    "accuracy": 0.5, "val_loss": 1.0, "val_accuracy": 0.5,
}  # fmt: skip


def line(**changes) -> bytes:
    return json.dumps({**EPOCH, **changes}).encode() + b"\n"


def read(data: bytes, sizes: list[int]) -> list:
    reader, items, at = LineReader(), [], 0
    for size in [*sizes, len(data)]:
        items += reader.feed(data[at : at + size])
        at += size
    return items + list(reader.close())


def test_an_epoch_is_read():
    event = parse(line())
    assert isinstance(event, EpochEvent)
    assert (event.epoch, event.seconds) == (1, 0.5)


def test_a_nan_loss_survives_the_way_to_the_disk_and_back():
    event = parse(line(loss="NaN", val_loss="Infinity"))
    assert math.isnan(event.loss)
    again = parse(event.model_dump_json(by_alias=True).encode())
    assert math.isnan(again.loss)
    assert again.val_loss == math.inf


def test_what_is_wrong_is_named():
    assert "seconds" in parse(line(seconds=-1)).problem
    assert "seconds" in parse(line(seconds="NaN")).problem
    assert "schema" in parse(line(schema=2)).problem
    assert "not JSON" in parse(b"Using TensorFlow backend.").problem
    assert isinstance(parse(line(event="other")), BadLine)
    assert isinstance(parse(b"[" * 100_000), BadLine)


def test_half_a_character_is_a_bad_line_because_no_file_could_keep_it():
    assert isinstance(parse(line(extra="\ud800")), BadLine)
    assert isinstance(parse(line(**{"\udfff": 1})), BadLine)
    whole = parse(line(extra="\U0001f600"))
    assert isinstance(whole, EpochEvent)
    assert whole.model_dump_json(by_alias=True)


def test_control_characters_are_escaped():
    bad = parse(b"\x1b[2J\x07")
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


@given(st.dictionaries(st.sampled_from([*EPOCH, "other"]), json_values))
def test_no_object_breaks_the_reader(changes):
    parse(json.dumps({**EPOCH, **changes}).encode())
