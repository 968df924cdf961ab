"""The history of cells over many runs: series, steps with what changed, a guard, and its forms."""

import json
import re
import shutil

import pytest

from made_history import CNTK, TENSORFLOW, made_history, made_run, noisy, run_name
from runner.cli.app import main
from runner.errors import ExitCode
from runner.report.history.draw import draw_series, tick_values
from runner.spec.job import Status
from runner.tables.history.series import read_series
from runner.tables.load import load_runs

STEPS = {16: 0.10, 23: 0.30}
CHANGES = {16: {"commit": "b" * 40}, 23: {"driver": "550.54"}}
COMMITS = "git commit: aaaaaaaaaaaa -> bbbbbbbbbbbb"


@pytest.fixture(scope="module")
def stepped(tmp_path_factory):
    """Return the folder of thirty runs with two steps; each came with a change of the set-up."""
    seconds = noisy(30, STEPS, 1)
    return made_history(tmp_path_factory.mktemp("history"), seconds, CHANGES)


@pytest.fixture
def told(capsys, monkeypatch):
    """Return the exit code and what the command says, as standard output and error."""
    monkeypatch.setenv("COLUMNS", "120")

    def ask(*arguments):
        code = main(["history", *map(str, arguments)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return ask


def series_of(told, *arguments):
    code, out, _ = told(*arguments, "--json")
    assert code == ExitCode.OK
    return json.loads(out)["series"]


def test_steps_are_told_with_their_first_run_and_what_changed(told, stepped):
    code, out, err = told(stepped)
    assert (code, err) == (ExitCode.OK, "")
    lines = out[out.index("\nSteps:") :].splitlines()
    first = next(n for n, line in enumerate(lines) if f"from {run_name(16)} on" in line)
    assert "slower by" in lines[first]
    assert lines[first + 1].strip() == f"changed after {run_name(15)}: {COMMITS}"
    second = next(n for n, line in enumerate(lines) if f"from {run_name(23)} on" in line)
    assert "driver: not recorded -> 550.54" in lines[second + 1]


def test_the_table_says_how_small_a_step_would_be_found(told, stepped):
    _, out, _ = told(stepped)
    row = next(line for line in out.splitlines() if "mnist_mlp" in line)
    assert re.search(r"mnist_mlp +tensorflow +30 +1\.\d+ \+-\d+% +\d+(\.\d)? % +2", row)
    assert "\u2581" in row  # the runs as bars
    assert "\u2588" in row


def test_json_has_every_run_and_every_step(told, stepped):
    [series] = series_of(told, stepped)
    assert [run["run"] for run in series["runs"]] == [run_name(day) for day in range(30)]
    assert [step["first"] for step in series["steps"]] == [run_name(16), run_name(23)]
    [step, _] = series["steps"]
    assert step["ratio_low"] < step["ratio"] < step["ratio_high"]
    assert step["text"].startswith("slower by ")
    assert {"column": "git_commit", "before": "a" * 40, "after": "b" * 40} in step["changes"]
    assert 0.01 < series["noise"] < 0.03
    assert 0.05 < series["sensitivity"] < 0.14
    assert series["runs"][0]["low"] < series["runs"][0]["seconds"] < series["runs"][0]["high"]


def test_markdown_and_each_run_tell_the_same_steps(told, stepped):
    _, out, _ = told(stepped, "--markdown")
    assert out.startswith("# Seconds per epoch over the runs\n")
    escaped = COMMITS.replace(">", r"\>")
    assert f"from {run_name(16)} on; changed after {run_name(15)}: {escaped}" in out
    _, out, _ = told(stepped, "--each-run")
    row = next(line for line in out.splitlines() if run_name(23) in line)
    assert re.search(r"2026-01-24 02:00 +1\.\d+ \+-\d+% +2 +\+\d+\.\d %", row)


def test_the_page_draws_each_series_and_asks_for_nothing(told, stepped, tmp_path):
    page = tmp_path / "history.html"
    assert told(stepped, "--html", page)[0] == ExitCode.OK
    text = page.read_text()
    assert text.count("<circle") == 30
    assert f"from {run_name(16)} on" in text
    assert "<script" not in text
    assert not re.search(r"(src|href)=\"(?!data:)", text)


def test_the_guard_fails_on_a_step_beyond_it(told, stepped):
    code, _, err = told(stepped, "--fail-on-step", "20%")
    assert code == ExitCode.JOBS_NOT_OK
    assert f"from {run_name(23)} on; 20 % is allowed" in err
    assert run_name(16) not in err
    assert "guard at 20%: failed; 1 of 1 cells have runs enough" in err


def test_the_guard_passes_where_every_step_is_below_it(told, stepped):
    code, _, err = told(stepped, "--fail-on-step", "50%")
    assert code == ExitCode.OK
    assert "guard at 50%: passed" in err


def test_the_guard_says_what_it_would_not_see(told, tmp_path):
    folder = made_history(tmp_path, noisy(12, seed=2))
    code, _, err = told(folder, "--fail-on-step", "1%")
    assert code == ExitCode.OK
    assert "not seen for sure: steps are found from" in err


def test_only_steps_since_a_run_count_where_one_is_named(told, stepped):
    since = ("--fail-on-step", "5%", "--since")
    code, _, err = told(stepped, *since, run_name(20))
    assert code == ExitCode.JOBS_NOT_OK
    assert run_name(16) not in err
    assert told(stepped, *since, run_name(24))[0] == ExitCode.OK
    code, _, err = told(stepped, *since, "night-0Z0")
    assert code == ExitCode.USAGE
    assert "no such run here" in err
    assert told(stepped, "--since", run_name(2))[0] == ExitCode.USAGE


def test_a_cell_that_becomes_slower_little_by_little_fails_in_all(told, tmp_path):
    level = noisy(30, seed=4, noise=0.01)
    folder = made_history(tmp_path, [one * 1.01**run for run, one in enumerate(level)])
    code, out, err = told(folder, "--fail-on-step", "5%")
    assert code == ExitCode.JOBS_NOT_OK
    assert "No step was found." in out
    shown = " ".join(out.split())
    assert (
        "drifts: slower by 3" in shown and f"over 30 runs, {run_name(0)} to {run_name(29)}" in shown
    )
    assert f"in all from {run_name(0)} to {run_name(29)}; 5 % is allowed" in " ".join(err.split())
    # Over the newest runs alone it is less.
    assert told(folder, "--fail-on-step", "5%", "--since", run_name(27))[0] == ExitCode.OK
    assert told(folder, "--fail-on-step", "5%", "--since", run_name(20))[0] != ExitCode.OK
    assert series_of(told, folder)[0]["drift"]["ratio"] == pytest.approx(1.01**29, rel=0.05)


def test_a_step_in_the_last_two_runs_is_a_range_and_fails_since_either(told, tmp_path):
    folder = made_history(tmp_path, noisy(20, {18: 0.5}, 5, 0.01))
    code, out, err = told(folder, "--fail-on-step", "5%", "--since", run_name(18))
    assert code == ExitCode.JOBS_NOT_OK
    named = f"with one of {run_name(17)} to {run_name(19)} (95 %), most likely {run_name(18)}"
    assert named in " ".join(out.split())
    assert named in " ".join(err.split())


def test_a_guard_with_nothing_to_judge_by_fails(told, tmp_path):
    folder = made_history(tmp_path, noisy(5))
    code, _, err = told(folder, "--fail-on-step", "5%")
    assert code == ExitCode.JOBS_NOT_OK
    assert "nothing could be judged: a step needs at least 3 runs" in err


def test_a_faster_step_fails_nothing(told, tmp_path):
    folder = made_history(tmp_path, noisy(16, {8: -0.3}))
    assert told(folder, "--fail-on-step", "5%")[0] == ExitCode.OK


def test_each_machine_and_each_work_is_a_series_of_its_own(told, tmp_path):
    for day in range(16):
        card = "Tesla K80" if day % 2 else "NVIDIA A100"
        made_run(tmp_path, day, {TENSORFLOW: 3.0 if day % 2 else 1.0}, device_name=card,
                 job={"device": "gpu", "samples": 500 if day > 11 else None},
                 events={"start": {"device": {"type": "gpu", "name": card}}})  # fmt: skip
    found = series_of(told, tmp_path)
    assert all(not one["steps"] for one in found)
    assert sorted({one["distinction"].split(",")[0] for one in found}) == [
        "NVIDIA A100",
        "Tesla K80",
    ]


def test_a_new_driver_or_version_does_not_part_a_series(told, tmp_path):
    start = {"versions": {"keras": "2.1.6", "python": "3.6.15", "tensorflow": "2.0"}}
    changes: dict[int, dict[str, object]] = {
        6: {"driver": "1.0"},
        9: {"driver": "2.0", "events": {"start": start}},
    }
    folder = made_history(tmp_path, noisy(16, {9: 0.5}), changes)
    [series] = series_of(told, folder)
    [step] = series["steps"]
    assert step["first"] == run_name(9)
    assert {"driver", "keras_version"} <= {change["column"] for change in step["changes"]}


def test_runs_without_a_time_and_disturbed_ones_are_shown_and_do_not_count(told, tmp_path):
    for day, seconds in enumerate(noisy(16, seed=3)):
        if day in (5, 6, 7):
            made_run(tmp_path, day, {TENSORFLOW: 0}, reason="exit code 7")
        elif day in (9, 10, 11):
            seen = {"telemetry": {"foreign_load": 3.0, "samples": 9}}
            made_run(tmp_path, day, {TENSORFLOW: 2 * seconds}, **seen)
        else:
            made_run(tmp_path, day, {TENSORFLOW: seconds})
    [series] = series_of(told, tmp_path)
    assert series["steps"] == []
    assert series["runs"][5]["status"] == Status.FAILED
    assert series["runs"][5]["reason"] == "exit code 7"
    assert series["runs"][9]["disturbance"]
    _, out, _ = told(tmp_path)
    assert "runs without a time (3): mnist_mlp tf-cntk-k208/tensorflow (cpu)" in out


def test_several_folders_and_single_runs_are_one_history(told, tmp_path, stepped):
    parts = [tmp_path / "a", tmp_path / "b"]
    for part in parts:
        part.mkdir()
    for day in range(30):
        shutil.copytree(stepped / run_name(day), parts[day % 2] / run_name(day))
    [whole] = series_of(told, stepped)
    assert series_of(told, *parts) == [whole]
    [few] = series_of(told, parts[0], parts[1] / run_name(1))
    assert [run["run"] for run in few["runs"]][:3] == [run_name(day) for day in (0, 1, 2)]


def test_a_run_that_cannot_be_read_is_named_and_left_out(told, tmp_path):
    made_history(tmp_path, noisy(7))
    (tmp_path / run_name(3) / "manifest.json").write_text("{")
    code, out, err = told(tmp_path, "--json")
    assert code == ExitCode.OK
    assert f"{run_name(3)}/manifest.json: cannot be read" in err
    assert len(json.loads(out)["series"][0]["runs"]) == 6


def test_a_folder_without_runs_says_so(told, tmp_path):
    code, _, err = told(tmp_path)
    assert code == ExitCode.USAGE or code == ExitCode.JOBS_NOT_OK
    assert f"no runs yet in {tmp_path}" in err


def test_cells_are_chosen_and_a_wrong_name_is_told(told, tmp_path):
    for day in range(3):
        made_run(tmp_path, day, {TENSORFLOW: 1.0, CNTK: 2.0})
    [series] = series_of(told, tmp_path, "--backend", "cntk")
    assert series["backend"] == "cntk"
    code, _, err = told(tmp_path, "--backend", "cntkk")
    assert code == ExitCode.USAGE
    assert "cntk" in err


def test_the_chart_has_round_ticks_and_crosses_for_runs_without_a_time(tmp_path):
    for day in range(8):
        made_run(tmp_path, day, {TENSORFLOW: 0 if day == 2 else 1.0})
    [series] = read_series(load_runs(*sorted(tmp_path.iterdir())))
    chart = draw_series(series)
    assert len(chart["failed"]) == 1
    assert len(chart["dots"]) == 7
    assert tick_values(0.93, 1.58) == [1.0, 1.2000000000000002, 1.4000000000000001]


def test_a_cell_without_any_time_has_no_chart(tmp_path):
    made_run(tmp_path, 0, {TENSORFLOW: 0})
    [series] = read_series(load_runs(tmp_path / run_name(0)))
    assert draw_series(series) is None
