"""Completion: what each shell is offered, for real, and that asking costs little."""

import os
import shutil
import subprocess
import sys

import pytest

from fake_nvml import K80, FakeNvml
from patching import patch_everywhere
from runner import paths
from runner.cli.app import COMMANDS, main
from runner.cli.completion import PROGRAM, VARIABLE
from runner.errors import MachineError
from runner.machine.gpu import connect_driver
from runner.spec.configuration import configuration_names
from runner.spec.workload import WORKLOADS
from runner.store.run_folder import RunStore

ROOT = paths.ROOT
HEAVY = ("pandas", "numpy", "pyarrow", "scipy", "docker", "requests")


@pytest.fixture
def offered(monkeypatch, capsys):
    """Return what bash is offered for a line, whose last word is the one being typed."""

    def ask(line):
        words = line.split(" ")
        monkeypatch.setenv(VARIABLE, "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        assert main([]) == 0
        return capsys.readouterr().out.split()

    return ask


def test_without_a_command_the_commands_and_the_options_of_run_are_offered(offered):
    found = offered("keras-bench ")
    shown = [entry.name for entry in COMMANDS if not entry.hidden]
    assert shown == found[: len(shown)]
    assert "work" not in found
    assert {"--config", "--epochs", "--help"} <= set(found)
    assert "--install-completion" in offered("keras-bench --in")
    assert offered("keras-bench rep") == ["report"]


def test_an_option_of_several_names_goes_on_offering_the_others(offered):
    every = configuration_names()
    assert offered("keras-bench --config ") == every
    assert offered("keras-bench --config jax-k3 ") == [n for n in every if n != "jax-k3"]
    begun = [name for name in every if name.startswith("to")]
    assert {"torch-k3", "torch-k305"} <= set(begun)
    begun.remove("torch-k305")
    assert offered("keras-bench run --config jax-k3 torch-k305 to") == begun
    begun = [name for name in every if name.startswith("mxnet-k1")]
    assert offered("keras-bench build --config mxnet-k1") == begun
    assert "--model" in offered("keras-bench --config jax-k3 --")
    assert offered("keras-bench --model mnist_mlp ") == [n for n in WORKLOADS if n != "mnist_mlp"]


def test_backends_are_those_of_the_named_configurations(offered):
    assert offered("keras-bench --config tf-cntk-k208 --backend ") == ["tensorflow", "cntk"]
    assert "jax" in offered("keras-bench --backend ")


def test_choices_are_offered(offered):
    assert offered("keras-bench --device ") == ["auto", "gpu", "cpu"]
    assert offered("keras-bench --data d") == ["digits"]
    assert offered("keras-bench data ") == ["fetch", "verify", "list"]


def test_paths_are_left_to_the_shell(offered):
    assert offered("keras-bench --wheels ") == []


def test_gpus_are_offered_by_uuid_if_a_driver_answers(offered, monkeypatch):
    patch_everywhere(monkeypatch, connect_driver, lambda: FakeNvml())
    assert offered("keras-bench --gpu ") == [K80.uuid]
    patch_everywhere(monkeypatch, connect_driver, lambda: None)
    assert offered("keras-bench --gpu ") == []

    def broken():
        raise MachineError("the driver does not answer")

    patch_everywhere(monkeypatch, connect_driver, broken)
    assert offered("keras-bench --gpu ") == []


def test_runs_are_offered_newest_first(offered, tmp_path):
    for name in ("20260202-000000", "20260101-000000"):
        job = RunStore.create(tmp_path, {}, name).folder / "jobs" / "j"
        job.mkdir(parents=True)
        (job / "job.json").touch()
    (tmp_path / "no-run").mkdir()
    line = f"keras-bench report --results {tmp_path} "
    assert offered(line) == ["latest", "20260101-000000", "20260202-000000"]
    assert offered(f"{line}20260202-000000 ") == ["latest", "20260101-000000"]
    assert offered(f"keras-bench report --results {tmp_path / 'none'} ") == []


def test_a_broken_configuration_does_not_break_the_prompt(offered, monkeypatch, tmp_path):
    patch_everywhere(monkeypatch, configuration_names, lambda: ["jax-k3", "not-there"])
    assert offered("keras-bench --config ") == ["jax-k3"]


@pytest.mark.parametrize("line", ["keras-bench --config 'jax", 'keras-bench --config "jax'])
def test_a_quote_may_be_open(offered, line):
    assert offered(line) == [name for name in configuration_names() if name.startswith("jax")]


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_help_and_completion_import_nothing_heavy(entry):
    code = (
        "import sys; from runner.cli import app; app.main(sys.argv[1:]); "
        f"sys.exit(','.join(m for m in {HEAVY} if m in sys.modules))"
    )
    asked = [sys.executable, "-c", code, entry.name, "--help"]
    ended = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.stderr.strip() == ""
    assert "Usage" in ended.stdout


@pytest.fixture
def shell(tmp_path):
    """Return what a real shell prints for a script, with the program on its search path."""
    program = tmp_path / PROGRAM
    started = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from runner.cli.app import entry"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{started}; entry()" "$@"\n')
    program.chmod(0o755)

    def run(name, *arguments):
        if shutil.which(name) is None:
            pytest.skip(f"no {name} on this machine")
        environment = {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "TERM": "dumb",
        }
        ended = subprocess.run(
            [name, *arguments], env=environment, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        assert ended.stderr == ""
        return ended.stdout.splitlines()

    return run


OTHERS = [name for name in configuration_names() if name != "jax-k3"]


def test_bash(shell):
    script = """
        source <(_KERAS_BENCH_COMPLETE=source_bash keras-bench)
        complete -p keras-bench >/dev/null
        COMP_WORDS=(keras-bench --config jax-k3 ""); COMP_CWORD=3
        _keras_bench_completion keras-bench
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    assert shell("bash", "--norc", "-c", script) == OTHERS


def test_zsh(shell):
    script = """
        compdef() { : }
        _arguments() { print -r -- "$@" }
        eval "$(_KERAS_BENCH_COMPLETE=source_zsh keras-bench)"
        words=(keras-bench --config jax-k3 ""); CURRENT=4
        _keras_bench_completion
    """
    said = "\n".join(shell("zsh", "-f", "-c", script))
    assert all(name in said for name in OTHERS)
    assert '"jax-k3"' not in said


def test_fish(shell):
    script = """
        _KERAS_BENCH_COMPLETE=source_fish keras-bench | source
        complete -C "keras-bench --config jax-k3 "
    """
    offers = [line.split("\t") for line in shell("fish", "--no-config", "-c", script)]
    # fish has an order of its own.
    assert sorted(name for name, _ in offers) == sorted(OTHERS)
    assert dict(offers)["tf-k3"].startswith("TensorFlow")
