"""The project's own speed: what counts as worse, and what is measured again."""

from __future__ import annotations

import sys
from itertools import chain, repeat
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from speed import __main__ as speed
from speed.calls import Call, took
from speed.line import Line


def line(figure: float, name: str = "a") -> Line:
    return Line(name, figure, "s", goal=3.0, reference=0.5, beside="another")


@pytest.fixture
def measured(monkeypatch):
    """Let a group give these figures, one after another, and tell how often it was asked."""

    def let(*figures: float):
        asked = []
        given = chain(figures, repeat(figures[-1]))

        def group(size, folder):
            asked.append(folder.is_dir())
            yield line(next(given))

        monkeypatch.setitem(speed.GROUPS, "commands", group)
        return asked

    return let


def test_a_line_holds_within_its_goal_and_has_a_ratio():
    assert line(3.0).holds
    assert not line(3.1).holds
    assert line(2.0).ratio == 4.0


@pytest.mark.parametrize(("figure", "worse"), [(1.0, []), (1.25, []), (1.26, ["a"]), (0.1, [])])
def test_a_quarter_more_than_kept_is_worse(figure, worse):
    assert speed.worse_lines([line(figure)], {"a": 2.0}) == worse


def test_what_was_never_kept_is_not_worse():
    assert speed.worse_lines([line(9.0)], {"b": 1.0}) == []


@pytest.mark.parametrize(
    ("figures", "worse", "times"),
    [((1.0,), [], 1), ((2.0, 1.0), [], 2), ((2.0, 2.0, 1.0), [], 3), ((2.0,), ["a"], 3)],
)
def test_one_disturbance_is_no_change(measured, figures, worse, times):
    asked = measured(*figures)
    assert speed.check(["commands"], {"a": 2.0}) == worse
    assert asked == [True] * times


BUSY = "import time\nwhile time.process_time() < 0.3: pass"
BUSY_CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"


@pytest.mark.parametrize(("code", "own"), [(BUSY, True), (BUSY_CHILD, False)])
def test_a_command_s_own_seconds_are_without_its_children_s(tmp_path, code, own):
    one = took(Call([sys.executable, "-c", code], tmp_path))
    assert one.cpu >= 0.3
    assert (one.own >= 0.28) == own
    assert one.wall >= one.own


def test_a_command_that_fails_ends_the_measurement_with_what_it_said(tmp_path):
    failing = Call([sys.executable, "-c", "print('why'); raise SystemExit(3)"], tmp_path)
    with pytest.raises(SystemExit, match=r"ended with 3:\nwhy"):
        took(failing)
