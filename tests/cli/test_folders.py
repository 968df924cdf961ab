"""Folders that cannot be had or written to: one line, with the folder and what helps."""

import pwd

import pytest

from runner.cli import app
from runner.cli.app import main
from runner.errors import ExitCode

WHAT = ("--config", "jax-k3", "--launcher", "local", "--device", "cpu", "--model", "mnist_mlp",
        "--epochs", "1", "--samples", "128")  # fmt: skip


@pytest.fixture
def said(capsys):
    """Call the command line; return its code and its lines on standard error."""

    def call(*arguments):
        code = main(arguments)
        return code, capsys.readouterr().err.splitlines()

    return call


@pytest.fixture
def no_folder(tmp_path):
    """Return a path that can be no folder, whoever asks: a file lies there."""
    (tmp_path / "file").touch()
    return tmp_path / "file"


@pytest.fixture
def no_home(monkeypatch):
    """Make this user one of any number, without HOME and without a line in /etc/passwd."""

    def unknown(_):
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("command", ["run", "plan"])
def test_results_that_cannot_be_written_are_said_before_anything(said, no_folder, command):
    code, lines = said(command, *WHAT, "--results", str(no_folder / "runs"))
    assert code == ExitCode.MACHINE
    assert lines[-2:] == [
        f"error: {no_folder}/runs cannot be written to: Not a directory",
        "name another folder: --results",
    ]


@pytest.mark.parametrize("command", ["run", "plan"])
def test_a_cache_that_cannot_be_written_is_said_before_anything(
    said, no_folder, monkeypatch, tmp_path, command
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(no_folder))
    code, lines = said(command, *WHAT, "--results", str(tmp_path / "runs"))
    assert code == ExitCode.MACHINE
    assert lines[-2].startswith(f"error: {no_folder}/keras-backend-benchmarks cannot be written")
    assert lines[-1] == "make it yours, or set XDG_CACHE_HOME to a folder that is"
    assert not (tmp_path / "runs").exists()


def test_the_doctor_says_the_same(said, no_folder, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(no_folder))
    assert main(["doctor", *WHAT[:6], "--results", str(no_folder)]) == ExitCode.MACHINE
    text = "".join(capsys.readouterr().out.split())
    assert text.count("cannotbewrittento:Notadirectory") == 2


@pytest.mark.parametrize(
    "arguments",
    [("run", *WHAT), ("plan", *WHAT), ("doctor", *WHAT[:6]), ("clean", "--dry-run"),
     ("data", "verify")],
)  # fmt: skip
@pytest.mark.usefixtures("no_home")
def test_a_user_without_a_home_is_told_what_to_set(said, arguments):
    code, lines = said(*arguments)
    assert code == ExitCode.MACHINE
    assert len(lines) == 2
    assert lines[0].startswith("error: no home folder is known for this user")
    assert "XDG_CACHE_HOME" in lines[1]


@pytest.mark.parametrize("arguments", [("list",), ("data", "list"), ("published",)])
@pytest.mark.usefixtures("no_home")
def test_what_needs_no_home_asks_for_none(said, arguments):
    assert said(*arguments) == (ExitCode.OK, [])


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (PermissionError(13, "Permission denied", "/a/b"), "error: /a/b: Permission denied; "),
        (OSError(28, "No space left on device", "/a/b"), "error: /a/b: No space left on device"),
        (OSError(5, "Input/output error"), "error: Input/output error: is there room"),
        (FileNotFoundError(2, "No usable temporary directory"), "error: No usable temporary"),
    ],
)
def test_whatever_else_the_machine_refuses_is_a_line(said, monkeypatch, error, line):
    def refused(_):
        raise error

    monkeypatch.setattr(app, "_start", refused)
    code, lines = said("list")
    assert code == ExitCode.MACHINE
    assert len(lines) == 1
    assert lines[0].startswith(line)
