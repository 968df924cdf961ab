"""Phases: every second of a job's wall time is in exactly one of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.tables.per_job import job_phases


def events(*gaps, import_seconds=0.0):
    """Return a whole job's events, the gaps between them given, from 100 s on."""
    names = ["start", "data", "model", "epoch", "epoch", "epoch", "limits", "end"]
    at, found = 100.0, []
    for name, gap in zip(names, gaps):
        at += gap
        found.append({"event": name, "at": at, "import_seconds": import_seconds})
        if name == "epoch":
            number = 1 + sum(event["event"] == "epoch" for event in found[:-1])
            found[-1].update(epoch=number, seconds=gap * 0.75)
    return found


def test_each_phase_has_its_gap():
    found = job_phases(100.0, 60.0, events(3, 1, 2, 8, 4, 4, 1, 5, import_seconds=2))
    assert found == {
        "start_seconds": 1, "import_seconds": 2, "data_seconds": 1, "build_seconds": 2,
        "set_up_seconds": 2, "first_epoch_seconds": 6, "later_epochs_seconds": 8,
        "limits_seconds": 1, "test_seconds": 5, "teardown_seconds": 32,
    }  # fmt: skip


def test_the_latency_of_batches_stands_where_another_job_has_its_test():
    said = [*events(3, 1, 2, 8), {"event": "latency", "at": 124.0}, {"event": "end", "at": 125.0}]
    assert said[-3]["event"] == "epoch"
    found = job_phases(100.0, 30.0, said)
    assert (found["test_seconds"], found["teardown_seconds"]) == (125.0 - said[-3]["at"], 5.0)


seconds = st.floats(0, 1000)


@given(st.lists(seconds, min_size=1, max_size=8), seconds)
def test_they_add_up_to_the_wall_time_wherever_the_job_ended(gaps, rest):
    wall = sum(gaps) + rest
    assert sum(job_phases(100.0, wall, events(*gaps)).values()) == pytest.approx(wall, abs=1e-6)


def test_events_without_times_have_no_phases():
    assert job_phases(0.0, 1.0, []) == {}
    assert job_phases(0.0, 1.0, [{"event": "start", "at": None}]) == {}
