"""One rule says what may be compared, and all that ranks, compares or follows cells keeps to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from launcher_contract import make_job
from runner.errors import IdentityError
from runner.execution.outcome import Heard, conclude
from runner.launchers.base import Exit
from runner.plan.budget import _undecided
from runner.report.answer import verdict_text
from runner.report.compare_text import reason_text
from runner.report.site.content import Site
from runner.spec.axes import declared_axes
from runner.spec.facts import Origin, decisive_facts, declared_facts, obstacles, obstacles_text
from runner.spec.job import Status
from runner.store.identity import refuse_other_identity
from runner.tables.between_runs import CellVerdict, compare_tables
from runner.tables.comparable import cell_facts
from runner.tables.history.series import read_series
from runner.tables.load import load_runs
from runner.tables.verdicts import VerdictKind, find_answer
from scripted import good_event, stream
from steady_runs import steady_run

FACTS = declared_facts()
# What the rows of every job have, and what names the cells: those are matched by it.
NAMED = {name for name, fact in FACTS.items() if fact.of is Origin.NAME} | {"device"}
OTHER = {"string": "another", "Int64": 7, "Float64": 7.5, "boolean": True}
# Not of a single row: it says which rows are of one job, or when, or how its figure is made.
OF_MANY_ROWS = {"epoch", "status", "reason", "seconds", "disturbance", "looks", "same_within"}
# Each fact that decides alone; all others at once, as none of them may forbid a ratio.
ALONE = [[name] for name in decisive_facts() if name not in NAMED]
REST = sorted(FACTS.keys() - decisive_facts().keys() - NAMED - OF_MANY_ROWS)
TRIED = pytest.mark.parametrize("names", [*ALONE, REST], ids=[*(one[0] for one in ALONE), "rest"])


@pytest.fixture(scope="module")
def steady(tmp_path_factory):
    return load_runs(steady_run(tmp_path_factory.mktemp("one")))


def changed(table: pd.DataFrame, names: list[str], rows: pd.Series) -> pd.DataFrame:
    """Return the table with another value of each of some facts in some rows."""
    other = table.copy()
    for name in names:
        value, kind = OTHER[FACTS[name].type], FACTS[name].type
        if other[name].isna().all():
            other[name] = pd.Series(value, index=other.index).astype(kind)
            value = {"string": "yet another", "Int64": 8}.get(kind, value)
        other[name] = other[name].mask(rows, "9.9" if FACTS[name].generation else value)
    return other


@pytest.fixture(scope="module")
def near(tmp_path_factory):
    """Return a table of two cells so near each other that more processes are needed."""
    cells = {("mnist_mlp", "tensorflow"): 1.0, ("mnist_mlp", "cntk"): 1.03}
    return load_runs(steady_run(tmp_path_factory.mktemp("near"), cells, repeats=2))


@TRIED
def test_a_ranking_forms_a_ratio_only_where_the_rule_allows_and_gives_its_reason(steady, names):
    table = changed(steady, names, steady["backend"] == "cntk")
    cells = dict(list(table.groupby("backend", sort=False)))
    found = obstacles(*(cell_facts(cells[backend]) for backend in ("tensorflow", "cntk")))
    assert [one.fact for one in found] == (names if names in ALONE else [])
    (verdict,) = find_answer(table).verdicts
    assert (verdict.kind is VerdictKind.NOT_COMPARABLE) is (names in ALONE)
    assert bool(verdict.pairs) is not (names in ALONE)
    called = [one.name for one in verdict.contenders]
    if found:
        why = obstacles_text(obstacles(*(cell_facts(cells[n]) for n in called)), *called)
        assert why in verdict_text(verdict)


@TRIED
def test_two_runs_and_their_history_keep_to_the_same_rule(steady, names):
    before = changed(steady, names, steady["run"] == "none")
    after = changed(steady, names, steady["run"] != "none").assign(run="later")
    is_decisive = names in ALONE
    found = compare_tables(before, after)
    assert (found.cells["verdict"] == CellVerdict.NOT_COMPARABLE).tolist() == [is_decisive] * 2
    assert found.cells["ratio"].isna().tolist() == [is_decisive] * 2
    both = pd.concat([before, after], ignore_index=True)
    assert len([one for one in read_series(both) if one.cell["backend"] == "cntk"]) == (
        2 if is_decisive else 1
    )
    if is_decisive:
        sides = (cell_facts(table[table["backend"] == "cntk"]) for table in (before, after))
        why = obstacles_text(obstacles(*sides), "A", "B")
        assert {reason_text(cell, found.differences) for _, cell in found.cells.iterrows()} == {why}


@TRIED
def test_a_page_of_the_site_sets_in_one_row_only_what_the_rule_allows(steady, names):
    table = changed(steady, names, steady["backend"] == "cntk")
    where = Site(table, read_series(table)).newest_cells["where"]
    assert where.nunique() == (2 if names in ALONE else 1)


@TRIED
def test_a_budget_repeats_only_cells_of_which_a_ratio_may_be_formed(near, names):
    table = changed(near, names, near["backend"] == "cntk")
    assert bool(_undecided(table)) is not (names in ALONE)


@pytest.mark.parametrize("name", [*declared_axes(), "seed", "image_data_format"])
def test_a_run_goes_on_only_with_the_same_and_names_the_fact_that_is_another(name):
    before = vars(make_job("mnist_mlp"))
    now = {**before, name: "another"}
    with pytest.raises(IdentityError, match=f": {FACTS[name].label}: it was {before[name]}, "):
        refuse_other_identity("job", before, now, "one")


@pytest.mark.parametrize("name", declared_axes())
def test_a_job_that_did_not_do_what_was_asked_is_invalid_and_names_the_fact(name):
    axis, plain = declared_axes()[name], make_job(epochs=3)
    # A value that nobody asked for is the model's own, and not checked.
    asked = axis.least if plain.axes[name] is None else plain.axes[name]
    values: dict[str, Any] = {name: asked}
    job = replace(plain, **values)
    other = next(v for v in (*axis.values, 7) if v != asked)
    heard = Heard(job)
    for line in stream(start={**job.axes, name: other}):
        heard.add(good_event(line))
    outcome = conclude(job, heard, Exit(0), "")
    assert outcome.status is Status.INVALID
    assert str(outcome.reason).startswith(f"it says {FACTS[name].label} {other}, asked for was ")


def test_what_only_one_side_tells_sets_nothing_apart():
    assert obstacles({"samples": {"1"}}, {"precision": {"tf32"}}) == []


def test_the_value_that_is_asked_for_may_differ():
    one, other = {"jit": {"on"}, "size": {"tiny"}}, {"jit": {"off"}, "size": {"tiny"}}
    assert obstacles(one, other, {"jit"}) == []
    (found,) = obstacles(one, other)
    assert found.text("A", "B") == "jit: on in A, off in B"
