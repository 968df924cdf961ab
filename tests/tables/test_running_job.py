"""A report while its run goes on: the job at work is running, and has no figure yet."""

import pytest

from launcher_contract import make_job
from made_runs import events, write_job
from runner.report.compare_text import reason_text
from runner.report.contents import Report
from runner.report.html.page import render_page
from runner.report.markdown import markdown_report
from runner.spec.job import Status
from runner.store.run_folder import RunStore
from runner.tables.between_runs import CellVerdict, compare_tables
from runner.tables.load import load_runs
from runner.tables.per_cell import summarize
from runner.tables.per_job import job_rows
from scripted import good_event
from steady_runs import steady_run

DONE = make_job(configuration="mxnet-k122")
AT_WORK = make_job("mnist_cnn", configuration="mxnet-k122")


@pytest.fixture
def store(tmp_path):
    """Return a run with a job that has ended and one that has said four of its epochs."""
    store = RunStore.create(tmp_path, {"jobs": [DONE.id, AT_WORK.id]})
    write_job(store, DONE, events(DONE))
    kept = store.job(AT_WORK)
    for line in events(AT_WORK)[:-1]:
        kept.event(good_event(line))
    return store


def status_at_work(folder):
    table = load_runs(folder)
    [status] = table[table["job"] == AT_WORK.id]["status"].unique()
    return status


def test_a_job_without_a_record_runs_while_its_run_is_held(store):
    assert status_at_work(store.folder) == Status.INTERRUPTED
    with store.hold():
        assert status_at_work(store.folder) == Status.RUNNING
    assert status_at_work(store.folder) == Status.INTERRUPTED


def test_a_copy_of_a_run_at_work_is_not_at_work(store, tmp_path):
    copy = tmp_path / "copies" / store.name
    with store.hold():
        copy.parent.mkdir()
        copy.symlink_to(store.folder)
        assert status_at_work(copy) == Status.RUNNING, "a link is the run itself"
        copy.unlink()
        copy.mkdir()
        (copy / "manifest.json").write_bytes((store.folder / "manifest.json").read_bytes())
        (copy / "jobs").mkdir()
        RunStore(copy).job(AT_WORK)
        assert status_at_work(copy) == Status.INTERRUPTED


def test_the_epochs_so_far_are_no_figure(store):
    with store.hold():
        table = load_runs(store.folder)
        summary = summarize(table).set_index("model")
        page = render_page(table, [store.folder])
    cell = summary.loc["mnist_cnn"]
    assert cell[["seconds_per_epoch", "first_epoch_seconds", "val_accuracy"]].isna().all()
    assert (cell["status"], cell["reason"]) == (Status.RUNNING, "it has not ended yet")
    assert summary.loc["mnist_mlp", "status"] == Status.OK
    jobs = job_rows(table).set_index("job")
    assert jobs.loc[[AT_WORK.id], "seconds_per_epoch"].isna().all()
    assert jobs.loc[AT_WORK.id, "epochs"] == 3
    said = markdown_report(Report.of(table))
    assert "| mnist_cnn | running |" in said
    assert "running: its run is still at work" in said
    assert 'class="tile status-running"' in page


def test_a_side_that_is_still_measured_is_not_judged(tmp_path):
    whole, going_on = (steady_run(tmp_path, {("mnist_mlp", "mxnet"): 1.0}) for _ in range(2))
    more = make_job(configuration="tf-cntk-k208", repeat=6, seed=6, threads=2)
    RunStore(going_on).job(more)
    with RunStore(going_on).hold():
        found = compare_tables(load_runs(whole), load_runs(going_on))
    [(_, cell)] = found.cells.iterrows()
    assert cell["verdict"] == CellVerdict.NOT_OK
    assert reason_text(cell, found.differences) == "ok in A, running in B: it has not ended yet"
