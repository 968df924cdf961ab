"""What a worker does on a node: one job, once, and always with an end on record."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from launcher_contract import make_job
from made_runs import events, write_job
from runner.cluster.worker import MOST_STARTS, NodeStore, work_off
from runner.errors import DataError, ExitCode, MachineError, UsageError
from runner.execution.observer import Observer
from runner.plan.resume import Session
from runner.schedulers.base import TaskHere
from runner.spec.job import Status
from runner.spec.request import Request
from runner.store.identity import code_identity
from runner.store.record import read_record
from runner.store.run_folder import RunStore

HERE = TaskHere("n1", 0)


class Kept(Observer):
    def __init__(self):
        self.told = []

    def note(self, text):
        self.told.append(text)


@pytest.fixture
def job():
    return make_job(configuration="mxnet-k122", epochs=3)


@pytest.fixture
def run(tmp_path, job):
    """Return a run whose one job needs a Python that is not there."""
    request = Request.asked(
        config=("mxnet-k122",), model=("mnist_mlp",), device="cpu", launcher="slurm",
        threads=(1,), data="synthetic", python=tmp_path / "no python",
    )  # fmt: skip
    manifest = {"planned": [json.loads(json.dumps(asdict(job)))], "jobs": [job.id],
                "request": request.to_keep(), "identity": code_identity()}  # fmt: skip
    return RunStore.create(tmp_path, manifest, "night")


def works(run, name, here=HERE, kept=None, **session):
    return work_off(run.folder, name, Session(**session), kept or Kept(), here)


def record_of(run, job):
    return read_record(run.folder / "jobs" / job.id)


def test_a_job_that_has_ended_is_not_run_again(run, job):
    write_job(run, job, events(job))
    before = (run.folder / "jobs" / job.id / "record.json").read_bytes()
    kept = Kept()
    assert works(run, job.id, kept=kept) == ExitCode.OK
    assert kept.told == [f"{job.id} has ended before: ok"]
    assert (run.folder / "jobs" / job.id / "record.json").read_bytes() == before


def test_what_the_node_lacks_is_on_record_with_its_name(run, job):
    assert works(run, job.id) == ExitCode.MACHINE
    assert record_of(run, job).status is Status.FAILED
    assert "node n1: --python" in record_of(run, job).reason
    assert record_of(run, job).identity == {"node": "n1"}


def test_an_end_is_never_written_over_an_earlier_attempts(run, job):
    write_job(run, job, events(job)[:2], status=Status.FAILED, reason="the first")
    works(run, job.id, again=frozenset({Status.FAILED, Status.INTERRUPTED}))
    assert "node n1" in record_of(run, job).reason
    assert record_of(run, job).wall_seconds is None
    [earlier] = (run.folder / "attempts").iterdir()
    assert read_record(earlier).reason == "the first"


def test_other_code_than_the_runs_ends_the_job_with_that_reason(run, job):
    run.amend(identity={**code_identity(), "models_sha256": "another"})
    assert works(run, job.id) == ExitCode.USAGE
    assert "version of the models: it was another" in record_of(run, job).reason


def test_a_task_that_is_begun_again_and_again_ends(run, job):
    assert works(run, job.id, TaskHere("n1", MOST_STARTS)) == ExitCode.JOBS_NOT_OK
    assert record_of(run, job).status is Status.INTERRUPTED
    assert "begun 6 times; go on with --resume night" in record_of(run, job).reason


@pytest.mark.parametrize(
    ("error", "code"),
    [(MachineError("it is still there"), ExitCode.MACHINE), (KeyboardInterrupt(), 130)],
)
def test_what_goes_wrong_after_a_result_takes_nothing_of_it(run, job, monkeypatch, error, code):
    def ends_well_and_then(*_):
        write_job(run, job, events(job))
        raise error

    monkeypatch.setattr("runner.cluster.worker._work", ends_well_and_then)
    assert works(run, job.id) == code
    assert record_of(run, job).status is Status.OK


def test_data_that_the_node_cannot_have_are_on_record(run, job, monkeypatch):
    def has_no_data(*_):
        raise DataError("mnist.npz: no address answers")

    monkeypatch.setattr("runner.cluster.worker._work", has_no_data)
    assert works(run, job.id) == ExitCode.MACHINE
    assert "node n1: mnist.npz: no address answers" in record_of(run, job).reason


def test_a_job_that_the_run_does_not_plan_is_named(run):
    with pytest.raises(UsageError, match="run night has no job 'mxnet-k122.mxnet.mnist_cnn.1'"):
        works(run, "mxnet-k122.mxnet.mnist_cnn.1")


def test_what_nodes_note_does_not_meet_in_one_file(run):
    """Two nodes write at the same time: the manifest would be that of who came last."""
    before = (run.folder / "manifest.json").read_bytes()
    for node in ("n1", "n/2"):
        store = NodeStore(run.folder, node)
        store.amend(environments={"a": node})
        store.amend(builds={"b": 1})
        assert store.manifest()["environments"] == {"a": node}
        assert store.manifest()["jobs"]
    assert (run.folder / "manifest.json").read_bytes() == before
    assert sorted(path.name for path in (run.folder / "nodes").iterdir()) == ["n1.json", "n_2.json"]
    assert NodeStore(run.folder, "n/2").build_log("c").parent == run.folder / "nodes"
