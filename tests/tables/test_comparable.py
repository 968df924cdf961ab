"""One rule says what may be compared, and all that ranks, compares or follows cells keeps to it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from runner.report.answer import verdict_text
from runner.report.compare_text import reason_text
from runner.spec.facts import Origin, declared_facts, obstacles
from runner.tables.between_runs import CellReason, CellVerdict, compare_tables
from runner.tables.comparable import cell_facts
from runner.tables.history.series import read_series
from runner.tables.load import load_runs
from runner.tables.verdicts import VerdictKind, find_answer
from steady_runs import steady_run

FACTS = declared_facts()
# What the rows of every job have, and what names the cells: those are matched by it.
NAMED = {name for name, fact in FACTS.items() if fact.of is Origin.NAME} | {"device"}
OTHER = {"string": "another", "Int64": 7, "Float64": 7.5, "boolean": True}
# Not of a single row: it says which rows are of one job, or when, or how its figure is made.
OF_MANY_ROWS = {"epoch", "status", "reason", "seconds", "disturbance", "looks", "same_within"}


@pytest.fixture(scope="module")
def steady(tmp_path_factory):
    return load_runs(steady_run(tmp_path_factory.mktemp("one")))


def changed(table: pd.DataFrame, name: str, rows: pd.Series) -> pd.DataFrame:
    """Return the table with another value of a fact in some rows."""
    other = table.copy()
    if name in ("varied", "throttle", "exclusive"):
        return other
    value: Any = "9.9" if FACTS[name].generation else OTHER[FACTS[name].type]
    if other[name].isna().all():
        other[name] = pd.Series(OTHER[FACTS[name].type], index=other.index).astype(FACTS[name].type)
        value = "yet another" if FACTS[name].type == "string" else value
        if FACTS[name].type == "Int64":
            value = 8
    other.loc[rows, name] = value
    return other


@pytest.mark.parametrize("name", sorted(FACTS.keys() - NAMED - OF_MANY_ROWS))
def test_all_agree_whether_a_ratio_may_be_formed_and_why(steady, name):
    of_cntk = changed(steady, name, steady["backend"] == "cntk")
    tensorflow, cntk = (of_cntk[of_cntk["backend"] == b] for b in ("tensorflow", "cntk"))
    found = obstacles(cell_facts(tensorflow), cell_facts(cntk))
    assert bool(found) is FACTS[name].is_decisive
    (verdict,) = find_answer(of_cntk).verdicts
    assert (verdict.kind is VerdictKind.NOT_COMPARABLE) is FACTS[name].is_decisive

    before = changed(steady, name, steady["run"] == "none")
    after = changed(steady, name, steady["run"] != "none")
    compared = compare_tables(before, after)
    cells = compared.cells
    refused = cells["verdict"] == CellVerdict.NOT_COMPARABLE
    assert refused.all() if FACTS[name].is_decisive else not refused.any()

    both = pd.concat([before, after.assign(run="later")], ignore_index=True)
    series = [one for one in read_series(both) if one.cell["backend"] == "cntk"]
    assert len(series) == (2 if FACTS[name].is_decisive else 1)

    if FACTS[name].is_decisive:
        label = FACTS[name].label
        assert f"{label}: " in verdict_text(verdict)
        for _, cell in cells.iterrows():
            assert cell["reason"] == CellReason.WORK
            assert f"{label}: " in reason_text(cell, compared.differences)


def test_what_only_one_side_tells_sets_nothing_apart():
    assert obstacles({"samples": {"1"}}, {"precision": {"tf32"}}) == []


def test_the_value_that_is_asked_for_may_differ():
    one, other = {"jit": {"on"}, "size": {"tiny"}}, {"jit": {"off"}, "size": {"tiny"}}
    assert obstacles(one, other, {"jit"}) == []
    (found,) = obstacles(one, other)
    assert found.text("A", "B") == "jit: on in A, off in B"
