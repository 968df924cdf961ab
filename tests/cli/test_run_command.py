"""The run command: what it prints for a person, for a program, and when asked to be quiet."""

import json
import os
import sys

import pytest

from patching import patch_everywhere
from runner import paths
from runner.cli.app import main
from runner.errors import BenchmarkError, ExitCode
from runner.execution.guard import CpuGuard, device_guard
from runner.execution.loop import run_jobs
from runner.launchers.choose import launcher_for
from runner.store.record import read_manifest
from scripted import ScriptedLauncher, stream


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Call the command line with a launcher that says recorded streams."""
    launcher = ScriptedLauncher({"mxnet": stream()})
    patch_everywhere(monkeypatch, launcher_for, lambda *arguments: launcher)
    patch_everywhere(monkeypatch, device_guard, lambda *asked, **more: CpuGuard(folder=tmp_path))
    monkeypatch.setattr(paths, "cache", lambda: tmp_path / "cache")
    common = ("--launcher", "local", "--device", "cpu", "--config", "mxnet-k122", "--data",
              "synthetic", "--results", str(tmp_path / "runs"), "--epochs", "3", "--threads", "1",
              "--seed", "1", "--image-data-format", "channels_last")  # fmt: skip

    def go(*arguments):
        return main([*common, *arguments])

    return go


def test_json_is_all_there_is_on_standard_output(call, capsys, tmp_path):
    assert call("--model", "mnist_mlp", "mnist_cnn", "--json") == ExitCode.JOBS_NOT_OK
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    events = [line["event"] for line in lines]
    assert (events[0], *events[-2:]) == ("run_started", "run_ended", "answer")
    assert events.count("job_ended") == lines[0]["total"] == 2
    assert lines[-2]["exit_code"] == ExitCode.JOBS_NOT_OK
    assert lines[-2]["statuses"] == {"ok": 1, "invalid": 1}
    assert lines[-1]["run"] == lines[0]["run"]
    folder = tmp_path / "runs" / lines[0]["run"]
    assert str(folder) == lines[0]["folder"]
    assert (folder / "table.parquet").exists()


def test_quiet_prints_the_table_alone(call, capsys):
    assert call("--model", "mnist_mlp", "--quiet") == ExitCode.OK
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.startswith("Seconds per epoch")
    assert "published" not in said.out
    words = [word for word in said.out.split() if "─" not in word]
    assert words == ["Seconds", "per", "epoch", "model", "mxnet-k122/mxnet", "mnist_mlp", "3"]


def test_quiet_says_what_went_wrong_beside_the_table(call, capsys):
    assert call("--model", "mnist_mlp", "mnist_cnn", "--quiet") == ExitCode.JOBS_NOT_OK
    said = capsys.readouterr()
    assert "mxnet-k122.mxnet.mnist_cnn.1: invalid" in said.err
    rows = [line.split() for line in said.out.splitlines()]
    assert rows.index(["mnist_cnn", "invalid"]) == rows.index(["mnist_mlp", "3"]) + 1


def test_quiet_and_json_exclude_each_other(call, capsys, tmp_path):
    assert call("--quiet", "--json") == ExitCode.USAGE
    assert "--quiet and --json" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_a_pipe_gets_plain_lines(call, capsys):
    assert call("--model", "mnist_mlp") == ExitCode.OK
    said = capsys.readouterr().out
    assert "[1/1] mxnet-k122.mxnet.mnist_mlp.1\n  epoch 1/3: 9 s" in said
    assert "\x1b" not in said


def test_a_run_can_be_named_once(call, capsys, tmp_path):
    assert call("--model", "mnist_mlp", "--name", "before", "--quiet") == ExitCode.OK
    assert (tmp_path / "runs" / "before" / "summary.md").is_file()
    capsys.readouterr()
    assert call("--model", "mnist_mlp", "--name", "before", "--quiet") == ExitCode.USAGE
    assert "a run 'before' is there already" in capsys.readouterr().err
    kept = ["--results", str(tmp_path / "runs")]
    assert main(["plan", *kept, "--name", "before"]) == ExitCode.USAGE
    assert "a run 'before' is there already" in capsys.readouterr().err
    assert main([*kept, "--resume", "before", "--name", "after"]) == ExitCode.USAGE
    assert "--resume goes on with run before: leave out --name" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["latest", "", ".", "..", "a/b", "/a", ".hidden", "-x", "a,b", "a b", "a\n", "x" * 61]
)
def test_a_name_that_no_run_can_have_is_refused_before_anything_is_done(
    call, capsys, tmp_path, name
):
    assert call("--model", "mnist_mlp", f"--name={name}") == ExitCode.USAGE
    assert "is no name for a run" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_what_ends_a_run_is_its_last_event(call, capsys, monkeypatch):
    def refuse(self, device):
        raise BenchmarkError("no")

    assert call("--model", "mnist_mlp", "--json") == ExitCode.OK
    earlier = json.loads(capsys.readouterr().out.splitlines()[0])
    patch_everywhere(monkeypatch, run_jobs, lambda *given, **named: refuse(None, None))
    assert call("--model", "mnist_mlp", "--json") == ExitCode.JOBS_NOT_OK
    first, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert (last["event"], last["exit_code"], last["error"]) == ("run_ended", 1, "no")
    assert first["seconds_left"] > earlier["seconds_left"] == 0


@pytest.mark.parametrize("threads", ["0", "-1", "1.5", "all", ""])
def test_threads_are_a_number_or_the_frameworks_own(call, capsys, threads):
    assert call("--threads", threads) == ExitCode.USAGE
    said = f"--threads {threads}: expected a whole number from 1 on, or framework"
    assert said in capsys.readouterr().err


def test_the_frameworks_own_threads_reach_the_job_and_the_table(call, tmp_path):
    call("--model", "mnist_mlp", "--threads", "framework", "--quiet")
    [folder] = (tmp_path / "runs").iterdir()
    asked = [json.loads(path.read_text()) for path in folder.glob("jobs/*/job.json")]
    assert {job["threads"] for job in asked} == {1, "framework"}  # every call asks for one
    assert read_manifest(folder)["request"]["threads"] == [1, "framework"]


def full_disk():
    return open("/dev/full", "w")  # noqa: PTH123


def gone_terminal():
    ours, theirs = os.openpty()
    os.close(ours)
    return os.fdopen(theirs, "w")


def gone_reader():
    reads, writes = os.pipe()
    os.close(reads)
    return os.fdopen(writes, "w")


@pytest.mark.parametrize("made", [full_disk, gone_terminal, gone_reader])
@pytest.mark.parametrize("style", [(), ("--json",), ("--quiet",)])
@pytest.mark.parametrize("names", [("stdout",), ("stderr",), ("stdout", "stderr")])
def test_a_run_that_nobody_hears_is_measured_all_the_same(
    call, monkeypatch, tmp_path, made, style, names
):
    """It ended after the first job, or with a traceback and code 1 after the last."""
    with monkeypatch.context() as patched:
        for name in names:
            patched.setattr(sys, name, made())
        assert call("--model", "mnist_mlp", *style) == ExitCode.OK
    [folder] = (tmp_path / "runs").iterdir()
    assert (folder / "summary.md").exists()
