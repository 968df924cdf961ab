"""What a machine or an engine has, against what jobs are to get: said before anything is made."""

import platform
from dataclasses import replace
from types import SimpleNamespace

import pytest

from fake_nvml import K80
from runner.cli.app import main
from runner.errors import ExitCode, MachineError
from runner.machine.docker_engine import Engine
from runner.machine.machine import Machine
from runner.plan.resources import require_architecture, require_capacity, require_shares
from runner.spec.configuration import Device


def engine(**info):
    return Engine(SimpleNamespace(), info)


@pytest.mark.parametrize("name", ["x86_64", "AMD64", None])
def test_a_processor_of_the_locks_is_fine(name):
    require_architecture(engine(Architecture=name))


@pytest.mark.parametrize("name", ["aarch64", "arm64", "riscv64"])
def test_another_processor_is_said_with_what_to_do(name):
    with pytest.raises(MachineError, match=f"x86-64 alone, and the Docker .* is {name}") as caught:
        require_architecture(engine(Architecture=name))
    assert "--python" in str(caught.value).splitlines()[1]


@pytest.mark.parametrize("command", ["plan", "doctor"])
def test_plan_and_doctor_say_the_same_of_this_machine(monkeypatch, tmp_path, capsys, command):
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    model = ["--model", "mnist_mlp"] if command == "plan" else []
    what = ["--config", "jax-k3", *model, "--launcher", "local", "--device", "cpu"]
    results = ["--results", str(tmp_path), "--data", "synthetic"]
    assert main([command, *what, *results]) == ExitCode.MACHINE
    said = capsys.readouterr()
    assert "this machine is aarch64" in " ".join((said.out + said.err).split())


def test_more_than_the_engine_has_is_refused_once():
    """Each of five jobs failed five times before."""
    small = engine(NCPU=2, MemTotal=8 << 30)
    for threads, memory in ((2, 8), ("framework", None), (None, None)):
        require_capacity(small, threads, memory)
    with pytest.raises(MachineError, match="--threads 64: the Docker engine has 2 CPUs"):
        require_capacity(small, 64, None)
    with pytest.raises(MachineError, match="--memory 9: the Docker engine has 8 GiB"):
        require_capacity(small, 2, 9)
    require_capacity(None, 64, 1000)
    require_capacity(engine(), 64, 1000)


def test_what_all_cards_jobs_have_together_is_the_engines_at_most(monkeypatch):
    """Each container's own limit would have been in order, and their sum not."""
    two = (K80, replace(K80, uuid="GPU-other"))
    shares = [(0,), (1,)]
    monkeypatch.setattr("runner.machine.machine.shares_for", lambda cards: shares[: len(cards)])
    small = Machine(Device.GPU, engine(MemTotal=8 << 30), two)
    require_shares(small, "framework", 4)
    with pytest.raises(MachineError, match="jobs on 2 cards at a time have 10 GiB together.*8 GiB"):
        require_shares(small, "framework", 5)
    require_shares(replace(small, gpus=two[:1]), "framework", 5)
    require_shares(replace(small, engine=None), "framework", 5)
