"""The command line: several names to an option, one clear line for a mistake, exit codes."""

import pytest

from patching import patch_everywhere
from runner.cli.app import main, normalize
from runner.errors import ExitCode
from runner.machine.gpu import Cards
from runner.machine.visible import list_gpus


def call(*arguments) -> int:
    return main(arguments)


def test_an_option_takes_several_names_and_run_is_the_default():
    assert normalize(["--config", "a", "b", "--model", "m", "--epochs", "2"]) == [
        "run", "--config", "a", "--config", "b", "--model", "m", "--epochs", "2",
    ]  # fmt: skip
    assert normalize(["build", "--config", "a", "b"]) == [
        "build", "--config", "a", "--config", "b",
    ]  # fmt: skip
    assert normalize(["report", "one", "two"]) == ["report", "one", "two"]
    assert normalize(["--help"]) == ["--help"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            ["--config", "mxnet-k12"],
            "unknown configuration 'mxnet-k12'; did you mean 'mxnet-k122'?",
        ),
        (["--model", "mnist_mpl"], "unknown model 'mnist_mpl'; did you mean 'mnist_mlp'?"),
        (["--backend", "tehano"], "unknown backend 'tehano'; did you mean 'theano'?"),
        (["--data", "digits", "--model", "babi_rnn"], "--data digits does not fit babi_rnn"),
        (["--epochs", "0"], "--epochs"),
        (["--epocs", "1"], "--epochs"),
        (["report", "nothing"], "no run 'nothing'"),
        (["biuld"], "build"),
        (["new", "configuration", "../x"], "'../x' is no name for a configuration"),
        (["new", "configuration", "jax-k3"], "is there already; nothing was changed"),
        (["new", "configuration", "jax-k4", "--pin", "keras"], "--pin 'keras': expected NAME=="),
        (["new", "model", "a/b\x1b[31m"], "'a/b\\x1b[31m' is no name for a model"),
        (["new", "model", "mnist_mlp"], "bhatia2017/mnist_mlp.py is there already; nothing was"),
        (["new", "model", "tiny", "--suite", "a/b"], "'a/b' is no name for a suite"),
        (["lock", "jax-k4"], "unknown configuration 'jax-k4'; did you mean"),
        (["check", "configuration", "jax-k4"], "unknown configuration 'jax-k4'; did you mean"),
        (["check", "configuration", "../jax-k3"], "is no name for a configuration"),
        (["check", "configuration", "jax-k3", "--model", "x"], "unknown model 'x'"),
        (["check", "model", "mnist_mpl"], "unknown model 'mnist_mpl'; did you mean 'mnist_mlp'?"),
        (["check", "model", "../mnist_mlp"], "is no name for a model"),
    ],
)
def test_a_mistake_is_one_clear_line_and_exit_2(arguments, text, capsys):
    assert call(*arguments) == ExitCode.USAGE
    said = capsys.readouterr()
    assert text in said.err
    assert said.out == ""
    assert "Traceback" not in said.err


def test_without_the_gpu_that_is_asked_for_exit_3_in_two_lines(monkeypatch, capsys):
    patch_everywhere(monkeypatch, list_gpus, Cards)
    assert call("--config", "mxnet-k122", "--device", "gpu") == ExitCode.MACHINE
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_without_an_engine_exit_3(tmp_path, capsys):
    assert call("--device", "cpu", "--engine", str(tmp_path / "no.sock")) == ExitCode.MACHINE
    assert "no Docker engine answers" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["list"], ["published"], ["data", "list"], ["--help"]])
def test_what_only_tells_exits_0(command, capsys):
    assert call(*command) == ExitCode.OK
    assert capsys.readouterr().out


def test_published_prints_five_tables(capsys):
    call("published")
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.rstrip().endswith("Tesla K80)") for line in lines) == 5
