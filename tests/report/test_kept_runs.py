"""What the documents say of a kept run is what its rows say now."""

from pathlib import Path

import pytest

from runner.report.answer import answer_lines
from runner.tables.load import load_runs
from runner.tables.verdicts import find_answer

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("run", ["20261127-005047", "20261127-005359", "20261127-010026"])
def test_a_thread_is_answered_by_the_rows_of_its_run(run):
    told = (ROOT / "docs" / "threads.md").read_text(encoding="utf-8").splitlines()
    lines = answer_lines(find_answer(load_runs(ROOT / "results" / "measured" / run)))
    assert lines
    assert [line for line in lines if line not in told] == []
