"""The published figures: read by rule, never typed in, and set beside measured ones."""

from pathlib import Path

import pandas as pd
import pytest

from runner.report.cells import article_tables, detail_cells, figure_tables, pivot_cells
from runner.report.verdict import reason_lines, warning_lines
from runner.spec.study import choose_workloads, load_study
from runner.tables.published import (
    published_cells,
    published_series,
    published_setups,
    study_figures,
    with_published,
)

STUDY = load_study("bhatia2017")
CELLS = published_cells(STUDY).set_index(["model", "backend"])
KEPT = Path(__file__).parent


def test_every_cell_of_five_tests_by_four_backends_is_told():
    assert len(CELLS) == 20
    assert CELLS["source"].notna().all()


def test_a_figure_that_stands_only_in_a_picture_is_said_so():
    assert CELLS.loc[("mnist_cnn", "theano"), "article"] == "in a picture only"
    assert CELLS["seconds"].isna()[("mnist_cnn", "theano")]


def test_the_cells_that_2017_left_out_are_said_so():
    for model in ("mnist_cnn", "babi_rnn"):
        assert CELLS.loc[(model, "mxnet"), "article"] == "not run"


def test_a_figure_whose_backend_is_inferred_is_shown_so_and_counts_for_nothing():
    cell = ("babi_rnn", "theano")
    rows = study_figures(STUDY).query("inferred == 'backend' and unit == 's/epoch'")
    value = rows["value"].item()
    assert CELLS.loc[cell, "notebook"] == f"{value:.4g} (backend inferred)"
    for column in ("seconds", "basis", "published_ratio"):
        assert pd.isna(CELLS[column][cell])
    series = published_series().query("series == 'bhatia2017' and model == 'babi_rnn'")
    assert "theano" not in set(series["backend"])


def test_all_figures_of_a_study_say_what_is_inferred():
    table = {shown.title: shown.frame for shown in figure_tables(STUDY)}["babi_rnn"]
    assert set(table.loc[table["backend"] == "theano", "not counted"]) >= {"backend inferred"}


def test_no_published_figure_has_changed():
    """The kept files were made from the figures as they were first printed."""
    kept = pd.read_csv(KEPT / "published_cells.csv")
    found = published_cells(STUDY)[list(kept)]
    # Older releases of NumPy sum in another order.
    pd.testing.assert_frame_equal(found, kept, rtol=1e-12, atol=0, check_dtype=False)


def test_no_figure_of_a_series_has_changed():
    kept = pd.read_csv(KEPT / "published_series.csv")
    found = published_series()
    found = found[found["series"].isin(kept["series"])].reset_index(drop=True)[list(kept)]
    pd.testing.assert_frame_equal(found, kept, check_exact=True, check_dtype=False)


def test_no_set_up_has_changed():
    kept = pd.read_csv(KEPT / "published_setups.csv", dtype=str)
    found, wanted = (
        frame.astype(object)
        .fillna("not known")
        .sort_values(["series", "backend"], ignore_index=True)
        for frame in (published_setups()[list(kept)], kept)
    )
    found = found[found["series"].isin(wanted["series"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False)


def test_every_number_stands_in_the_files():
    """The one number per cell is a figure of the files, or the middle of two of them."""
    rows = study_figures(STUDY)
    ends = set(rows["value"].dropna()) | set(rows["high"].dropna())
    assert set(CELLS["seconds"].dropna()) <= {(a + b) / 2 for a in ends for b in ends}


def test_no_figure_of_a_cpu_or_of_another_version_counts():
    rows = study_figures(STUDY)
    used = rows[(rows["kind"] == "notebook") & (rows["left_out"] == "") & (rows["inferred"] == "")]
    assert not used["device"].str.startswith("CPU").any()
    ran_on = {setup.backend: setup for setup in STUDY.setups}
    for _, row in used.iterrows():
        setup = ran_on[row["backend"]]
        assert row["keras_version"] == setup.keras_version
        assert row["framework_version"] == setup.framework_version


def test_the_five_tables_are_the_articles():
    tables = article_tables(STUDY)
    assert len(tables) == len(choose_workloads([])) == 5
    assert all(len(table.frame) == 4 for table in tables)


@pytest.fixture
def summary():
    return pd.DataFrame(
        {
            "model": ["mnist_mlp"] * 2,
            "configuration": ["tf-cntk-k208", "mxnet-k122"],
            "backend": ["tensorflow", "mxnet"],
            "device": ["cpu"] * 2,
            "settings": [""] * 2,
            "machine": [""] * 2,
            "variant": [""] * 2,
            "phase": ["train"] * 2,
            "size": ["published"] * 2,
            "keras_version": ["2.0.8", "1.2.2"],
            "seconds_per_epoch": [2.0, 5.0],
            "seconds_low": [1.9, 4.0],
            "seconds_high": [2.1, 6.0],
            "repeats": [3, 3],
            "warnings": ["", "shaky"],
            "first_epoch_seconds": [3.0, 6.0],
            "val_accuracy": [0.9, 0.9],
            "status": ["ok", "ok"],
            "reason": [None, None],
        }
    )


def test_ratios_to_tensorflow_in_the_same_test(summary):
    compared = with_published(summary).set_index("backend")
    assert compared.loc["mxnet", "measured_ratio"] == 2.5
    mlp = CELLS.loc["mnist_mlp"]["seconds"]
    assert compared.loc["mxnet", "published_ratio"] == mlp["mxnet"] / mlp["tensorflow"]
    assert compared.loc["tensorflow", "published_ratio"] == 1


def test_the_interval_stands_beside_the_time(summary):
    shown = detail_cells(summary).set_index("backend")
    assert shown["95 %"].to_dict() == {"tensorflow": "+-5%", "mxnet": "+-20%"}
    assert warning_lines(summary) == ["shaky: mxnet-k122/mxnet mnist_mlp"]


def test_without_tensorflow_there_is_no_measured_ratio(summary):
    alone = with_published(summary[summary["backend"] == "mxnet"])
    assert alone["measured_ratio"].isna().all()


def test_keras_3_is_set_beside_nothing_of_2017(summary):
    """x TF of a mixed run divides by the TensorFlow of the same generation only."""
    summary["keras_version"] = ["2.0.8", "3.15.1"]
    other = with_published(summary).set_index("backend").loc["mxnet"]
    assert other[["measured_ratio", "published_seconds", "published_ratio"]].isna().all()


def test_a_published_ratio_needs_no_measured_tensorflow(summary):
    alone = with_published(summary[summary["backend"] == "mxnet"])
    mlp = CELLS.loc["mnist_mlp"]["seconds"]
    assert alone["published_ratio"].tolist() == [mlp["mxnet"] / mlp["tensorflow"]]


def test_a_cell_without_a_time_shows_its_status(summary):
    summary.loc[1, ["seconds_per_epoch", "status", "reason"]] = [None, "oom", "too little"]
    table = pivot_cells(summary).set_index("model")
    assert table.loc["mnist_mlp", "mxnet-k122/mxnet"] == "oom"
    assert reason_lines(summary) == ["oom: too little: mxnet-k122/mxnet mnist_mlp"]
