"""The compare command: names of runs, exit codes for CI, JSON for programs."""

import html
import json

import numpy as np
import pandas as pd
import pytest

from runner.cli.app import main
from runner.errors import ExitCode
from runner.report.html.comparison import ratio_bars
from steady_runs import CELLS, steady_run

FAST = ("mnist_mlp", "tensorflow")


@pytest.fixture
def compare(tmp_path, capsys):
    """Return what a call beside the plain run prints, and how it exits."""
    base = steady_run(tmp_path, CELLS)

    def call(*options, cells=CELLS, **changes):
        other = steady_run(tmp_path, cells, **changes)
        capsys.readouterr()
        code = main(["compare", base.name, other.name, "--results", str(tmp_path), *options])
        return code, capsys.readouterr()

    return call


def test_without_a_threshold_it_only_tells(compare):
    code, said = compare(cells={**CELLS, FAST: 1.5}, commit="b" * 40)
    assert code == ExitCode.OK
    assert "slower" in said.out
    assert "git commit: aaaaaaaaaaaa -> bbbbbbbbbbbb: all" in said.out
    assert said.err == ""


def test_what_disturbed_a_side_is_told_beside_its_ratio(compare):
    busy = {"foreign_load": 1.9, "samples": 20}
    _, said = compare(cells={**CELLS, FAST: 6.3}, telemetry=busy)
    told = " ".join(said.out.split())
    assert "slower" not in told
    assert "cannot tell: in B: other processes used the CPU (in 5 of 5 jobs): all" in told


def test_the_table_fits_80_columns(compare):
    _, said = compare(cells={**CELLS, FAST: 0}, job={"threads": 2})
    table = said.out.split("Seconds per epoch")[1].split("A, B:")[0]
    assert "…" not in table
    assert max(map(len, said.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({}, ExitCode.OK, "guard at 5%: passed; of 2 cells 2 decided"),
        ({"cells": {**CELLS, FAST: 1.5}}, ExitCode.JOBS_NOT_OK, "slower than the threshold"),
        ({"cells": {**CELLS, FAST: 0}}, ExitCode.JOBS_NOT_OK, "failed in B: exit code 1"),
        ({"cells": {FAST: 1.0}}, ExitCode.JOBS_NOT_OK, "missing in B"),
        ({"repeats": 1}, ExitCode.JOBS_NOT_OK, "nothing could be judged"),
        ({"job": {"threads": 8}}, ExitCode.JOBS_NOT_OK, "nothing could be judged"),
    ],
)
def test_the_guard_exits_1_for_what_must_not_pass(compare, changes, code, text):
    found, said = compare("--threshold", "5%", **changes)
    assert found == code
    assert text in said.err


def test_what_is_not_decided_is_said_though_it_passes(compare):
    code, said = compare("--threshold", "5%", cells={**CELLS, FAST: 1.05})
    assert code == ExitCode.OK
    assert "not decided: the interval reaches to" in said.err
    assert "passed; of 2 cells 1 decided, 1 not decided" in said.err


def test_one_cell_can_be_guarded_alone(compare):
    changed = {**CELLS, FAST: 1.5}
    guard = ("--threshold", "5%")
    assert compare(*guard, "--backend", "cntk", cells=changed)[0] == ExitCode.OK
    assert compare(*guard, "--backend", "tensorflow", cells=changed)[0] == ExitCode.JOBS_NOT_OK


def test_json_is_all_that_standard_output_holds(compare):
    code, said = compare("--json", "--threshold", "5%", cells={**CELLS, FAST: 1.5})
    assert code == ExitCode.JOBS_NOT_OK
    content = json.loads(said.out)
    assert content["schema"] == 2
    cells = {cell["backend"]: cell for cell in content["cells"]}
    assert cells["tensorflow"]["verdict"] == "slower"
    assert cells["tensorflow"]["ratio"] == pytest.approx(1.5, rel=0.02)
    assert cells["cntk"]["a_repeats"] == 5
    assert content["guard"]["passed"] is False
    [failure] = content["guard"]["failures"]
    assert failure["cell"].startswith("mnist_mlp")
    assert failure["reason"] == "slower"
    assert failure["values"]["ratio"] == cells["tensorflow"]["ratio"]
    assert failure["text"].startswith("slower than the threshold allows: 1.5")


def test_what_a_job_said_does_not_control_the_terminal(compare):
    _, said = compare("--threshold", "5%", cells={**CELLS, FAST: 0}, reason="\x1b[2J[/red]")
    assert "\x1b" not in said.out + said.err
    assert r"\x1b[2J[/red]" in said.err
    _, said = compare(cells={**CELLS, FAST: 0}, reason="\x1b[2J[/red]")
    assert "\x1b" not in said.out
    assert r"\x1b[2J[/red]" in said.out


def test_several_runs_make_one_side(tmp_path, capsys):
    runs = [steady_run(tmp_path, repeats=1).name for _ in range(4)]
    sides = [",".join(runs[:2]), ",".join(runs[2:])]
    call = ["compare", *sides, "--results", str(tmp_path), "--threshold", "20%"]
    assert main(call) == ExitCode.OK
    assert "of 2 cells 2 decided" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["{run}", "{run}"], "the same run"),
        (["{run},{run}", "latest"], "several different ones"),
        (["{run}", "nothing"], "no run 'nothing'"),
        (["{run}", "latest", "--threshold", "much"], "--threshold 'much' is no percentage"),
        (["{run}", "latest", "--backend", "tensorfow"], "did you mean 'tensorflow'?"),
    ],
)
def test_a_mistake_is_one_clear_line(tmp_path, capsys, arguments, text):
    run = steady_run(tmp_path, repeats=1).name
    steady_run(tmp_path, repeats=1)
    named = [argument.format(run=run) for argument in arguments]
    assert main(["compare", *named, "--results", str(tmp_path)]) == ExitCode.USAGE
    said = capsys.readouterr()
    assert text in said.err
    assert len(said.err.splitlines()) == 1


def test_markdown_is_all_that_standard_output_holds(compare):
    code, said = compare("--markdown", "--threshold", "5%", cells={**CELLS, FAST: 1.5})
    assert code == ExitCode.JOBS_NOT_OK
    assert said.out.startswith("# Seconds per epoch, A and B\n")
    rows = [line for line in said.out.splitlines() if line.startswith("| mnist_mlp")]
    assert [row.split("|")[-2].strip() for row in rows] == ["same", "slower"]
    assert "## The guard found" in said.out
    assert said.out.rstrip().splitlines()[0].startswith("#")


def test_the_page_holds_the_comparison_and_nothing_that_runs(compare, tmp_path):
    target = tmp_path / "out" / "page.html"
    target.parent.mkdir()
    hostile = "<script>alert(1)</script>"
    slower = {**CELLS, FAST: 1.5, ("mnist_mlp", "cntk"): 0}
    code, said = compare("--html", str(target), cells=slower, reason=hostile)
    assert code == ExitCode.OK
    assert str(target) in said.out.replace("\n", "")
    page = target.read_text(encoding="utf-8")
    assert "script-src 'none'" in html.unescape(page)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert page.count("<circle") == 1
    assert list(target.parent.iterdir()) == [target]


def test_a_page_that_cannot_be_written_is_named_in_a_line(compare, tmp_path):
    (tmp_path / "file").touch()
    target = tmp_path / "file" / "page.html"
    code, said = compare("--html", str(target))
    assert code == ExitCode.USAGE
    assert str(target.parent) in said.err
    assert "Traceback" not in said.err


def test_a_comparison_without_a_ratio_is_a_page_without_a_chart(compare, tmp_path):
    target = tmp_path / "page.html"
    code, _ = compare("--html", str(target), job={"threads": 8})
    assert code == ExitCode.OK
    page = target.read_text(encoding="utf-8")
    assert "<svg" not in page
    assert "not comparable" in page


def test_a_ratio_lies_on_the_side_that_it_says():
    cells = pd.DataFrame(
        {
            "model": "m", "configuration": "c", "backend": "b", "device": "cpu", "verdict": "?",
            "settings": "", "machine": "",
            "ratio": [0.5, 1.0, 2.0, np.nan],
            "ratio_low": [0.4, np.nan, 1.9, np.nan],
            "ratio_high": [0.6, np.nan, 2.1, np.nan],
        }
    )  # fmt: skip
    faster, even, slower = ratio_bars(cells)
    assert faster["ends"][0] < faster["x"] < faster["ends"][1] < even["x"]
    assert even["x"] < slower["ends"][0] < slower["x"] < slower["ends"][1]
    assert even["ends"] is None
    assert faster["x"] + slower["x"] == pytest.approx(2 * even["x"])
