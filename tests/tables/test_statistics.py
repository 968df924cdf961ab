"""Intervals that hold what they promise, warnings in words, and repeats until it is narrow."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from launcher_contract import make_job
from runner.errors import UsageError
from runner.plan.rounds import parse_width, rounds_until, shuffled_rounds
from runner.tables.statistics import (
    Seconds,
    median_interval,
    median_ratio,
    steadiness_warnings,
)


def arrays(repeats: Sequence[Sequence[float]]) -> list[Seconds]:
    """Return the seconds of each repeat's epochs as the functions take them."""
    return [np.array(epochs, dtype=float) for epochs in repeats]


def test_the_median_is_over_all_epochs_of_all_repeats():
    found = median_interval(arrays([[1.0, 2.0, 3.0], [2.0, 2.0]]))
    assert found.median == 2.0
    assert found.repeats == 2
    assert found.low <= 2.0 <= found.high


def test_too_few_epochs_have_no_interval():
    assert np.isnan(median_interval(arrays([[1.0], [2.0]])).relative_width)


def test_nothing_measured_has_no_interval():
    assert median_interval([]) is None
    assert median_interval(arrays([[]])) is None


def processes(random, count):
    """Return made-up repeats: processes that differ by 2 %, epochs within them by 1 %."""
    return [
        10 * (1 + 0.02 * random.normal()) * (1 + 0.01 * random.normal(size=8)) for _ in range(count)
    ]


@pytest.mark.parametrize("count", [3, 5, 10])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(count):
    random = np.random.default_rng(7)
    held = 0
    for _ in range(100):
        found = median_interval(processes(random, count))
        held += found.low <= 10 <= found.high
    assert held >= 88


@pytest.mark.parametrize("counts", [(3, 3), (5, 5), (3, 10)])
def test_the_ratio_of_two_holds_the_truth_about_as_often_as_it_says(counts):
    random = np.random.default_rng(7)
    held = 0
    for _ in range(100):
        before, after = (processes(random, count) for count in counts)
        found = median_ratio(before, [1.5 * epochs for epochs in after])
        held += found.low <= 1.5 <= found.high
    assert held >= 90


def test_a_ratio_of_the_sides_exchanged_is_its_inverse():
    random = np.random.default_rng(7)
    before, after = processes(random, 30), processes(random, 30)
    there, back = median_ratio(before, after), median_ratio(after, before)
    assert there.value == pytest.approx(1 / back.value)
    assert there.low == pytest.approx(1 / back.high, rel=0.01)


@pytest.mark.parametrize("few", [[[1.0, 1.0, 1.0]], [[1.0], [1.0]]])
def test_a_ratio_of_too_few_has_no_interval(few):
    less, more = arrays(few), arrays([[2.0] * 3] * 3)
    for found in (median_ratio(less, more), median_ratio(more, less)):
        assert found.value in (0.5, 2.0)
        assert np.isnan(found.low)


def test_a_ratio_of_nothing_or_to_zero_is_none():
    many = arrays([[2.0] * 3] * 3)
    assert median_ratio(many, []) is None
    assert median_ratio(arrays([[0.0] * 3] * 3), many) is None


def test_a_ratio_without_any_spread_is_sure():
    found = median_ratio(arrays([[1.0] * 3] * 3), arrays([[2.0] * 3] * 3))
    assert (found.low, found.value, found.high) == (2.0, 2.0, 2.0)


def test_more_repeats_make_it_narrower():
    random = np.random.default_rng(7)
    few, many = (median_interval(processes(random, count)) for count in (3, 30))
    assert many.relative_width < few.relative_width


@pytest.mark.parametrize(
    ("repeats", "said"),
    [
        ([[1.0, 1.0, 1.0]], "one process"),
        ([[1.0], [1.0]], "fewer than 3 epochs"),
        ([[1.0] * 9 + [2.0], [1.0] * 9], "1 of 19 epochs took over 1.2 times the median"),
        ([[1.0, 1.0, 1.0, 1.5, 1.5, 1.5], [1.0] * 6], "drift by over 5 % in 1 process"),
        ([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]], "the interval is wide"),
    ],
)
def test_what_is_unsteady_is_said(repeats, said):
    measured = arrays(repeats)
    found = median_interval(measured)
    assert any(said in line for line in steadiness_warnings(measured, found))


def test_a_steady_measurement_has_no_warning():
    repeats = arrays([[1.0, 1.01, 0.99] * 2] * 5)
    assert steadiness_warnings(repeats, median_interval(repeats)) == []


def test_rounds_are_interleaved_in_an_order_that_the_seed_decides():
    jobs = [make_job(f"m{n}", repeat=repeat) for repeat in (1, 2) for n in range(8)]
    order = shuffled_rounds(jobs, seed=1)
    assert [job.repeat for job in order] == [1] * 8 + [2] * 8
    assert sorted(order, key=jobs.index) == jobs
    assert order != jobs
    assert order == shuffled_rounds(jobs, seed=1) != shuffled_rounds(jobs, seed=2)
    assert [j.model for j in order[:8]] != [j.model for j in order[8:]]


def rows(job, seconds, status="ok"):
    return pd.DataFrame(
        {
            "run": "r", "job": job.id, "model": job.model, "configuration": job.configuration,
            "backend": job.backend, "device": job.device, "status": status,
            "epoch": range(1, len(seconds) + 1), "seconds": seconds,
        }
    )  # fmt: skip


def repeat_until(behaviour, cap=6):
    """Run ``until`` over two made-up models and return how often each ran, and with what seeds."""
    done: list[pd.DataFrame] = []
    jobs = [make_job("steady"), make_job("shaky")]
    source = rounds_until(jobs, 0.02, cap, 1, lambda: pd.concat(done))
    ran = []
    for job in source:
        ran.append(job)
        done.append(behaviour(job))
    return ran


def test_a_steady_cell_stops_at_two_and_a_shaky_one_at_the_cap():
    def behaviour(job):
        level = 1 + (0.2 * job.repeat if job.model == "shaky" else 0)
        return rows(job, [level] * 4)

    ran = repeat_until(behaviour)
    assert [job.repeat for job in ran if job.model == "steady"] == [1, 2]
    assert [job.repeat for job in ran if job.model == "shaky"] == [1, 2, 3, 4, 5, 6]
    assert [job.seed for job in ran if job.model == "shaky"] == [1, 2, 3, 4, 5, 6]


def test_a_cell_that_failed_is_not_tried_again():
    ran = repeat_until(lambda job: rows(job, [1.0], status="failed"))
    assert len(ran) == 2


def test_until_takes_a_percentage():
    assert parse_width("2%") == parse_width("2") == 0.02
    for text in ("0", "x", "100%", "-1%"):
        with pytest.raises(UsageError, match="no percentage"):
            parse_width(text)


def test_repeats_differ_in_seed_and_name_only():
    first, second = repeat_until(lambda job: rows(job, [1.0] * 4), cap=2)[0::2]
    assert replace(second, repeat=first.repeat, seed=first.seed, model=first.model) == first
