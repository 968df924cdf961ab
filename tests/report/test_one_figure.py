"""A cell's figure is written the same wherever it stands: report, page, comparison, history, site.

The live view, which has no room for the interval, shows the same seconds.
"""

import io
import json
import math
import re
from functools import partial

import pytest
from rich.console import Console

from launcher_contract import make_job
from made_history import FIRST_DAY
from made_runs import write_job
from runner.cli.app import main
from runner.errors import ExitCode
from runner.execution.observer import Announcement
from runner.plan.history import History
from runner.progress.forecast import Forecast
from runner.progress.live import LiveView
from runner.report.cells import figure_text, short_cells
from runner.report.charts import relative_seconds
from runner.report.html.page import render_page
from runner.store.run_folder import RunStore
from runner.tables.load import load_runs
from runner.tables.per_cell import summarize
from runner.tables.statistics import Interval
from steady_runs import lines

# Two processes: the interval of their mean is several times the figure.
PACES = {"tensorflow": (0.1, 0.4), "cntk": (2.0, 2.02)}
TOO_FEW, STEADY = "0.2 (too few)", "2.01 +-6%"


def far_apart(root):
    """Write a run of two cells, one of which nobody could act on."""
    store = RunStore.create(root, {"started": FIRST_DAY.isoformat()})
    for backend, paces in PACES.items():
        for repeat, pace in enumerate(paces, start=1):
            job = make_job(configuration="tf-cntk-k208", backend=backend, repeat=repeat,
                           seed=repeat, threads=2)  # fmt: skip
            write_job(store, job, lines(job, [3 * pace, *[pace] * 4]))
    return store.folder


@pytest.fixture
def run(tmp_path):
    return far_apart(tmp_path / "runs")


@pytest.fixture
def says(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")

    def ask(*arguments):
        assert main([*map(str, arguments)]) == ExitCode.OK
        return capsys.readouterr().out

    return ask


def widths(text):
    return [int(width) for width in re.findall(r"(?:\+-|\u00b1)(\d+) ?%", text)]


def test_the_report_writes_it(run, says):
    shown = short_cells(summarize(load_runs(run)))[["backend", "seconds_per_epoch", "spread"]]
    assert sorted(shown.to_numpy().tolist()) == [
        ["cntk", "2.01", "+-6%"], ["tensorflow", "0.2", "too few"],
    ]  # fmt: skip
    assert set(widths(says("report", run))) == {6}


def test_history_compare_and_site_write_the_same(run, says, tmp_path):
    says("site", tmp_path / "site", run)
    pages = [path.read_text() for path in sorted((tmp_path / "site").rglob("*.html"))]
    compared = says("compare", run, far_apart(tmp_path / "runs"))
    for text in (says("history", run), compared, "\n".join(pages)):
        written = text.replace("\u00b1", "+-")
        assert TOO_FEW in written
        assert STEADY in written
        assert set(widths(written)) == {6}


@pytest.mark.parametrize("command", ["report", "compare", "history"])
def test_each_says_that_a_figure_is_a_mean_over_processes(run, says, command):
    beside = [far_apart(run.parent)] if command == "compare" else []
    said = " ".join(says(command, run, *beside).split())
    assert "the geometric mean over processes" in said
    assert "each process's median over its epochs after the first" in said


def test_the_page_gives_its_script_the_text(run):
    page = render_page(load_runs(run), [run])
    data = json.loads(re.search(r'<script[^>]*id="data"[^>]*>(.*?)</script>', page, re.DOTALL)[1])
    packed = data["cells"]["columns"]["figure"]
    written = [packed["values"][n].replace("\u00b1", "+-") for n in packed["index"]]
    assert sorted(written) == [TOO_FEW, STEADY]
    assert data["cells"]["columns"]["has_interval"] == [STEADY in text for text in written]


def test_a_chart_draws_no_interval_that_tells_nothing(run):
    values, bars = relative_seconds(summarize(load_runs(run)))
    heights = dict(zip(values.columns, bars.sum(axis=(1, 2)), strict=True))
    assert heights["tensorflow"] == 0
    assert heights["cntk"] > 0


def test_the_live_view_shows_the_same_seconds(run):
    shown = io.StringIO()
    made = Console(file=shown, width=120, height=40)
    view = LiveView(made, Forecast(partial(History, run.parent)))
    view.run_started(Announcement(run.name, run, [], 4))
    made.print(view)
    row = next(line for line in shown.getvalue().splitlines() if "mnist_mlp" in line)
    # The median of all epochs would be 0.25.
    assert sorted(row.split()) == ["0.2", "2.01", "mnist_mlp"]


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        (Interval(0.254, 0.1, 3.1, 2), "0.254 (too few)"),
        (Interval(0.254, 0.25, 0.26, 2), "0.254 +-2%"),
        (Interval(1234.2, math.nan, math.nan, 1), "1234"),
        (None, "-"),
    ],
)
def test_a_figure_is_one_text(figure, text):
    assert figure_text(figure) == text
