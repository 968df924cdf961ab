"""Charts: what is drawn is what the table says; without matplotlib that is said."""

import sys

import numpy as np
import pytest

import runner
from runner.errors import UsageError
from runner.report.charts import epoch_curves, relative_seconds
from steady_runs import CELLS, steady_run


@pytest.fixture
def table(tmp_path):
    more = {("mnist_cnn", "tensorflow"): 6.0, ("mnist_cnn", "theano"): 0}
    return runner.load(steady_run(tmp_path, {**CELLS, **more}))


def test_bars_are_relative_to_the_fastest_with_their_intervals(table):
    values, bars = relative_seconds(runner.summary(table))
    assert values.loc["mnist_mlp"].round(6).to_dict() == {"tensorflow": 1.0, "cntk": 2.0}
    assert values.loc["mnist_cnn", "tensorflow"] == 1
    assert bars.shape == (2, 2, 2)
    assert (bars >= 0).all()
    row = runner.summary(table).loc["mnist_mlp cntk"]
    place = values.columns.get_loc("cntk"), values.index.get_loc("mnist_mlp")
    expected = (row["seconds_high"] - row["seconds_per_epoch"]) / (row["seconds_per_epoch"] / 2)
    assert bars[place[0], 1, place[1]] == pytest.approx(expected)


def test_one_process_has_no_error_bar(tmp_path):
    _, bars = relative_seconds(runner.summary(runner.load(steady_run(tmp_path, repeats=1))))
    assert np.array_equal(bars, np.zeros((2, 2, 1)))


def test_curves_are_the_mean_over_processes(table):
    curves = epoch_curves(table, "seconds")
    assert set(curves) == {"mnist_mlp tensorflow", "mnist_mlp cntk", "mnist_cnn tensorflow"}
    rows = table[(table["model"] == "mnist_mlp") & (table["backend"] == "cntk")]
    expected = rows.groupby("epoch")["seconds"].mean().astype(float)
    assert curves["mnist_mlp cntk"].tolist() == pytest.approx(expected.tolist())


def test_what_cannot_be_drawn_is_one_line(table):
    with pytest.raises(UsageError, match="unknown curve 'los'; did you mean 'loss'"):
        runner.plot_epochs(table, "los")
    with pytest.raises(UsageError, match="there is nothing to draw"):
        runner.plot_seconds(table[:0])


def test_without_matplotlib_the_extra_is_named(table, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    monkeypatch.setattr("pandas.plotting._core._backends", {})
    for draw in (runner.plot_seconds, runner.plot_epochs):
        with pytest.raises(UsageError, match=r"pip install '\.\[plot\]'"):
            draw(table)


def test_both_are_drawn(table, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed").use("Agg")
    bars, curves = runner.plot_seconds(table), runner.plot_epochs(table, "loss")
    assert len(bars.containers) >= 2
    assert len(curves.lines) == 3
    for axes in (bars, curves):
        axes.figure.savefig(tmp_path / "chart.png")
        assert (tmp_path / "chart.png").stat().st_size > 1000
