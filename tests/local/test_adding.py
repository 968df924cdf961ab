"""A skeleton in a real environment: a new model trains, and new locks come from a real index."""

import os
import shutil

import pytest

from launcher_contract import Silent
from runner import check, config_files, locks, paths, scaffold, workloads
from runner.check import Mark
from runner.config_files import Device
from runner.errors import BuildError
from runner.images import BuildOptions
from runner.launchers.local import LocalLauncher
from runner.occupancy import CpuGuard
from runner.preflight import Machine
from runner.running import Conditions
from runner.scaffold import Rooms
from runner.store import RunStore

BUILD = BuildOptions()


def cannot(reason):
    if os.environ.get("REQUIRE_ENGINE") == "1":
        pytest.fail(f"REQUIRE_ENGINE=1, but {reason}")
    pytest.skip(reason)


@pytest.fixture
def rooms(tmp_path):
    made = Rooms(tmp_path / "docker", tmp_path / "code" / "models")
    shutil.copytree(paths.CONFIGURATIONS / "jax-k3", made.configurations / "jax-k3")
    shutil.copytree(paths.MODELS, made.models)
    return made


def test_a_new_model_trains_as_it_is_written(rooms, tmp_path):
    scaffold.new_model("mnist_small", "own", rooms)
    workload = workloads.read(rooms.models)["mnist_small"]
    found = config_files.load(["jax-k3"])[0]
    launcher = LocalLauncher(
        Device.CPU, cache=paths.cache(), build=BUILD, data_dir=None, gpu_uuid=None, python=None,
        say=print, models=rooms.models,
    )  # fmt: skip
    store = RunStore.create(tmp_path / "runs", {})
    conditions = Conditions(launcher, store, Silent(), guard=CpuGuard(folder=tmp_path))
    todo = check.planned(found, workload, Machine(Device.CPU, None, None), threads=2)
    told = list(check.trial(found, todo, workload, conditions))
    if told[0].mark is Mark.PROBLEM:
        cannot(f"no environment for jax-k3: {told[0].text}")
    assert [(f.step, f.mark) for f in told] == [
        (step, Mark.OK) for step in ("environment", "imports", "parameters", "epochs")
    ]


def test_new_locks_are_what_the_index_resolves(rooms):
    try:
        locks.try_install(config_files.load(["jax-k3"])[0], Device.CPU, BUILD)
    except BuildError as error:
        cannot(f"no package index: {error}")
    pins = {"keras": "3.14.0"}
    made, _ = scaffold.new_configuration("jax-k3140", None, pins, BUILD, print, rooms)
    assert {f.mark for f in check.configuration(made.folder)} == {Mark.OK}
    assert {f.mark for f in check.index(made, Device.CPU, BUILD)} == {Mark.OK}
    wanted = made.wanted(Device.CPU)
    wanted.write_text(wanted.read_text().replace("3.14.0", "3.99.99"))
    before = made.lock(Device.CPU).read_bytes()
    with pytest.raises(BuildError, match=r"no version of keras==3\.99\.99"):
        locks.make(made, Device.CPU, BUILD)
    assert made.lock(Device.CPU).read_bytes() == before
    assert not list(made.folder.glob("*.part"))
