"""The event of what bounds a job's speed, and the time that every event carries."""

import json

import pytest

from runner.store.events import BadLine, LimitsEvent, parse_event

LIMITS = {
    "event": "limits", "schema": 1, "at": 1.5e9, "flops_per_sample_forward": 1337344,
    "flops_per_sample_training": 4012032, "steps_per_epoch": 469, "peak_flops_per_second": 5e10,
    "matmul_size": 2048, "input_seconds_per_epoch": 0.5, "input_batches": 50, "seconds": 1.2,
}  # fmt: skip
END = {
    "event": "end", "schema": 1, "test_loss": 1.0, "test_accuracy": 0.5, "test_seconds": 0.1,
    "peak_memory_bytes": 1,
}  # fmt: skip
OPTIONAL = (
    "flops_per_sample_forward",
    "flops_per_sample_training",
    "peak_flops_per_second",
    "matmul_size",
    "input_seconds_per_epoch",
    "input_batches",
)


def line(event, **changes) -> bytes:
    return json.dumps({**event, **changes}).encode()


def test_limits_are_read():
    event = parse_event(line(LIMITS))
    assert isinstance(event, LimitsEvent)
    assert (event.at, event.peak_flops_per_second) == (1.5e9, 5e10)


@pytest.mark.parametrize("name", OPTIONAL)
def test_what_could_not_be_had_is_null(name):
    assert getattr(parse_event(line(LIMITS, **{name: None})), name) is None


@pytest.mark.parametrize("name", [*OPTIONAL, "steps_per_epoch", "seconds", "at"])
@pytest.mark.parametrize("value", [-1, "NaN", "Infinity"])
def test_a_limit_is_a_number_that_can_be(name, value):
    bad = parse_event(line(LIMITS, **{name: value}))
    assert isinstance(bad, BadLine)
    assert name in bad.problem


def test_an_older_stream_without_times_stays_valid():
    event = parse_event(line(END))
    assert not isinstance(event, BadLine)
    assert event.at is None
