"""Two measurements beside each other: what differs, a verdict per cell, and the guard."""

import pytest

from runner.report.compare_text import reason_text
from runner.report.guard import objection_text
from runner.tables.between_runs import (
    NOT_RECORDED,
    CellReason,
    CellVerdict,
    accuracy_falls,
    compare_tables,
    judge_cells,
)
from runner.tables.guard import GuardReason
from runner.tables.load import load_runs
from steady_runs import CELLS, steady_run

FAST = ("mnist_mlp", "tensorflow")


@pytest.fixture
def beside(tmp_path):
    """Return what comes of setting a run with some changes beside the plain one."""

    def made(cells=CELLS, base=CELLS, a=None, **changes):
        folders = [
            steady_run(tmp_path, base, **(a or {})),
            steady_run(tmp_path, cells, **changes),
        ]
        return compare_tables(*map(load_runs, folders))

    return made


def cell(found, model="mnist_mlp", backend="tensorflow"):
    cells = found.cells
    return cells[(cells["model"] == model) & (cells["backend"] == backend)].iloc[0]


def differing(found):
    rows = found.differences
    return {(row["column"], row["a"], row["b"]) for _, row in rows.iterrows()}


def test_the_same_again_is_the_same(beside):
    found = beside()
    assert set(found.cells["verdict"]) == {CellVerdict.SAME}
    assert found.differences.empty
    assert judge_cells(found.cells, 0.05).passed


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [(1.2, CellVerdict.SLOWER), (0.8, CellVerdict.FASTER), (1.001, CellVerdict.SAME)],
)
def test_a_ratio_off_one_with_its_whole_interval_decides(beside, seconds, verdict):
    one = cell(beside({**CELLS, FAST: seconds}))
    assert one["verdict"] == verdict
    assert one["ratio"] == pytest.approx(seconds, rel=0.01)
    assert one["ratio_low"] < one["ratio"] < one["ratio_high"]


@pytest.mark.parametrize(
    ("b", "why"),
    [({"repeats": 1}, "one process"), ({"cells": {FAST: 1.0}, "repeats": 1}, "one process")],
)
def test_one_process_gives_no_verdict(beside, b, why):
    found = beside(**b)
    one = cell(found)
    assert (one["verdict"], one["ratio"]) == (CellVerdict.UNKNOWN, pytest.approx(1, rel=0.02))
    assert one["reason"] == why
    assert why in reason_text(one, found.differences)
    guard = judge_cells(found.cells, 0.05)
    assert not guard.passed
    assert "nothing could be judged" in objection_text(guard.failures[-1])


def test_a_cell_of_one_side_only_is_named_so(beside):
    found = beside({FAST: 1.0, ("babi_rnn", "cntk"): 1.0})
    verdicts = {(c["model"], c["backend"]): c["verdict"] for _, c in found.cells.iterrows()}
    assert verdicts == {
        ("mnist_mlp", "tensorflow"): CellVerdict.SAME,
        ("mnist_mlp", "cntk"): CellVerdict.ONLY_A,
        ("babi_rnn", "cntk"): CellVerdict.ONLY_B,
    }
    guard = judge_cells(found.cells, 0.05)
    assert [one.reason for one in guard.failures] == [GuardReason.MISSING]
    assert [objection_text(one) for one in guard.failures] == ["ok in A, missing in B"]


def test_a_cell_that_failed_says_why_and_fails_the_guard(beside):
    found = beside({**CELLS, FAST: 0})
    one = cell(found)
    assert (one["verdict"], one["reason"]) == (CellVerdict.NOT_OK, "status")
    assert reason_text(one, found.differences) == "ok in A, failed in B: exit code 1"
    assert not judge_cells(found.cells, 0.05).passed


def test_what_was_not_ok_before_cannot_fail_the_guard(beside):
    for now in (0, 1.0):
        found = beside({**CELLS, FAST: now}, base={**CELLS, FAST: 0})
        assert cell(found)["verdict"] == CellVerdict.NOT_OK
        assert judge_cells(found.cells, 0.05).passed


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"events": {"start": {"device": {"type": "cpu", "name": "another"}}}}, "device: a proc"),
        ({"job": {"threads": 4}}, "threads: 2 in A, 4 in B"),
        ({"job": {"threads": "framework"}}, "threads: 2 in A, framework in B"),
        ({"events": {"data": {"source": "real"}}}, "data source: synthetic in A, real in B"),
        ({"events": {"epoch": {"samples": 16}}}, "samples: 8 in A, 16 in B"),
        ({"events": {"model": {"hyperparameters": {"batch_size": 1}}}}, "batch size: 128 in A"),
        ({"job": {"recurrent_activation": "hard_sigmoid"}}, "recurrent activation: sigmoid in A"),
    ],
)
def test_other_work_or_another_machine_is_not_compared(beside, changes, why):
    found = beside({**CELLS, FAST: 2.0}, **changes)
    one = cell(found)
    assert (one["verdict"], one["reason"]) == (CellVerdict.NOT_COMPARABLE, CellReason.WORK)
    assert why in reason_text(one, found.differences)
    assert not judge_cells(found.cells, 0.05).passed


@pytest.mark.parametrize(
    ("changes", "column", "values"),
    [
        ({"commit": "b" * 40}, "git_commit", ("a" * 40, "b" * 40)),
        ({"driver": "580.1"}, "driver", (NOT_RECORDED, "580.1")),
        ({"launcher": "local"}, "launcher", ("scripted", "local")),
        (
            {"identity": {"image_digest": "sha256:new", "lock_sha256": "1" * 64}},
            "image_digest",
            ("sha256:tf-cntk-k208", "sha256:new"),
        ),
        ({"events": {"end": {"fused_kernels": ["LSTM by cuDNN"]}}}, "fused_kernels",
         (NOT_RECORDED, "LSTM by cuDNN")),
        ({"events": {"start": {"versions": {"keras": "2.0.9"}}}}, "keras_version",
         ("2.0.8", "2.0.9")),
    ],
)  # fmt: skip
def test_what_may_be_compared_is_told_and_compared(beside, changes, column, values):
    found = beside(**changes)
    assert (column, *values) in differing(found)
    assert set(found.cells["verdict"]) == {CellVerdict.SAME}


LOADED = {"telemetry": {"foreign_load": 1.9, "samples": 20}}


def test_a_disturbed_side_is_named_and_gets_no_verdict(beside):
    said = "other processes used the CPU (in 5 of 5 jobs)"
    for sides, why in (
        ({"b": LOADED}, f"in B: {said}"),
        ({"a": LOADED}, f"in A: {said}"),
        ({"a": LOADED, "b": LOADED}, f"in A: {said}; in B: {said}"),
    ):
        found = beside({**CELLS, FAST: 6.3}, a=sides.get("a"), **sides.get("b", {}))
        one = cell(found)
        assert (one["verdict"], one["reason"]) == (CellVerdict.CANNOT_TELL, CellReason.DISTURBED)
        assert reason_text(one, found.differences) == why
        assert one["ratio"] == pytest.approx(6.3, rel=0.02)
        guard = judge_cells(found.cells, 0.05)
        assert "nothing could be judged" in objection_text(guard.failures[-1])


def test_made_data_differs_with_the_seed_and_not_with_the_number_of_repeats(beside):
    assert beside(repeats=3).differences.empty
    found = beside(events={"data": {"sha256": "1" * 64}})
    assert ("data_sha256", "0" * 64, "1" * 64) in differing(found)


def test_a_renamed_configuration_is_matched_by_backend(beside):
    found = beside(configuration="tf-cntk-next")
    assert set(found.cells["configuration"]) == {"tf-cntk-k208 -> tf-cntk-next"}
    assert set(found.cells["verdict"]) == {CellVerdict.SAME}


def test_the_guard_allows_what_the_threshold_allows(beside):
    found = beside({**CELLS, FAST: 1.2})
    assert judge_cells(found.cells, 0.3).passed
    guard = judge_cells(found.cells, 0.05)
    assert [one.cell for one in guard.failures] == ["mnist_mlp tf-cntk-k208/tensorflow (cpu)"]
    (one,) = guard.failures
    assert one.reason is GuardReason.SLOWER
    low, high = (float(str(one.values[end])) for end in ("low", "high"))
    assert one.values["allowed"] == 1.05
    assert 1.05 < low < 1.2 < high
    assert "1.05 is allowed" in objection_text(one)


def test_an_interval_across_the_threshold_passes_aloud(beside):
    guard = judge_cells(beside({**CELLS, FAST: 1.05}).cells, 0.05)
    assert guard.passed
    assert [one.reason for one in guard.undecided] == [GuardReason.REACHES_OVER]
    assert "more repeats would tell" in objection_text(guard.undecided[0])


def test_a_fall_of_accuracy_is_told_and_does_not_fail(beside):
    worse = {"epoch": {"val_accuracy": 0.8}}
    found = beside(events=worse)
    assert {(fall.a, fall.b) for fall in accuracy_falls(found)} == {(0.9, 0.8)}
    assert judge_cells(found.cells, 0.05).passed
