"""A skeleton in a real environment: a new model trains, and new locks come from a real index."""

import shutil
from types import SimpleNamespace

import pytest

from launcher_contract import Silent
from runner import paths
from runner.author.check import configuration_findings, index_findings
from runner.author.new import write_configuration, write_model
from runner.author.trial import trial_findings, trial_jobs
from runner.environments.lock_maker import make_lock
from runner.errors import BuildError
from runner.execution.attempt import Conditions
from runner.execution.guard import CpuGuard
from runner.launchers.local import LocalLauncher
from runner.machine.machine import Machine
from runner.plan.findings import FindingState
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Device, load_configurations
from runner.spec.workload import read_workloads
from runner.store.run_folder import RunStore

BUILD = BuildOptions()


@pytest.fixture
def rooms(tmp_path):
    made = SimpleNamespace(configurations=tmp_path / "docker", models=tmp_path / "code" / "models")
    shutil.copytree(paths.CONFIGURATIONS / "jax-k3", made.configurations / "jax-k3")
    shutil.copytree(paths.MODELS, made.models)
    return made


def test_a_new_model_trains_as_it_is_written(rooms, python_of, tmp_path):
    python_of("jax-k3")
    write_model("mnist_small", "own", rooms.models)
    workload = read_workloads(rooms.models)["mnist_small"]
    found = load_configurations(["jax-k3"])[0]
    launcher = LocalLauncher(
        Device.CPU, cache=paths.cache(), build=BUILD, data_dir=None, gpu=None, python=None,
        models=rooms.models,
    )  # fmt: skip
    store = RunStore.create(tmp_path / "runs", {})
    conditions = Conditions(launcher, store, Silent(), guard=CpuGuard(folder=tmp_path))
    todo = trial_jobs(found, workload, Machine(Device.CPU, None), threads=2)
    told = list(trial_findings(found, todo, workload, conditions))
    assert [(f.subject, f.state) for f in told] == [
        (step, FindingState.OK) for step in ("environment", "imports", "parameters", "epochs")
    ]


def test_new_locks_are_what_the_index_resolves(rooms, package_index):
    pins = {"keras": "3.14.0", "keras-hub": "0.29.1"}
    made, _ = write_configuration("jax-k3140", None, pins, BUILD, print, rooms.configurations)
    assert {f.state for f in configuration_findings(made.folder)} == {FindingState.OK}
    assert {f.state for f in index_findings(made, Device.CPU, BUILD)} == {FindingState.OK}
    wanted = made.wanted(Device.CPU)
    wanted.write_text(wanted.read_text().replace("3.14.0", "3.99.99"))
    before = made.lock(Device.CPU).read_bytes()
    with pytest.raises(BuildError, match=r"no version of keras==3\.99\.99"):
        make_lock(made, Device.CPU, BUILD)
    assert made.lock(Device.CPU).read_bytes() == before
    assert not list(made.folder.glob("*.part"))
