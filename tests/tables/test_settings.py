"""Axes that vary: each value is a cell of its own, and is compared with nothing else."""

from launcher_contract import make_job
from made_runs import write_job
from runner.report.answer import answer_lines, verdict_text
from runner.report.cells import detail_cells, pivot_cells, throughput_table
from runner.report.compare_text import reason_text
from runner.report.verdict import reason_lines
from runner.spec.axes import declared_axes
from runner.spec.job import Status
from runner.store.run_folder import RunStore
from runner.tables.between_runs import CellVerdict, compare_tables
from runner.tables.distance import limit_rows
from runner.tables.load import load_runs
from runner.tables.per_cell import summarize
from runner.tables.verdicts import VerdictKind, find_answer
from steady_runs import SPREAD, lines

LEVELS = {("tensorflow", "float32"): 2.0, ("tensorflow", "mixed_bfloat16"): 1.0,
          ("cntk", "float32"): 4.0, ("cntk", "mixed_bfloat16"): 0.5}  # fmt: skip


def made(root, levels=LEVELS, repeats=3, **changes):
    """Write a run of cells that take ``levels`` seconds an epoch, by backend and precision."""
    store = RunStore.create(root, {"identity": {"cpu_model": "a processor"}})
    precisions = {precision for _, precision in levels}
    varied = ("precision",) if len(precisions) > 1 else ()
    for (backend, precision), seconds in levels.items():
        for repeat in range(1, repeats + 1):
            job = make_job(
                "mnist_mlp", configuration="tf-cntk-k208", backend=backend, repeat=repeat,
                **{"threads": 2, "precision": precision, "varied": varied, **changes},
            )  # fmt: skip
            if not seconds:
                write_job(store, job, [], status=Status.UNSUPPORTED, reason="it cannot")
                continue
            pace = seconds * SPREAD[repeat]
            write_job(store, job, lines(job, [pace * (1 + s / 100) for s in SPREAD]))
    return store.folder


def test_each_value_is_a_cell_of_its_own(tmp_path):
    summary = summarize(load_runs(made(tmp_path)))
    assert len(summary) == len(LEVELS)
    assert set(summary["settings"]) == {"float32", "mixed_bfloat16"}
    columns = list(pivot_cells(summary))
    assert "tf-cntk-k208/cntk [mixed_bfloat16]" in columns
    assert set(detail_cells(summary)["settings"]) == {"float32", "mixed_bfloat16"}


def test_what_is_said_of_a_cell_names_its_value(tmp_path):
    levels = {**LEVELS, ("cntk", "mixed_bfloat16"): 0}
    assert reason_lines(summarize(load_runs(made(tmp_path, levels)))) == [
        "unsupported: it cannot: tf-cntk-k208/cntk mnist_mlp (mixed_bfloat16)"
    ]


def test_a_run_of_one_value_names_none(tmp_path):
    summary = summarize(load_runs(made(tmp_path, {("cntk", "float32"): 1.0})))
    assert list(summary["settings"]) == [""]
    assert "settings" not in detail_cells(summary)


def test_a_verdict_is_on_one_value(tmp_path):
    found = find_answer(load_runs(made(tmp_path))).verdicts
    said = {one.settings: (one.kind, [cell.name for cell in one.fastest]) for one in found}
    assert said == {
        "float32": (VerdictKind.FASTEST, ["tensorflow"]),
        "mixed_bfloat16": (VerdictKind.FASTEST, ["cntk"]),
    }
    assert {one.name for one in found} == {"mnist_mlp (float32)", "mnist_mlp (mixed_bfloat16)"}


def test_a_cell_that_cannot_stands_with_those_of_its_value(tmp_path):
    levels = {**LEVELS, ("cntk", "mixed_bfloat16"): 0}
    found = {one.settings: one for one in find_answer(load_runs(made(tmp_path, levels))).verdicts}
    assert found["float32"].kind is VerdictKind.FASTEST
    assert "cntk: unsupported" in verdict_text(found["mixed_bfloat16"])


def test_runs_of_other_values_are_no_repeats_of_each_other(tmp_path):
    one, other = ({("cntk", name): 1.0} for name in ("float32", "mixed_bfloat16"))
    summary = summarize(load_runs(made(tmp_path, one), made(tmp_path, other)))
    assert len(summary) == 2


def test_a_run_of_one_value_finds_its_cell_in_a_run_of_several(tmp_path):
    alone = {("cntk", "float32"): 4.0}
    found = compare_tables(load_runs(made(tmp_path)), load_runs(made(tmp_path, alone))).cells
    same = found[found["verdict"] == CellVerdict.SAME]
    assert list(zip(same["backend"], same["settings"], strict=True)) == [("cntk", "float32")]


def test_another_value_is_not_comparable(tmp_path):
    one, other = ({("cntk", name): 1.0} for name in ("float32", "mixed_bfloat16"))
    found = compare_tables(load_runs(made(tmp_path, one)), load_runs(made(tmp_path, other)))
    assert list(found.cells["verdict"]) == [CellVerdict.NOT_COMPARABLE]
    reason = reason_text(found.cells.iloc[0], found.differences)
    assert "precision: float32 in A, mixed_bfloat16 in B" in reason


def test_what_was_not_recorded_stands_against_nothing(tmp_path):
    one = {("cntk", "float32"): 1.0}
    older = load_runs(made(tmp_path, one)).assign(precision=None)
    found = compare_tables(older.astype({"precision": "string"}), load_runs(made(tmp_path, one)))
    assert list(found.cells["verdict"]) == [CellVerdict.SAME]


def test_predicting_is_not_training(tmp_path):
    one = {("cntk", "float32"): 1.0}
    predicting = load_runs(made(tmp_path, one, phase="predict"))
    found = compare_tables(load_runs(made(tmp_path, one)), predicting)
    assert list(found.cells["verdict"]) == [CellVerdict.NOT_COMPARABLE]
    assert set(summarize(predicting)["phase"]) == {"predict"}


def test_latency_stands_beside_the_throughput(tmp_path):
    table = load_runs(made(tmp_path, {("cntk", "float32"): 1.0}, phase="predict"))
    table = table.assign(latency_p50_seconds=0.01, latency_p90_seconds=0.02)
    shown = throughput_table(table.astype(load_runs(made(tmp_path)).dtypes), summarize(table))
    assert (shown["p50 ms"].iloc[0], shown["p90 ms"].iloc[0]) == ("10", "20")
    assert "p99 ms" not in shown


def test_operations_are_those_of_the_phase(tmp_path):
    rates = {}
    for phase in ("train", "predict"):
        table = load_runs(made(tmp_path, {("cntk", "float32"): 1.0}, phase=phase))
        table = table.assign(
            flops_per_sample_forward=10, flops_per_sample_training=30, steps_per_epoch=1
        ).astype(table.dtypes)
        rates[phase] = limit_rows(table, summarize(table))["flops_per_second"].iloc[0]
    assert rates["train"] == 3 * rates["predict"]


def test_what_an_axis_changes_is_told_for_each_backend(tmp_path):
    found = find_answer(load_runs(made(tmp_path)))
    told = {
        one.name: (one.fastest[0].name, round(one.pairs[0].ratio.value, 1)) for one in found.effects
    }
    assert told == {
        "mnist_mlp (tf-cntk-k208/tensorflow)": ("mixed_bfloat16", 2.0),
        "mnist_mlp (tf-cntk-k208/cntk)": ("mixed_bfloat16", 8.0),
    }
    assert sum("mixed_bfloat16 fastest, 2.00 (" in line for line in answer_lines(found)) == 1


def test_a_value_that_a_backend_cannot_is_named_beside_those_it_can(tmp_path):
    levels = {**LEVELS, ("cntk", "mixed_bfloat16"): 0, ("cntk", "tf32"): 2.0}
    found = find_answer(load_runs(made(tmp_path, levels))).effects
    cntk = next(one for one in found if "cntk" in one.settings.split("/")[-1])
    assert "tf32 fastest, 2.00 (" in verdict_text(cntk)
    assert verdict_text(cntk).endswith("not compared: mixed_bfloat16: unsupported")


def test_the_values_of_an_axis_that_changes_the_work_are_not_compared(tmp_path):
    """A pass of predicting is no training, and a tiny network not the published one."""
    assert [name for name, axis in declared_axes().items() if not axis.is_same_work] == [
        "phase", "size", "samples",
    ]  # fmt: skip
    store = RunStore.create(tmp_path, {"identity": {"cpu_model": "a processor"}})
    for phase, seconds in (("train", 2.0), ("predict", 1.0)):
        for repeat in (1, 2, 3):
            job = make_job(
                "mnist_mlp", configuration="jax-k3", backend="jax", repeat=repeat,
                phase=phase, varied=("phase",), threads=2,
            )  # fmt: skip
            pace = seconds * SPREAD[repeat]
            write_job(store, job, lines(job, [pace * (1 + s / 100) for s in SPREAD]))
    assert find_answer(load_runs(store.folder)).effects == ()


def test_what_is_said_of_several_cells_is_one_line(tmp_path):
    found = find_answer(load_runs(made(tmp_path, repeats=1)))
    assert answer_lines(found)[0] == (
        "mnist_mlp (float32), mnist_mlp (mixed_bfloat16): "
        "cannot tell (cntk and tensorflow: one process); --repeats 3 would"
    )
    assert len(answer_lines(found)) == 2
