"""Which backend is fastest, in words, and when that cannot be told."""

import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest

from runner.errors import StoreError
from runner.report.answer import answer_lines, effort_text, overall_text, verdict_text
from runner.report.fields import AnswerFields
from runner.tables.columns import COLUMNS
from runner.tables.load import load_runs
from runner.tables.per_cell import summarize
from runner.tables.statistics import CONFIDENCE
from runner.tables.verdicts import (
    LOOKS,
    ObstacleKind,
    OpenReason,
    Terms,
    VerdictKind,
    find_answer,
)
from steady_runs import CELLS, steady_run

THREE = {**CELLS, ("mnist_mlp", "theano"): 4.0}
TWO_MODELS = {**CELLS, ("mnist_cnn", "tensorflow"): 2.0, ("mnist_cnn", "cntk"): 1.0}


def said(tmp_path, cells=CELLS, **changes):
    """Return the verdicts on a run of steady cells."""
    return find_answer(load_runs(steady_run(tmp_path, cells, **changes))).verdicts


def test_the_fastest_is_named_with_its_ratio_and_interval(tmp_path):
    (one,) = said(tmp_path)
    assert (one.model, one.kind, [c.name for c in one.fastest]) == (
        "mnist_mlp",
        "fastest",
        ["tensorflow"],
    )
    found = re.fullmatch(
        r"tensorflow fastest, 2\.00 \((.*) to (.*)\) times as fast as cntk", verdict_text(one)
    )
    assert 1.9 < float(found[1]) < 2 < float(found[2]) < 2.1


def test_several_are_each_set_against_the_fastest(tmp_path):
    (one,) = said(tmp_path, THREE)
    assert one.kind is VerdictKind.FASTEST
    assert verdict_text(one).count("times as fast as") == 2


def test_what_differs_by_less_than_matters_is_the_same(tmp_path):
    (one,) = said(tmp_path, {**CELLS, ("mnist_mlp", "cntk"): 1.005})
    assert one.kind is VerdictKind.SAME
    assert verdict_text(one) == "tensorflow and cntk the same within 3 %"


def test_the_two_leaders_are_the_same_and_a_third_is_slower(tmp_path):
    (one,) = said(tmp_path, {**THREE, ("mnist_mlp", "cntk"): 1.001})
    assert verdict_text(one).startswith(
        "tensorflow and cntk the same within 3 %; tensorflow 4.00 ("
    )


def test_one_process_cannot_tell_and_says_what_would(tmp_path):
    (one,) = said(tmp_path, repeats=1)
    assert one.kind is VerdictKind.CANNOT_TELL
    assert one.reason is OpenReason.NOT_COMPARED
    assert {c.obstacle.kind for c in one.contenders} == {ObstacleKind.ONE_PROCESS}
    assert verdict_text(one) == "cannot tell (cntk and tensorflow: one process); --repeats 3 would"


def test_an_interval_that_holds_one_says_how_many_repeats_may_tell(tmp_path):
    (one,) = said(tmp_path, {**CELLS, ("mnist_mlp", "cntk"): 1.02}, repeats=2)
    assert one.kind is VerdictKind.CANNOT_TELL
    (pair,) = one.pairs
    assert one.reason is OpenReason.INTERVAL
    assert pair.needed > 2
    assert re.search(
        r"cannot tell: tensorflow 1\.02 \(.*\) times .*; --repeats \d+ may", verdict_text(one)
    )


def test_what_is_told_of_a_third_stands_beside_what_is_not_told_of_two(tmp_path):
    (one,) = said(tmp_path, {**THREE, ("mnist_mlp", "cntk"): 1.02}, repeats=3)
    assert one.kind is VerdictKind.CANNOT_TELL
    assert re.search(
        r"^cannot tell: .* as fast as cntk.*; tensorflow 4.* as theano$", verdict_text(one)
    )


def test_over_all_models_it_is_said_when_it_cannot_be_told(tmp_path):
    even = {("mnist_mlp", "tensorflow"): 1.0, ("mnist_mlp", "cntk"): 2.0,
            ("mnist_cnn", "tensorflow"): 2.0, ("mnist_cnn", "cntk"): 1.026}  # fmt: skip
    (found,) = find_answer(load_runs(steady_run(tmp_path, even, repeats=2))).overall
    assert found.kind is VerdictKind.CANNOT_TELL
    assert "(geometric mean): cannot tell: " in overall_text(found)


def test_a_disturbed_cell_gets_no_verdict(tmp_path):
    load = {"foreign_load": 0.9, "samples": 10}
    (one,) = said(tmp_path, telemetry=load)
    assert one.kind is VerdictKind.CANNOT_TELL
    assert "other processes used the CPU (in 5 of 5 jobs)" in verdict_text(one)
    warned = summarize(load_runs(steady_run(tmp_path, telemetry=load)))["warnings"]
    assert warned.str.contains("other processes used the CPU").all()


@pytest.mark.parametrize(
    ("telemetry", "unknown"),
    [
        ({"foreign_load": None, "samples": 10}, "the load of others"),
        ({"foreign_load": 0.0, "samples": 2}, "the load of others"),
        ({"foreign_load": 0.0, "samples": 3}, None),
        ({"gpu_utilization": 90.0, "exclusive": "not known", "throttle": "none"},
         "whether others used the card"),
        ({"gpu_utilization": 90.0, "exclusive": "yes", "throttle": None},
         "whether the card was slowed down"),
        ({"gpu_utilization": 90.0, "exclusive": "yes", "throttle": "none"}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_what_could_not_be_observed_is_in_the_row_and_in_the_verdicts_reason(
    tmp_path, telemetry, unknown
):
    table = load_runs(steady_run(tmp_path, telemetry=telemetry))
    assert set(table["unobserved"].dropna()) == ({unknown} if unknown else set())
    (one,) = find_answer(table).verdicts
    assert one.kind is VerdictKind.FASTEST
    words = f"; not known: {unknown} (in 5 of 5 jobs): cntk and tensorflow"
    assert verdict_text(one).endswith(words) == (unknown is not None)
    assert AnswerFields.of(find_answer(table)).verdicts[0].contenders[0].unobserved == (
        f"{unknown} (in 5 of 5 jobs)" if unknown else None
    )


def test_a_disturbed_process_is_left_out_where_two_others_were_not(tmp_path):
    table = load_runs(steady_run(tmp_path))
    first = (table["repeat"] == 1) & (table["backend"] == "cntk")
    table.loc[first, "seconds"] *= 6
    table.loc[first, "disturbance"] = "other processes used the CPU"
    (one,) = find_answer(table).verdicts
    assert verdict_text(one).startswith("tensorflow fastest, 2.0")
    cell = summarize(table).set_index("backend").loc["cntk"]
    assert (cell["repeats"], cell["seconds_per_epoch"]) == (4, pytest.approx(2.0, rel=0.01))
    assert cell["warnings"].startswith("left out: other processes used the CPU (in 1 of 5 jobs)")
    assert pd.isna(cell["disturbance"])


def test_what_repeating_all_cells_alike_would_have_taken_is_said(tmp_path):
    table = load_runs(steady_run(tmp_path, TWO_MODELS, wall_seconds=60.0))
    assert find_answer(table).effort is None
    table["looks"] = 5
    few = table[(table["model"] == "mnist_mlp") | (table["repeat"] <= 2)]
    effort = find_answer(few).effort
    assert (effort.seconds, effort.processes, effort.alike_seconds) == (840.0, 5, 1200.0)
    assert effort_text(effort) == (
        "the jobs took 14:00; repeating every cell 5 times, as often as the one that needed most, "
        "would have taken 20:00"
    )


@pytest.mark.parametrize(
    "telemetry",
    [
        {"foreign_load": 0.9, "samples": 2},
        {"foreign_load": 0.1, "samples": 10},
        {"foreign_load": None, "samples": 10},
        {"throttle": "none", "samples": 10},
        {"throttle": "power cap", "samples": 10},
    ],
)
def test_what_is_usual_disturbs_nothing(tmp_path, telemetry):
    (one,) = said(tmp_path, telemetry=telemetry)
    assert one.kind is VerdictKind.FASTEST


def test_a_failed_backend_is_named_beside_the_others(tmp_path):
    (one,) = said(tmp_path, {**THREE, ("mnist_mlp", "theano"): 0})
    assert one.kind is VerdictKind.FASTEST
    assert verdict_text(one).endswith("; not compared: theano: failed")


def test_a_single_backend_has_no_verdict(tmp_path):
    assert said(tmp_path, {("mnist_mlp", "tensorflow"): 1.0}) == ()


def test_cells_of_other_work_or_other_keras_are_not_compared(tmp_path):
    table = load_runs(steady_run(tmp_path))
    is_cntk = table["backend"] == "cntk"
    for column, value in (
        ("samples", 7), ("threads", "9"), ("keras_version", "3.15.1"), ("device_name", "another"),
    ):  # fmt: skip
        other = table.copy()
        other.loc[is_cntk, column] = value
        (verdict,) = find_answer(other).verdicts
        assert verdict.kind is VerdictKind.NOT_COMPARABLE, column
        text = verdict_text(verdict)
        assert text.startswith(("not comparable (cntk: ", "not comparable (tensorflow: "))
        kinds = [one.obstacle.kind for one in verdict.contenders if one.obstacle]
        assert kinds == [ObstacleKind.OTHER_WORK]
        assert not verdict.pairs


def test_the_models_together_have_a_line(tmp_path):
    table = load_runs(steady_run(tmp_path, {**TWO_MODELS, ("mnist_cnn", "cntk"): 8.0}))
    found = find_answer(table)
    (over,) = found.overall
    line = overall_text(over)
    assert re.fullmatch(
        r"over 2 models \(geometric mean\): tensorflow 2\.83 \(.*\) times as fast as cntk; "
        "tensorflow is fastest in 2 of them",
        line,
    )
    assert answer_lines(found)[-1] == line
    assert (over.kind, over.first, over.models, over.asked) == ("fastest", "tensorflow", 2, 2)
    assert (over.fastest_in, over.same_in, over.open_in) == (2, 0, 0)
    (mean,) = over.ratios
    assert (mean.slow, mean.relation, mean.processes) == ("cntk", "faster", 5)
    assert mean.ratio.low < 2.83 < mean.ratio.high
    cell = ("tf-cntk-k208", "tensorflow", "cpu", "", "", "")
    assert found.fastest == {(model, *cell) for model in table["model"]}


def test_looks_at_the_data_widen_what_is_said(tmp_path):
    table = load_runs(steady_run(tmp_path))
    (once,) = find_answer(table).verdicts
    (often,) = find_answer(table.assign(looks=6)).verdicts
    assert often.pairs[0].ratio.high > once.pairs[0].ratio.high


def test_where_the_time_ended_the_error_of_all_further_looks_is_spent():
    looking = Terms(looks=len(LOOKS), pairs=2)
    spent = [1 - looking.confidence(look) for look in LOOKS]
    assert sum(spent) == pytest.approx((1 - CONFIDENCE) / 2)
    # No look is at 4 processes: it is the last, after the one at 3.
    assert 1 - looking.confidence(4) == pytest.approx(sum(spent[1:]))
    assert looking.confidence(2) == Terms(pairs=2).confidence(2)


def test_a_run_counts_once_by_whatever_name(tmp_path):
    run = steady_run(tmp_path / "runs", repeats=2)
    (tmp_path / "runs" / "latest").symlink_to(run)
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    once = load_runs(run)
    pd.testing.assert_frame_equal(load_runs(run, tmp_path / "runs" / "latest", copy), once)


def called(folder, name, began):
    """Move a made run to a folder, under a name, and let it have begun then."""
    run = steady_run(folder.parent, repeats=2).rename(folder)
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps({**manifest, "run": name, "started": began}))
    return run


def test_runs_of_one_name_are_called_by_their_folders_too(tmp_path):
    """As artifacts of CI are, each in a folder of its own."""
    for side in "abc":
        (tmp_path / side).mkdir()
    runs = [
        called(tmp_path / side / "candidate", name, f"2026-01-0{day}T00:00:00+00:00")
        for day, (side, name) in enumerate(zip("abc", ("candidate", "candidate", "other")), 1)
    ]
    table = load_runs(*runs)
    assert list(table["run"].unique()) == ["a.candidate", "b.candidate", "other"]
    assert set(load_runs(runs[0])["run"]) == {"candidate"}


def test_runs_that_their_folders_do_not_tell_apart_are_refused(tmp_path):
    for side in "xy":
        (tmp_path / side / "same").mkdir(parents=True)
    one, other = (
        called(tmp_path / side / "same" / "before", "before", f"2026-01-0{day}T00:00:00+00:00")
        for day, side in enumerate("xy", 1)
    )
    with pytest.raises(StoreError, match="in folders with the same name: rename a folder"):
        load_runs(one, other)


def test_runs_of_the_same_work_are_repeats_of_each_other(tmp_path):
    table = load_runs(steady_run(tmp_path, repeats=1), steady_run(tmp_path, repeats=1))
    assert set(table["variant"]) == {""}
    assert summarize(table)["repeats"].tolist() == [2, 2]


@pytest.mark.parametrize(
    "changes",
    [
        {"job": {"threads": 7}},
        {"events": {"start": {"versions": {"keras": "2.0.8", "tensorflow": "9", "cntk": "9"}}}},
    ],
)
def test_runs_of_other_work_are_columns_of_their_own(tmp_path, changes):
    runs = [steady_run(tmp_path), steady_run(tmp_path, **changes)]
    table = load_runs(*runs)
    assert set(table["variant"]) == {run.name for run in runs}
    assert len(summarize(table)) == 2 * len(CELLS)


def test_runs_of_other_sizes_are_not_pooled(tmp_path):
    table = pd.concat([load_runs(steady_run(tmp_path)) for _ in range(2)], ignore_index=True)
    second = table["run"] == table["run"].unique()[1]
    table.loc[second, "samples"] = table.loc[second, "samples"] * 2
    assert len(summarize(table)) == 2 * len(CELLS)


def simulated(random, ratio, processes=3):
    """Return a table of two backends, whose true seconds have this ratio."""
    parts = []
    for backend, level in (("jax", 1.0), ("tensorflow", ratio)):
        for repeat in range(1, processes + 1):
            seconds = level * np.exp(0.02 * random.normal() + 0.01 * random.normal(size=6))
            parts.append(
                pd.DataFrame(
                    {
                        "run": "r",
                        "job": f"{backend}{repeat}",
                        "configuration": "k3",
                        "model": "m",
                        "backend": backend,
                        "device": "cpu",
                        "status": "ok",
                        "keras_version": "3.15",
                        "epoch": range(1, 7),
                        "seconds": seconds,
                        "samples": 10,
                        "device_name": "c",
                    }
                )
            )
    table = pd.concat(parts, ignore_index=True)
    return table.reindex(columns=list(COLUMNS)).astype(COLUMNS)


@pytest.mark.parametrize("ratio", [1.0, 1.035, 1.2])
def test_a_verdict_is_seldom_wrong(ratio):
    random = np.random.default_rng(5)
    wrong = 0
    for _ in range(60):
        (found,) = find_answer(simulated(random, ratio)).verdicts
        is_wrongly_first = found.kind is VerdictKind.FASTEST and (
            ratio == 1 or found.fastest[0].name != "jax"
        )
        wrong += is_wrongly_first or (found.kind is VerdictKind.SAME and ratio > 1.03)
    assert wrong <= 0.1 * 60  # benchmarks/budget.py counts closely
