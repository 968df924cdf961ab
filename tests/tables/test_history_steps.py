"""Steps in a series: those planted are found where they are, and none where there is none."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from made_history import noisy
from runner.tables.history.steps import FEWEST_RUNS, find_steps

PLANTED = {8: 0.05, 16: 0.10, 23: 0.30}


def firsts(seconds):
    return [step.first for step in find_steps(seconds).steps]


def test_without_a_step_at_most_one_is_found_in_a_hundred_histories():
    assert sum(bool(firsts(noisy(30, seed=seed))) for seed in range(100)) <= 1


def test_steps_above_the_stated_sensitivity_are_found_and_their_runs_named():
    named = above = 0
    for seed in range(100):
        found = find_steps(noisy(30, PLANTED, seed))
        expected = {run for run, size in PLANTED.items() if size > found.sensitivity}
        above += len(expected)
        named += len(expected & {step.first for step in found.steps})
    # Two steps of each history, but for the few that state a sensitivity above 10 %.
    assert above > 150
    assert named / above >= 0.95


def test_what_is_planted_beside_other_steps_adds_no_false_ones():
    found = [len(firsts(noisy(30, PLANTED, seed))) for seed in range(100)]
    assert max(found) == 3


def test_a_steps_size_and_place_are_told_with_how_sure_they_are():
    held = sized = 0
    for seed in range(100):
        [*_, step] = find_steps(noisy(30, {15: 0.12}, seed)).steps
        held += step.earliest <= 15 <= step.latest
        sized += step.ratio.low <= 1.12 <= step.ratio.high
        assert step.earliest <= step.first <= step.latest
    assert held >= 93
    assert sized >= 90


def test_a_step_that_is_undone_is_two_steps():
    [up, down] = find_steps(noisy(30, {12: 0.25, 18: -0.2}, 3)).steps
    assert (up.first, down.first) == (12, 18)
    assert up.ratio.value > 1.2
    assert down.ratio.value < 0.85


def test_steps_that_undo_each_other_are_found_though_one_alone_explains_little():
    up_and_down = {8: 0.12, 16: -0.11, 23: 0.12}
    assert [firsts(noisy(30, up_and_down, seed)) for seed in range(5)] == [[8, 16, 23]] * 5


def test_a_faster_run_is_a_step_too():
    [step] = find_steps(noisy(20, {10: -0.2}, 1)).steps
    assert step.ratio.high < 0.9


@pytest.mark.parametrize("at", [0, 9, 19])
@pytest.mark.parametrize("factor", [1.4, 3.0, 0.6])
def test_one_odd_run_is_no_step(at, factor):
    seconds = noisy(20, seed=4)
    seconds[at] *= factor
    assert firsts(seconds) == []


def test_the_newest_three_runs_may_be_a_step():
    assert firsts(noisy(20, {17: 0.2}, 2)) == [17]
    assert firsts(noisy(20, {18: 0.2}, 2)) == []


def test_as_few_runs_as_can_tell_are_enough_for_a_large_step():
    assert firsts(noisy(6, {3: 0.5}, 1)) == [3]


@pytest.mark.parametrize("runs", range(2 * FEWEST_RUNS))
def test_too_few_runs_tell_nothing(runs):
    found = find_steps([1.0] * runs)
    assert found.steps == ()
    assert math.isnan(found.noise)
    assert math.isnan(found.sensitivity)


def test_runs_without_any_noise_are_told_too():
    assert find_steps([2.0] * 10).steps == ()
    assert firsts([1.0] * 5 + [2.0] * 5) == [5]


def test_the_stated_sensitivity_follows_the_noise():
    quiet, loud = (find_steps(noisy(30, seed=1, noise=noise)) for noise in (0.01, 0.04))
    assert loud.noise == pytest.approx(4 * quiet.noise, rel=0.05)
    assert 3.5 < loud.sensitivity / quiet.sensitivity < 5
    assert find_steps(noisy(100, seed=1)).sensitivity < find_steps(noisy(8, seed=1)).sensitivity


@given(
    some.lists(some.floats(1e-6, 1e6), max_size=40),
    some.floats(1e-3, 1e3),
)
def test_any_seconds_are_taken_and_their_unit_does_not_matter(seconds, unit):
    found = find_steps(seconds)
    assert [s.first for s in find_steps(np.array(seconds) * unit).steps] == [
        step.first for step in found.steps
    ]
    ends = [0, *(step.first for step in found.steps), len(seconds)]
    assert all(b - a >= FEWEST_RUNS for a, b in pairwise(ends) if found.steps)


def test_a_long_history_is_worked_out():
    assert firsts(noisy(1500, {700: 0.02}, 5)) == [700]


def drifting(runs, seed, noise=0.01, pace=0.01):
    level = noisy(runs, seed=seed, noise=noise)
    return [one * (1 + pace) ** run for run, one in enumerate(level)]


def test_a_cell_that_becomes_slower_from_run_to_run_drifts_and_has_no_steps():
    found = [find_steps(drifting(30, seed)) for seed in range(100)]
    assert sum(one.drift is not None and not one.steps for one in found) >= 98
    ratios = [one.drift.ratio for one in found if one.drift]
    assert sum(ratio.low <= 1.01**29 <= ratio.high for ratio in ratios) >= 90


def test_a_drift_of_a_hundredth_a_run_is_beyond_a_twentieth_within_ten_runs():
    found = [find_steps(drifting(10, seed)).drift for seed in range(100)]
    assert sum(one is not None and one.ratio.value > 1.05 for one in found) >= 93


@pytest.mark.parametrize("runs", [6, 10, 20, 50])
def test_level_histories_neither_step_nor_drift(runs):
    found = [find_steps(noisy(runs, seed=seed)) for seed in range(200)]
    assert sum(bool(one.steps) or one.drift is not None for one in found) <= 10


def test_a_step_is_no_drift():
    found = [find_steps(noisy(30, {15: 0.1}, seed)) for seed in range(100)]
    assert sum(one.drift is not None for one in found) <= 2


@pytest.mark.parametrize(("runs", "size"), [(20, 0.2), (20, 0.5), (30, 0.2)])
def test_a_step_in_the_last_two_runs_is_never_stated_as_certain(runs, size):
    told = [find_steps(noisy(runs, {runs - 2: size}, seed, 0.01)).steps for seed in range(100)]
    steps = [found[-1] for found in told if found]
    assert len(steps) > 30
    assert all(step.earliest < step.latest for step in steps)
    assert all(step.earliest <= runs - 2 <= step.latest for step in steps)


def test_the_part_of_a_drift_over_the_newest_runs_is_a_part_of_its_ratio():
    drift = find_steps(drifting(21, 1)).drift
    assert drift.over(21) == drift.ratio
    assert drift.over(11).value == pytest.approx(math.sqrt(drift.ratio.value))
