"""Several machines in one table: a column each, verdicts for each, and nothing pooled."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from launcher_contract import make_job
from made_runs import write_job
from runner.cli.app import main
from runner.report.answer import answer_lines
from runner.report.cells import detail_cells, pivot_cells
from runner.report.compare_text import reason_text
from runner.spec.job import Status
from runner.store.record import Record
from runner.store.run_folder import RunStore
from runner.tables.against_published import order_verdicts, setup_differences
from runner.tables.between_runs import compare_tables
from runner.tables.load import load_runs
from runner.tables.per_cell import summarize
from runner.tables.published import with_published
from runner.tables.verdicts import find_answer
from steady_runs import SPREAD, lines

CARDS = {"n1": "Tesla V100", "n2": "NVIDIA A100"}
SECONDS = {"tensorflow": 1.0, "cntk": 2.0}


def cluster_run(root, cards=CARDS, factors=None, repeats=5, failing=(), name=None, **record):
    """Write a run whose jobs ran on nodes with a card each; ``factors`` slow a node down."""
    store = RunStore.create(root, {"identity": {"git_commit": "a" * 40}}, name)
    for number, (node, card) in enumerate(cards.items()):
        for backend, seconds in SECONDS.items():
            for repeat in range(1, repeats + 1):
                job = make_job(configuration="tf-cntk-k208", backend=backend, device="gpu",
                               repeat=number * repeats + repeat, seed=repeat)  # fmt: skip
                pace = seconds * SPREAD[repeat % 5] * (factors or {}).get(node, 1.0)
                seen = {"device": {"type": "gpu", "name": card}}
                epochs = [3 * pace, *(pace * (1 + (s - 1) / 5) for s in SPREAD)]
                told = {"driver": "550.54", "identity": {"node": node}, "device_name": card,
                        **record.get(node, {})}  # fmt: skip
                write_job(store, job, lines(job, epochs, start=seen), **told)
    for number, node in enumerate(failing):
        job = make_job(configuration="tf-cntk-k208", backend="cntk", device="gpu",
                       repeat=900 + number)  # fmt: skip
        store.job(job).close(never_began(node))
    return store.folder


def never_began(node):
    return Record(Status.FAILED, "no room", identity={"node": node} if node else {})


def test_each_kind_of_card_is_a_column_and_has_verdicts_of_its_own(tmp_path):
    table = load_runs(cluster_run(tmp_path, factors={"n2": 0.25}))
    summary = summarize(table)
    assert sorted(summary["machine"]) == sorted([*CARDS.values()] * 2)
    assert set(summary["repeats"]) == {5}
    found = summary.set_index(["machine", "backend"])["seconds_per_epoch"]
    assert found["Tesla V100", "cntk"] == pytest.approx(2, rel=0.02)
    assert found["NVIDIA A100", "cntk"] == pytest.approx(0.5, rel=0.02)
    columns = list(pivot_cells(summary).columns)
    assert "tf-cntk-k208/cntk [NVIDIA A100]" in columns
    assert len(columns) == 5
    assert set(detail_cells(summary)["machine"]) == set(CARDS.values())
    answer = find_answer(table)
    assert [(v.settings, v.fastest[0].name) for v in answer.verdicts] == [
        ("Tesla V100", "tensorflow"), ("NVIDIA A100", "tensorflow"),
    ]  # fmt: skip
    assert all("fastest" in line for line in answer_lines(answer))


def test_the_page_has_a_column_for_each_card_and_no_warning_of_them(tmp_path):
    """Cells of two cards are not set in relation to each other."""
    cluster_run(tmp_path, factors={"n2": 0.25}, name="night")
    assert main(["report", "night", "--results", str(tmp_path), "--html", str(tmp_path / "p")]) == 0
    page = (tmp_path / "p").read_text(encoding="utf-8")
    heads = re.findall(r'<th scope="col">(.*?)</th>', page)
    assert sum("Tesla V100" in head for head in heads) == 2
    assert sum("NVIDIA A100" in head for head in heads) == 2
    assert "cells differ in their" not in page


def test_a_time_over_tensorflows_is_that_of_the_same_machine(tmp_path):
    table = load_runs(cluster_run(tmp_path, factors={"n2": 0.25}))
    ratios = with_published(summarize(table)).groupby("backend")["measured_ratio"]
    assert [round(value, 1) for value in ratios.get_group("cntk")] == [2.0, 2.0]


def test_equal_cards_of_different_nodes_are_one_machine(tmp_path):
    summary = summarize(load_runs(cluster_run(tmp_path, dict.fromkeys(CARDS, "Tesla V100"))))
    assert set(summary["machine"]) == {""}
    assert set(summary["repeats"]) == {10}


@pytest.mark.parametrize(
    ("of_second", "names"),
    [
        ({"driver": "470.1"}, {"Tesla V100, driver 470.1", "Tesla V100, driver 550.54"}),
        (
            {"identity": {"node": "n2", "cpu_model": "Xeon"}},
            {"Tesla V100, driver 550.54, EPYC", "Tesla V100, driver 550.54, Xeon"},
        ),
    ],
)
def test_equal_cards_under_other_drivers_or_processors_are_other_machines(
    tmp_path, of_second, names
):
    first = {"identity": {"node": "n1", "cpu_model": "EPYC"}}
    run = cluster_run(tmp_path, dict.fromkeys(CARDS, "Tesla V100"), n1=first, n2=of_second)
    summary = summarize(load_runs(run))
    assert set(summary["machine"]) == names
    assert set(summary["repeats"]) == {5}


def test_a_job_that_never_began_stands_with_its_node(tmp_path):
    table = load_runs(cluster_run(tmp_path, failing=["n2"]))
    summary = summarize(table).set_index(["machine", "backend"])
    assert summary.loc[("NVIDIA A100", "cntk"), "status"] == Status.FAILED
    assert summary.loc[("Tesla V100", "cntk"), "status"] == Status.OK
    assert len(summary) == 4


def test_a_job_that_never_began_and_has_no_node_is_a_cell_of_its_own(tmp_path):
    summary = summarize(load_runs(cluster_run(tmp_path, failing=[None])))
    assert summary[summary["machine"] == ""]["status"].tolist() == [Status.FAILED]
    assert len(summary) == 5


def test_runs_of_several_machines_are_backends_by_cards(tmp_path):
    runs = [cluster_run(tmp_path, {node: card}, name=node) for node, card in CARDS.items()]
    summary = summarize(load_runs(*runs))
    assert set(summary["machine"]) == set(CARDS.values())
    assert set(summary["variant"]) == {""}


def test_a_job_that_may_be_of_either_machine_is_of_neither(tmp_path):
    """What it knows, the processor, is the same in both."""
    told = {node: {"identity": {"node": node, "cpu_model": "EPYC"}} for node in CARDS}
    run = cluster_run(tmp_path, **told)
    job = make_job(configuration="tf-cntk-k208", backend="cntk", device="gpu", repeat=900)
    for repeat, node in enumerate((None, "n2"), start=900):
        identity = {"cpu_model": "EPYC", **({"node": node} if node else {})}
        record = Record(Status.FAILED, "no room", identity=identity)
        RunStore(run).unstarted(replace(job, repeat=repeat), record)
    summary = summarize(load_runs(run)).set_index(["machine", "backend"])["status"]
    assert summary["", "cntk"] == Status.FAILED
    assert summary["NVIDIA A100", "cntk"] == Status.FAILED
    assert summary["Tesla V100", "cntk"] == Status.OK


def test_a_published_order_is_judged_for_each_machine(tmp_path):
    """Times of one card and of another are in no order."""
    table = load_runs(cluster_run(tmp_path, factors={"n2": 0.25}))
    orders = [v for v in order_verdicts(summarize(table)) if v.series == "bhatia2017"]
    assert {v.settings for v in orders} == set(CARDS.values())
    assert not any("several devices" in v.why for v in orders)
    told = setup_differences(table, "bhatia2017")["difference"]
    assert {f"card: {card} instead of Tesla K80" for card in CARDS.values()} <= set(told)


def test_runs_are_compared_machine_by_machine(tmp_path):
    a = load_runs(cluster_run(tmp_path / "a"))
    b = load_runs(cluster_run(tmp_path / "b", factors={"n2": 1.5}))
    cells = compare_tables(a, b).cells.set_index(["machine", "backend"])
    assert len(cells) == 4
    assert cells.loc[("Tesla V100", "cntk"), "ratio"] == pytest.approx(1)
    assert cells.loc[("NVIDIA A100", "cntk"), "ratio"] == pytest.approx(1.5)


def test_a_run_of_one_machine_finds_its_cells_in_one_of_several(tmp_path):
    a = load_runs(cluster_run(tmp_path / "a"))
    b = load_runs(cluster_run(tmp_path / "b", {"n2": "NVIDIA A100"}))
    cells = compare_tables(a, b).cells.set_index(["machine", "backend"])
    assert cells.loc[("NVIDIA A100", "cntk"), "verdict"] == "same"
    assert cells.loc[("Tesla V100", "cntk"), "verdict"] == "only in A"


def test_two_runs_on_a_machine_each_are_still_not_comparable(tmp_path):
    a, b = (load_runs(cluster_run(tmp_path / node, {node: card})) for node, card in CARDS.items())
    found = compare_tables(a, b)
    assert set(found.cells["verdict"]) == {"not comparable"}
    reasons = [reason_text(cell, found.differences) for _, cell in found.cells.iterrows()]
    assert all("Tesla V100 in A, NVIDIA A100 in B" in reason for reason in reasons)
