"""The published figures: read by rule, never typed in, and set beside measured ones."""

import pandas as pd
import pytest

from runner import publications, report
from runner.workloads import published_workloads

CELLS = publications.cells().set_index(["model", "backend"])


def test_every_cell_of_five_tests_by_four_backends_is_told():
    assert len(CELLS) == 20
    assert CELLS["source"].notna().all()


def test_a_figure_that_stands_only_in_an_image_is_said_so():
    assert CELLS.loc[("mnist_cnn", "theano"), "article"] == "image"
    assert pd.isna(CELLS.loc[("mnist_cnn", "theano"), "seconds"])


def test_the_cells_that_2017_left_out_are_said_so():
    for model in ("mnist_cnn", "babi_rnn"):
        assert CELLS.loc[(model, "mxnet"), "article"] == "not run"


def test_every_number_stands_in_the_files():
    """The one number per cell is a figure of the files, or the middle of two of them."""
    stated = publications.article()
    figures = set(publications.notebooks()["seconds_per_epoch"])
    low, high = stated["seconds_per_epoch_low"], stated["seconds_per_epoch_high"]
    middles = {(a + b) / 2 for a in figures for b in figures} | set((low + high) / 2)
    assert set(CELLS["seconds"].dropna()) <= figures | middles


def test_no_figure_of_a_cpu_or_of_another_version_counts():
    used = publications.notebooks()
    assert not used["gpu"].str.contains("CPU").any()
    assert set(used["keras_version"]) == {"2.0.8", "1.2.2"}
    assert "unlabelled" not in set(used["backend"])
    assert set(used.loc[used["backend"] == "cntk", "framework_version"]) == {"2.1"}


def test_the_five_tables_are_the_articles():
    tables = report.published_tables()
    assert len(tables) == len(published_workloads()) == 5
    assert all(len(frame) == 4 for _, frame in tables)


@pytest.fixture
def summary():
    return pd.DataFrame(
        {
            "model": ["mnist_mlp"] * 2,
            "configuration": ["tf-cntk-k208", "mxnet-k122"],
            "backend": ["tensorflow", "mxnet"],
            "device": ["cpu"] * 2,
            "seconds_per_epoch": [2.0, 5.0],
            "seconds_low": [1.9, 4.0],
            "seconds_high": [2.1, 6.0],
            "warnings": ["", "shaky"],
            "first_epoch_seconds": [3.0, 6.0],
            "val_accuracy": [0.9, 0.9],
            "status": ["ok", "ok"],
            "reason": [None, None],
        }
    )


def test_ratios_to_tensorflow_in_the_same_test(summary):
    compared = publications.compare(summary).set_index("backend")
    assert compared.loc["mxnet", "measured_ratio"] == 2.5
    mlp = CELLS.loc["mnist_mlp"]["seconds"]
    assert compared.loc["mxnet", "published_ratio"] == mlp["mxnet"] / mlp["tensorflow"]
    assert compared.loc["tensorflow", "published_ratio"] == 1


def test_the_interval_stands_beside_the_time(summary):
    shown = report.details(summary).set_index("backend")
    assert shown["95 %"].to_dict() == {"tensorflow": "+-5%", "mxnet": "+-20%"}
    assert report.warnings(summary) == ["shaky: mxnet-k122/mxnet mnist_mlp"]


def test_without_tensorflow_there_is_no_measured_ratio(summary):
    alone = publications.compare(summary[summary["backend"] == "mxnet"])
    assert alone["measured_ratio"].isna().all()


def test_a_published_ratio_needs_no_measured_tensorflow(summary):
    alone = publications.compare(summary[summary["backend"] == "mxnet"])
    mlp = CELLS.loc["mnist_mlp"]["seconds"]
    assert alone["published_ratio"].tolist() == [mlp["mxnet"] / mlp["tensorflow"]]


def test_a_cell_without_a_time_shows_its_status(summary):
    summary.loc[1, ["seconds_per_epoch", "status", "reason"]] = [None, "oom", "too little"]
    table = report.pivot(summary).set_index("model")
    assert table.loc["mnist_mlp", "mxnet-k122/mxnet"] == "oom"
    assert report.reasons(summary) == ["mxnet-k122/mxnet mnist_mlp: oom: too little"]
