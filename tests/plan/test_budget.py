"""Runs within a time: what is repeated, on how many samples, and when it ends."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from launcher_contract import make_job
from runner.plan.budget import rounds_within
from runner.plan.rounds import rounds_until
from runner.spec.workload import WORKLOADS
from runner.tables.columns import COLUMNS
from runner.tables.per_cell import summarize
from runner.tables.verdicts import LOOKS, VerdictKind, find_answer
from runner.words import parse_duration

START = 5.0


class Machine:
    """Takes jobs as they come, on which 960 samples of a cell take ``seconds``, give or take."""

    def __init__(self, seconds: Mapping[tuple[str, str], float], **changes: object) -> None:
        self.seconds, self.changes = seconds, changes
        self.random = np.random.default_rng(3)
        self.ran: list = []
        self.rows: list[dict] = []
        self._latest = (0, self._table())

    def jobs(self):
        return [
            make_job(model, backend=backend, epochs=None, samples=None, seed=2017)
            for model, backend in self.seconds
        ]

    def run(self, jobs):
        for job in jobs:
            self.ran.append(job)
            level = self.seconds[job.model, job.backend] * job.samples / 960
            seconds = level * np.exp(0.02 * self.random.normal() + 0.002 * np.arange(job.epochs))
            self.rows += [
                {
                    "run": "r", "job": job.id, "configuration": job.configuration, "epoch": number,
                    "backend": job.backend, "model": job.model, "repeat": job.repeat,
                    "device": job.device, "status": "ok", "seconds": value, "looks": len(LOOKS),
                    "settings": job.settings,
                    "samples": job.samples, "keras_version": "3.15", "device_name": "a processor",
                    "wall_seconds": START + seconds.sum(), **self.changes,
                }
                for number, value in enumerate(seconds, start=1)
            ]  # fmt: skip
        return self

    def _table(self):
        return pd.DataFrame(self.rows).reindex(columns=list(COLUMNS)).astype(COLUMNS)

    def table(self):
        """Return the rows so far: it is asked for several times between two jobs."""
        if self._latest[0] != len(self.rows):
            self._latest = (len(self.rows), self._table())
        return self._latest[1]

    def within(self, seconds, seed=1):
        return self.run(rounds_within(self.jobs(), seconds, seed, self.table))

    def processes(self, model):
        return [job.repeat for job in self.ran if job.model == model and job.backend == "jax"]


SHORT = {("mnist_mlp", "jax"): 0.05, ("mnist_mlp", "tensorflow"): 0.15}
FAR = {("mnist_cnn", "jax"): 2.0, ("mnist_cnn", "tensorflow"): 4.0}
NEAR = {("babi_rnn", "jax"): 2.0, ("babi_rnn", "tensorflow"): 2.06}


@pytest.fixture(scope="module")
def far_and_near():
    """Return what an hour gave of a model whose cells are far apart, and of one of near ones."""
    return Machine({**FAR, **NEAR}).within(3600)


@pytest.fixture(scope="module")
def short():
    """Return what an hour gave of epochs that are too short at first."""
    return Machine(SHORT).within(3600)


def test_a_model_is_repeated_until_its_verdict_is_told_and_no_longer(far_and_near):
    made = far_and_near
    assert made.processes("mnist_cnn") == [1, 2, 3, 4]
    assert len(made.processes("babi_rnn")) > 3
    kinds = {found.model: found.kind for found in find_answer(made.table()).verdicts}
    assert kinds["mnist_cnn"] is VerdictKind.FASTEST


def test_the_looks_are_where_the_error_was_divided():
    made = Machine(NEAR).within(3600)
    counts = summarize(made.table())["repeats"]
    assert set(counts) <= set(LOOKS)


def test_the_time_is_kept():
    made = Machine({**FAR, **NEAR}).within(200)
    walls = made.table().drop_duplicates("job")["wall_seconds"]
    assert 150 < walls.sum() <= 200


@pytest.mark.parametrize("seed", range(4))
def test_where_time_is_short_the_cheapest_model_gets_its_verdict(seed):
    """All models had two processes then, and none a verdict."""
    dear = {("babi_rnn", "jax"): 30.0, ("babi_rnn", "tensorflow"): 40.0}
    made = Machine({**dear, **FAR}).within(160, seed)
    assert len(made.processes("mnist_cnn")) >= 3
    kinds = {found.model: found.kind for found in find_answer(made.table()).verdicts}
    assert kinds["mnist_cnn"] is VerdictKind.FASTEST


def test_every_cell_runs_once_whatever_it_takes():
    made = Machine({**FAR, **NEAR}).within(1)
    assert len(made.ran) == 4
    assert all(job.repeat == 1 for job in made.ran)


def test_epochs_that_are_too_short_get_more_samples_for_all_cells_of_the_model(short):
    first, *later = [job for job in short.ran if job.backend == "jax"]
    least = 30 * WORKLOADS["mnist_mlp"].batch_size
    assert first.samples == 5 * WORKLOADS["mnist_mlp"].batch_size
    assert {job.samples for job in short.ran if job.repeat > 1} == {later[0].samples}
    assert later[0].samples * 0.05 / 960 == pytest.approx(1, rel=0.1)
    assert later[0].samples > least


def test_too_short_epochs_are_made_longer_also_where_the_time_is_short():
    """Of dear models nothing was left, and epochs of a tenth of a second were compared."""
    dear = {("babi_rnn", "jax"): 60.0, ("babi_rnn", "tensorflow"): 90.0}
    cheap = {("mnist_mlp", "jax"): 0.08, ("mnist_mlp", "tensorflow"): 0.15}
    made = Machine({**dear, **cheap}).within(110)
    later = [job for job in made.ran if job.model == "mnist_mlp" and job.repeat > 1]
    assert later
    assert min(job.samples for job in later) * 0.08 / 960 > 0.25


def test_a_first_process_that_was_too_short_does_not_count(short):
    assert short.processes("mnist_mlp") == [1, 2, 3, 4]
    summary = summarize(short.table())
    assert summary["repeats"].tolist() == [3, 3]
    assert summary["samples"].min() > 30 * WORKLOADS["mnist_mlp"].batch_size


def test_no_more_samples_than_the_time_allows():
    slow = {("mnist_cnn", "jax"): 30.0, ("mnist_cnn", "tensorflow"): 3.0}
    made = Machine(slow).within(600)
    first, *later = [job for job in made.ran if job.backend == "jax"]
    assert first.samples <= later[0].samples < 30 * WORKLOADS["mnist_cnn"].batch_size
    assert len(later) >= 2


def test_time_that_is_left_goes_to_epochs_of_which_one_may_be_held_up():
    made = Machine({("mnist_mlp", "jax"): 0.3, ("mnist_mlp", "tensorflow"): 0.29}).within(3600)
    first, *later = made.ran[::2]
    assert first.epochs == 2
    assert {job.epochs for job in later} == {4}


def test_a_long_epoch_is_not_repeated_in_a_process_nor_any_where_time_is_short():
    slow = {("mnist_cnn", "jax"): 20.0, ("mnist_cnn", "tensorflow"): 2.0}
    assert {job.epochs for job in Machine(slow).within(3600).ran if job.backend == "jax"} == {2}
    assert {job.epochs for job in Machine(FAR).within(40).ran} == {2}


def test_samples_and_epochs_that_were_asked_for_are_kept():
    made = Machine(SHORT)
    jobs = [replace(job, samples=640, epochs=5) for job in made.jobs()]
    made.run(rounds_within(jobs, 3600, 1, made.table))
    assert {(job.samples, job.epochs) for job in made.ran} == {(640, 5)}


@pytest.mark.parametrize(
    "changes",
    [{"status": "failed"}, {"epoch": 1}, {"disturbance": "other processes used the CPU"}],
)
def test_what_more_processes_would_not_tell_is_not_repeated_for_ever(changes):
    made = Machine(FAR, **changes).within(3600)
    assert len(made.processes("mnist_cnn")) <= LOOKS[0] + 1


def test_the_seed_of_a_repeat_is_the_first_ones_plus_its_number(far_and_near):
    for job in far_and_near.ran:
        assert job.seed == 2017 + job.repeat - 1


def test_until_with_repeats_lists_each_job_once_with_its_own_seed():
    """It listed a job for each repeat that was asked for, and the shuffle chose its seed."""
    made = Machine(FAR)
    planned = [
        replace(job, repeat=n, seed=2017 + n - 1, epochs=3, samples=960)
        for n in (1, 2, 3)
        for job in made.jobs()
    ]
    made.run(rounds_until(planned, 0.5, 5, 7, made.table))
    assert sorted(job.id for job in made.ran) == sorted({job.id for job in made.ran})
    assert {(job.repeat, job.seed) for job in made.ran} == {(1, 2017), (2, 2018), (3, 2019)}


@pytest.mark.parametrize(
    ("text", "seconds"), [("10m", 600), ("90s", 90), ("1h30m", 5400), ("2.5 h", 9000)]
)
def test_a_time_is_read(text, seconds):
    assert parse_duration(text, "--budget") == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "-1m", "0s", "10 parsecs", "nan"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(Exception, match="--budget .* is no time"):
        parse_duration(text, "--budget")
