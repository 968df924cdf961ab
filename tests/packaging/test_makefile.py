"""What make passes on: what its command line says, whatever characters that has, and no more."""

import os
import shlex
import subprocess

import pytest

from runner import paths


def made(*arguments, **environment):
    """Return what make would run, and what it says beside, without running anything."""
    # The tests may have been started by make.
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    ended = subprocess.run(
        ["make", "-n", *arguments], cwd=paths.ROOT, env=outside | environment,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return ended.stdout.splitlines()


def called(*arguments, **environment):
    """Return the words with which the runner would be called."""
    lines = made("VENV=/no", *arguments, **environment)
    [line] = [line for line in lines if line.startswith("/no/bin/python -m runner ")]
    return shlex.split(line)[3:]


@pytest.mark.parametrize(
    "value", ["/data/o'brien", "a$b", "two words", "$(x)", "a;b", "é", "*", '"', "back\\slash"]
)
def test_a_value_of_the_command_line_arrives_as_it_is(value):
    """A quote ended in the shell's message, and a dollar took what came after it."""
    words = called("bench-all", f"RESULTS={value}")
    assert words[words.index("--results") + 1] == value


def test_several_names_are_several_words():
    words = called("bench", "MODEL=mnist_mlp babi_rnn")
    assert words[words.index("--model") :][1:3] == ["mnist_mlp", "babi_rnn"]


def test_variables_of_the_shell_change_nothing_and_are_named():
    shell = {"TIMEOUT": "5", "DATA": "/data", "MODEL": "x", "EPOCHS": "99", "RESUME": "a"}
    for target in ("bench", "bench-all"):
        assert called(target, **shell) == called(target)
    said = "\n".join(made("bench", **shell))
    assert "EPOCHS of the environment is not used; make bench EPOCHS=... passes it on" in said


@pytest.mark.parametrize("given", ["REPEATS=3", "UNTIL=2%"])
def test_a_budget_is_given_where_no_other_end_is(given):
    assert "--budget" in called("bench")
    assert "--budget" not in called("bench", given)


def test_a_resumed_run_is_told_nothing_that_it_knows():
    assert called("bench", "RESUME=latest") == ["--resume", "latest"]
    assert called("bench-all", "RESUME=latest") == ["--resume", "latest"]


def test_a_users_settings_for_installing_elsewhere_are_left_out():
    """``PIP_USER=1`` ended make setup, and ``PIP_TARGET`` left the environment empty."""
    installs = [line for line in made("setup", "VENV=/no") if " pip install" in line]
    assert installs
    for line in installs:
        assert line.startswith("env -u PIP_TARGET -u PIP_PREFIX -u PIP_CONSTRAINT PIP_USER=0 ")
