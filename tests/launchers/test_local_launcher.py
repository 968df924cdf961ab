"""The local launcher against real processes: the shared contract, and what is its own."""

import errno
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from launcher_contract import LauncherContract, Silent, make_job
from runner.environments.lockfile import wheels_of
from runner.environments.patience import Making
from runner.environments.recipe import sha256_of
from runner.errors import BuildError, MachineError
from runner.execution.attempt import Conditions, run_job
from runner.launchers.local import LocalLauncher
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Device, load_configurations
from runner.spec.job import Status
from runner.spec.time_limits import TimeLimits
from runner.store.run_folder import RunStore
from runner.tables.load import load_runs

FAKES = Path(__file__).parent.parent / "fakes" / "models"


def prepared(launcher, chosen, folder):
    return launcher.prepare(chosen, Making(folder / "log", print))


def make_launcher(cache, python):
    return LocalLauncher(
        Device.CPU,
        cache=cache,
        build=BuildOptions(),
        data_dir=None,
        gpu=None,
        python=python,
        models=FAKES,
    )


CALLERS = {
    "XLA_FLAGS": "--xla_cpu_use_thunk_runtime=false",
    "KERAS_BACKEND": "something",
    "NVIDIA_API_KEY": "secret",
    "SSL_CERT_FILE": "/somewhere",
    "LD_PRELOAD": "",
}


@pytest.fixture
def launcher(tmp_path, monkeypatch):
    for name, value in CALLERS.items():
        monkeypatch.setenv(name, value)
    return make_launcher(tmp_path / "cache", Path(sys.executable))


@pytest.fixture
def environment(launcher, tmp_path):
    chosen = load_configurations(["mxnet-k122"])[0]
    return prepared(launcher, chosen, tmp_path)


def group_is_alive(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


class TestLocalLauncher(LauncherContract):
    def test_a_stopped_job_leaves_no_process_and_no_folder(self, launcher, environment):
        process = launcher.start(make_job("sleeps"), environment)
        process.read(timeout=30)
        pid, scratch = process._process.pid, process._scratch
        assert group_is_alive(pid)
        began = time.monotonic()
        process.stop()
        process.close()
        assert time.monotonic() - began < 10
        assert not group_is_alive(pid)
        assert not scratch.exists()

    def test_what_is_installed_is_the_identity(self, environment):
        assert len(environment.identity["packages_sha256"]) == 64

    def test_a_job_sees_little_of_the_parents_environment(self, bench):
        assert bench.run("environment").status is Status.OK
        seen = json.loads(bench.log("environment").splitlines()[0])["variables"]
        assert set(CALLERS) & set(seen) == {"XLA_FLAGS"}

    def test_what_can_change_a_time_reaches_a_job_and_its_row(self, bench):
        record = bench.run("environment")
        seen = json.loads(bench.log("environment").splitlines()[0])["variables"]
        assert seen["XLA_FLAGS"] == "--xla_cpu_use_thunk_runtime=false"
        assert "XLA_FLAGS=--xla_cpu_use_thunk_runtime=false" in record.identity["variables"]
        assert bench.table()["variables"].unique().tolist() == [record.identity["variables"]]


@pytest.mark.parametrize("error", ["full before", "full at its start"])
def test_a_full_disk_of_temporary_files_ends_the_run_and_fails_no_job(
    launcher, environment, tmp_path, monkeypatch, error
):
    """Each job failed, one after the other, and the night was over."""
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    if error == "full before":
        usage = SimpleNamespace(free=1 << 20)
        monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    else:

        def full(*arguments, **options):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(scratch))

        monkeypatch.setattr("runner.launchers.local.subprocess.Popen", full)
    store = RunStore.create(tmp_path / "runs", {})
    conditions = Conditions(launcher, store, Silent(), TimeLimits())
    with pytest.raises(MachineError, match=f"{scratch}: no space is left"):
        run_job(make_job("well"), environment, conditions)
    assert load_runs(store.folder)["status"].tolist() == ["interrupted"]
    assert list(scratch.iterdir()) == []


def test_what_is_no_interpreter_is_one_line(tmp_path):
    chosen = load_configurations(["mxnet-k122"])[0]
    with pytest.raises(BuildError, match="not a Python interpreter"):
        prepared(make_launcher(tmp_path, tmp_path / "python"), chosen, tmp_path)


def test_a_missing_python_says_which_one(tmp_path, monkeypatch):
    monkeypatch.setattr("runner.machine.interpreters._candidates", lambda version: iter(()))
    chosen = load_configurations(["mxnet-k122"])[0]
    with pytest.raises(BuildError, match="needs Python 3.6 or 3.5 on this machine"):
        prepared(make_launcher(tmp_path, None), chosen, tmp_path)


def test_a_missing_lock_says_how_to_make_it(tmp_path):
    chosen = load_configurations(["mxnet-k122"])[0].model_copy(update={"folder": tmp_path})
    with pytest.raises(BuildError, match=r"cpu\.lock: No such file .* lock mxnet-k122"):
        prepared(make_launcher(tmp_path, None), chosen, tmp_path)


def test_only_the_wheels_that_a_lock_names_are_taken(tmp_path):
    for name in ("wanted", "other"):
        (tmp_path / f"{name}.whl").write_bytes(name.encode())
    lock = f"x==1 --hash=sha256:{sha256_of(b'wanted')}".encode()
    assert [path.name for path in wheels_of([tmp_path], lock)] == ["wanted.whl"]
