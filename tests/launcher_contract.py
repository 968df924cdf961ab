"""What every launcher must do, whatever it runs jobs in: one suite, shared by all of them.

A test class inherits ``LauncherContract`` and gives a fixture ``launcher`` that runs the fake
models package of tests/fakes, and a fixture ``environment`` for it.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from runner.execution.attempt import Conditions, run_job
from runner.execution.observer import Observer
from runner.launchers.base import Environment, Launcher
from runner.spec.job import Job, Status
from runner.spec.time_limits import TimeLimits
from runner.store.record import Record
from runner.store.run_folder import RunStore
from runner.tables.columns import PHASE_COLUMNS
from runner.tables.load import load_runs
from runner.tables.per_job import phase_rows


class Silent(Observer):
    """An observer that keeps quiet."""


def make_job(model: str = "mnist_mlp", **changes) -> Job:
    """Return a job with plain settings."""
    fields = {
        "configuration": "some-k1", "backend": "mxnet", "model": model, "repeat": 1,
        "device": "cpu", "data": "synthetic", "epochs": 2, "samples": 8, "seed": 1, "threads": 1,
        "image_data_format": "channels_last", "recurrent_activation": "sigmoid",
        "precision": "float32", "jit": "auto", "phase": "train", "size": "published",
        "batch_size": None,
    }  # fmt: skip
    return Job(**{**fields, **changes})


class Bench:
    """Runs jobs on a launcher and reads back what was kept of them."""

    def __init__(self, launcher: Launcher, environment: Environment, folder: Path) -> None:
        self.store = RunStore.create(folder, {})
        self._launcher, self._environment = launcher, environment

    def run(self, model: str, timeout: float = 60) -> Record:
        conditions = Conditions(self._launcher, self.store, Silent(), TimeLimits(wall=timeout))
        return run_job(make_job(model), self._environment, conditions)

    def log(self, model: str) -> str:
        path = self.store.folder / "jobs" / make_job(model).id / "log.txt"
        return path.read_text(errors="replace")

    def table(self):
        return load_runs(self.store.folder)


class LauncherContract:
    """The suite."""

    @pytest.fixture
    def bench(self, launcher, environment, tmp_path) -> Bench:
        return Bench(launcher, environment, tmp_path)

    def test_a_good_job_gives_a_row_per_epoch(self, bench):
        record = bench.run("well")
        assert (record.status, record.reason, record.exit_code) == (Status.OK, None, 0)
        rows = bench.table()
        assert rows["epoch"].tolist() == [1, 2]
        assert rows["seconds"].tolist() == [0.008, 0.004]
        assert rows["configuration"].unique().tolist() == ["some-k1"]
        assert "a line for the log" in bench.log("well")
        jobs = phase_rows(rows)
        assert jobs["sum_seconds"].iloc[0] == pytest.approx(record.wall_seconds, rel=0.01)
        assert min(jobs[list(PHASE_COLUMNS)].iloc[0]) >= 0, jobs.iloc[0].to_dict()

    def test_a_job_that_dies_says_how_and_keeps_its_epochs(self, bench):
        record = bench.run("dies")
        assert record.status is Status.FAILED
        assert "exit code 3" in record.reason
        assert "something broke here" in record.reason
        assert bench.table()["epoch"].tolist() == [1, 2]

    def test_a_crashed_job_names_the_signal(self, bench):
        record = bench.run("killed")
        assert record.status is Status.FAILED
        assert "SIGSEGV" in record.reason

    def test_rubbish_on_stdout_is_noted_and_harmless(self, bench):
        record = bench.run("rubbish")
        assert record.status is Status.OK
        assert record.bad_lines >= 2
        assert "\x1b" not in bench.log("rubbish")

    def test_a_half_line_is_no_end(self, bench):
        record = bench.run("half_line")
        assert record.status is Status.FAILED
        assert "before its end event" in record.reason
        assert record.bad_lines == 1

    def test_an_error_event_is_the_reason(self, bench):
        record = bench.run("says_error")
        assert (record.status, record.reason) == (Status.FAILED, "ValueError: no such thing")
        assert bench.table()["epoch"].isna().all()

    def test_another_parameter_count_is_another_model(self, bench):
        record = bench.run("wrong_model")
        assert record.status is Status.INVALID
        assert "11 parameters instead of 10" in record.reason

    def test_a_hung_job_is_stopped_at_its_limit(self, bench):
        began = time.monotonic()
        record = bench.run("sleeps", timeout=4)
        assert record.status is Status.TIMEOUT
        assert time.monotonic() - began < 30
        assert len(bench.table()) == 2

    @pytest.mark.parametrize("model", ["leaves_a_silent_child", "leaves_a_talking_child"])
    def test_a_job_ends_with_its_first_process(self, bench, model):
        """A child that held stderr open made a job that had ended a timeout."""
        began = time.monotonic()
        assert bench.run(model, timeout=50).status is Status.OK
        assert time.monotonic() - began < 30

    def test_a_job_that_closes_its_outputs_is_under_its_clocks(self, bench):
        record = bench.run("closes_its_outputs", timeout=4)
        assert record.status is Status.TIMEOUT

    def test_a_flood_does_not_stop_the_job(self, bench):
        record = bench.run("floods")
        assert record.status is Status.OK
        assert record.bad_lines == 1

    def test_a_job_is_pinned_to_as_many_cpus_as_it_has_threads(self, bench):
        record = bench.run("environment")
        seen = json.loads(bench.log("environment").splitlines()[0])["cpus"]
        assert len(seen) == make_job().threads == 1
        assert record.cpus == str(seen[0])
        assert bench.table()["cpus"].unique().tolist() == [record.cpus]

    def test_its_processes_are_known_while_it_runs(self, launcher, environment):
        process = launcher.start(make_job("sleeps"), environment)
        try:
            process.read(timeout=30)
            first, *_ = process.pids()
            assert b"sleeps" in Path(f"/proc/{first}/cmdline").read_bytes()
            process.stop()
            assert process.pids() == []
        finally:
            process.close()

    def test_what_a_job_inherited_is_in_its_row(self, bench):
        record = bench.run("well")
        assert {"cpu_quota", "scheduling"} <= set(record.identity)
        assert (bench.table()["scheduling"] == record.identity["scheduling"]).all()

    def test_a_job_has_the_load_of_others_beside_its_row(self, bench):
        record = bench.run("sleeps", timeout=4)
        assert record.telemetry["samples"] >= 1
        assert record.telemetry["foreign_load"] >= 0
        assert (bench.table()["foreign_load"] == record.telemetry["foreign_load"]).all()

    def test_jobs_after_a_dead_one_go_on(self, bench):
        bench.run("killed")
        assert bench.run("well").status is Status.OK
