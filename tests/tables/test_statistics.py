"""Intervals that hold what they promise, warnings in words, and repeats until it is narrow."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import special, stats

from launcher_contract import make_job
from runner.errors import UsageError
from runner.plan.rounds import parse_width, rounds_until, shuffled_rounds
from runner.tables.statistics import (
    Seconds,
    beta_part,
    cell_interval,
    cell_ratio,
    mean_ratio,
    processes_for,
    steadiness_warnings,
    student_quantile,
)


def arrays(repeats: Sequence[Sequence[float]]) -> list[Seconds]:
    """Return the seconds of each repeat's epochs as the functions take them."""
    return [np.array(epochs, dtype=float) for epochs in repeats]


@given(st.floats(0.5, 1e5), st.floats(0.6, 1 - 1e-9))
@example(1.0, 0.975)
@example(1e5, 0.6)
def test_quantiles_are_students(freedom, probability):
    expected = special.stdtrit(freedom, probability)
    assert student_quantile(freedom, probability) == pytest.approx(expected, rel=1e-8)


@given(st.floats(0.3, 1e4), st.floats(0.3, 50), st.floats(0, 1))
def test_the_incomplete_beta_function_is_the_known_one(a, b, x):
    expected = special.betainc(a, b, x)
    assert beta_part(a, b, x) == pytest.approx(expected, rel=1e-8, abs=1e-12)


def test_each_process_counts_once_with_its_median():
    found = cell_interval(arrays([[1.0, 2.0, 3.0, 2.0], [8.0]]))
    assert found.seconds == pytest.approx(4.0)
    assert found.repeats == 2
    assert found.low < 4.0 < found.high


def test_the_interval_is_students():
    """A worked example: logarithms 0, 1 and 2 have the mean 1 and the standard deviation 1."""
    found = cell_interval(arrays([[np.exp(x)] for x in (0, 1, 2)]))
    half = 4.302653 / np.sqrt(3)
    assert np.log(found.low) == pytest.approx(1 - half, abs=1e-6)
    assert np.log(found.high) == pytest.approx(1 + half, abs=1e-6)


def test_the_ratio_has_welchs_degrees_of_freedom():
    """A worked example: variances 1/3 and 4/2 of the means give 2.307692 degrees of freedom."""
    before = arrays([[np.exp(x)] for x in (0, 1, 2)])
    after = arrays([[np.exp(x)] for x in (3 - np.sqrt(2), 3 + np.sqrt(2))])
    found = cell_ratio(before, after)
    total = 1 / 3 + 2
    freedom = total**2 / ((1 / 3) ** 2 / 2 + 2**2 / 1)
    half = stats.t.ppf(0.975, freedom) * np.sqrt(total)
    assert freedom == pytest.approx(1.342466, abs=1e-6)
    assert np.log(found.high) - np.log(found.value) == pytest.approx(half)
    assert found.value == pytest.approx(np.exp(2))


@pytest.mark.parametrize("epochs", [1, 3, 4, 40])
def test_one_process_has_no_interval(epochs):
    found = cell_interval([np.linspace(1, 2, epochs)])
    assert np.isnan(found.low)
    assert np.isnan(found.high)


def test_the_mean_ratio_of_several_pairs_is_geometric():
    pairs = [(arrays([[1.0]] * 3), arrays([[2.0]] * 3)), (arrays([[1.0]] * 3), arrays([[8.0]] * 3))]
    found = mean_ratio(pairs)
    assert (found.low, found.value, found.high) == pytest.approx((4.0, 4.0, 4.0))
    assert mean_ratio([]) is None
    assert mean_ratio([*pairs, (arrays([[1.0]]), [])]) is None


def test_the_mean_ratio_holds_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(7)
    held = 0
    for _ in range(200):
        pairs = [
            (processes(random, 3), [ratio * one for one in processes(random, 3)])
            for ratio in (0.5, 2.0, 8.0)
        ]
        found = mean_ratio(pairs)
        held += found.low <= 2.0 <= found.high
    assert held >= 184


def test_more_processes_are_asked_for_where_they_vary_more():
    calm, wild = (arrays([[1.0], [1 + by], [1 - by]]) for by in (0.01, 0.1))
    few = processes_for(calm, calm, half=0.05, confidence=0.95)
    many = processes_for(wild, wild, half=0.05, confidence=0.95)
    assert 3 <= few < many
    assert processes_for(calm, arrays([[1.0]]), half=0.05, confidence=0.95) is None
    assert processes_for(wild, wild, half=1e-6, confidence=0.95) is None


def test_nothing_measured_has_no_interval():
    assert cell_interval([]) is None
    assert cell_interval(arrays([[]])) is None


def processes(random, count):
    """Return made-up repeats: processes that differ by 2 %, epochs within them by 1 %."""
    return [
        10 * (1 + 0.02 * random.normal()) * (1 + 0.01 * random.normal(size=8)) for _ in range(count)
    ]


@pytest.mark.parametrize("count", [2, 3, 5, 10])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(count):
    random = np.random.default_rng(7)
    held = 0
    for _ in range(200):
        found = cell_interval(processes(random, count))
        held += found.low <= 10 <= found.high
    assert held >= 184


@pytest.mark.parametrize("counts", [(2, 2), (3, 3), (5, 5), (3, 6)])
def test_the_ratio_of_two_holds_the_truth_about_as_often_as_it_says(counts):
    random = np.random.default_rng(7)
    held = 0
    for _ in range(200):
        before, after = (processes(random, count) for count in counts)
        found = cell_ratio(before, [1.5 * epochs for epochs in after])
        held += found.low <= 1.5 <= found.high
    assert held >= 184


def test_a_ratio_of_the_sides_exchanged_is_its_inverse():
    random = np.random.default_rng(7)
    before, after = processes(random, 30), processes(random, 30)
    there, back = cell_ratio(before, after), cell_ratio(after, before)
    assert there.value == pytest.approx(1 / back.value)
    assert there.low == pytest.approx(1 / back.high, rel=0.01)


def test_a_ratio_with_one_process_on_a_side_has_no_interval():
    less, more = arrays([[1.0, 1.0, 1.0]]), arrays([[2.0] * 3] * 3)
    for found in (cell_ratio(less, more), cell_ratio(more, less)):
        assert found.value in (0.5, 2.0)
        assert np.isnan(found.low)


def test_a_ratio_of_nothing_or_to_zero_is_none():
    many = arrays([[2.0] * 3] * 3)
    assert cell_ratio(many, []) is None
    assert cell_ratio(arrays([[0.0] * 3] * 3), many) is None


def test_a_ratio_without_any_spread_is_sure():
    found = cell_ratio(arrays([[1.0] * 3] * 3), arrays([[2.0] * 3] * 3))
    assert (found.low, found.value, found.high) == pytest.approx((2.0, 2.0, 2.0))


def test_more_repeats_make_it_narrower():
    random = np.random.default_rng(7)
    few, many = (cell_interval(processes(random, count)) for count in (3, 30))
    assert many.relative_width < few.relative_width


@pytest.mark.parametrize(
    ("repeats", "said"),
    [
        ([[1.0, 1.0, 1.0]], "one process"),
        ([[1.0], [1.0]], "fewer than 3 epochs"),
        ([[1.0] * 9 + [2.0], [1.0] * 9], "epochs took over 1.2 times the median (1 of 19)"),
        ([[1.0, 1.0, 1.0, 1.5, 1.5, 1.5], [1.0] * 6], "drift by over 5 % (in 1 of 2 processes)"),
        ([[1.0, 1.0, 1.0], [1.05, 1.05, 1.05], [1.0] * 3], "the interval is wide (+-7 %)"),
        ([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]], "2 processes are too few to tell"),
    ],
)
def test_what_is_unsteady_is_said(repeats, said):
    measured = arrays(repeats)
    found = cell_interval(measured)
    assert any(said in line for line in steadiness_warnings(measured, found))


def test_a_steady_measurement_has_no_warning():
    repeats = arrays([[1.0, 1.01, 0.99] * 2] * 5)
    assert steadiness_warnings(repeats, cell_interval(repeats)) == []


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
            "backend": job.backend, "device": job.device, "settings": "", "status": status,
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
