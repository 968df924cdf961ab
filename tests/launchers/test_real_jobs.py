"""Faults put into a real job, in a real environment: each is caught and named."""

import re
import shutil

import pytest

from launcher_contract import Silent, make_job
from runner import paths
from runner.environments.patience import Making
from runner.execution.attempt import Conditions, run_job
from runner.launchers.local import LocalLauncher
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Device, load_configurations
from runner.spec.job import Status
from runner.spec.time_limits import TimeLimits
from runner.store.run_folder import RunStore
from runner.tables.load import load_runs
from runner.tables.per_cell import summarize

CONFIGURATION = "jax-k3"


@pytest.fixture
def python(python_of):
    return python_of(CONFIGURATION)


@pytest.fixture
def bench(python, tmp_path):
    """Return a function that runs the MLP with one of its files changed: (record, table)."""

    def run(name="workloads/bhatia2017/mnist_mlp.py", old="", new="", epochs=3):
        models = tmp_path / "code" / "models"
        shutil.copytree(paths.MODELS, models)
        text = (models / name).read_text()
        assert old in text
        (models / name).write_text(text.replace(old, new, 1))
        launcher = LocalLauncher(
            Device.CPU, cache=tmp_path, build=BuildOptions(), data_dir=None, gpu=None,
            python=python, models=models,
        )  # fmt: skip
        chosen = load_configurations([CONFIGURATION])[0]
        environment = launcher.prepare(chosen, Making(tmp_path / "log", print))
        store = RunStore.create(tmp_path / "runs", {})
        job = make_job(
            configuration=CONFIGURATION, backend="jax", epochs=epochs, samples=2048, threads=2
        )
        record = run_job(
            job, environment, Conditions(launcher, store, Silent(), TimeLimits(wall=200))
        )
        return record, load_runs(store.folder)

    return run


def test_an_unharmed_job_is_ok_and_its_phases_are_whole(bench):
    record, table = bench()
    assert (record.status, record.reason) == (Status.OK, None)
    assert table["parameters"].unique().tolist() == [669_706]
    phases = table.filter(regex="^(start|import|data|build|set_up|first_epoch|later_epochs"
                                "|limits|test|teardown)_seconds$").iloc[0]  # fmt: skip
    assert len(phases) == 10
    assert phases.sum() == pytest.approx(record.wall_seconds, rel=0.01)
    assert table["peak_flops_per_second"].iloc[0] > 0


def test_a_net_that_diverges_is_invalid(bench):
    record, _ = bench(old='"lr": 0.001', new='"lr": 1e30')
    assert record.status is Status.INVALID
    assert "the loss of epoch" in record.reason


def test_another_layer_is_another_model(bench):
    record, table = bench(old="dense(512", new="dense(511")
    assert record.status is Status.INVALID
    assert "669706" in record.reason
    assert table["epoch"].isna().all()


def test_an_epoch_that_sleeps_is_named(bench):
    # The clock counts from 0: the fourth epoch sleeps.
    sleeps = "import time as t; t.sleep(1.5 * (epoch == 3)); seconds = self._now()"
    record, table = bench("job/clock.py", old="seconds = self._now()", new=sleeps, epochs=6)
    assert record.status is Status.OK
    later = table[table["epoch"] > 1].set_index("epoch")["seconds"]
    assert later.idxmax() == 4 and later[4] > 1.5
    # On a busy machine others of these short epochs can be slow too; the one that slept must be.
    warnings = summarize(table)["warnings"].iloc[0]
    assert re.search(r"epochs took over 1.2 times the median \([1-5] of 5\)", warnings)


def test_a_clock_that_runs_fast_is_invalid(bench):
    record, _ = bench("job/clock.py", old="seconds = self._now()", new="seconds = 9 + self._now()")
    assert record.status is Status.INVALID
    assert "the wall clock" in record.reason


def test_a_clock_that_stands_still_is_invalid(bench):
    stands = "seconds = 1e-6"
    record, _ = bench("job/clock.py", old="seconds = self._now() - self._begin", new=stands)
    assert record.status is Status.INVALID
    assert "operations a second where the device does" in record.reason
