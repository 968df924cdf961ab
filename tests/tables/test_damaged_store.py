"""Damage to a run's files: one job's row says which file, and the others stay as they were."""

import json
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from launcher_contract import make_job
from made_runs import events, write_job
from runner.errors import StoreError
from runner.report.contents import Report
from runner.report.html.page import render_page
from runner.report.markdown import markdown_report
from runner.report.verdict import reason_lines
from runner.spec.job import Status
from runner.store.find import find_run
from runner.store.run_folder import RunStore
from runner.tables.load import load_runs
from runner.tables.per_cell import summarize

JOBS = [make_job(name, configuration="mxnet-k122") for name in ("mnist_mlp", "mnist_cnn")]
FILES = ("events.jsonl", "job.json", "record.json")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    store = RunStore.create(tmp_path_factory.mktemp("whole"), {"jobs": [j.id for j in JOBS]})
    for job in JOBS:
        write_job(store, job, events(job))
    return store.folder


@pytest.fixture
def run(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / whole.name)


def damage(content: bytes, data) -> bytes:
    """Return a file's content as a crash, a bad disk or a person may leave it."""
    at = data.draw(st.integers(0, len(content)))
    match data.draw(st.sampled_from(["cut", "flip", "zeros", "insert", "other", "lines", "none"])):
        case "cut":
            return content[:at]
        case "flip":
            return content[:at] + data.draw(st.binary(min_size=1, max_size=1)) + content[at + 1 :]
        case "zeros":
            return content[:at] + b"\0" * (len(content) - at)
        case "insert":
            return content[:at] + data.draw(st.binary(max_size=40)) + content[at:]
        case "other":
            return json.dumps({"schema": 1, **data.draw(anything)}).encode()
        case "lines":
            lines = content.splitlines(keepends=True)
            return b"".join(data.draw(st.lists(st.sampled_from(lines), max_size=9)))
    return data.draw(st.binary(max_size=60))


keys = st.sampled_from(
    ["run", "jobs", "identity", "started", "status", "reason", "telemetry", "warnings", "repeat",
     "backend", "model", "device", "wall_seconds", "exit_code", "cpus", "data", "seed"]
)  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    | st.sampled_from(["ok", "2026-01-02T03:04:05+00:00", "0001-01-01", 10**30]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text() | keys, inner, max_size=3),
)  # fmt: skip
anything = st.dictionaries(keys, values)


@given(st.data())
def test_a_damaged_job_leaves_its_neighbour_whole(whole, tmp_path_factory, data):
    run = shutil.copytree(whole, tmp_path_factory.mktemp("copy") / whole.name)
    name = data.draw(st.sampled_from(FILES))
    path = run / "jobs" / JOBS[0].id / name
    before = path.read_bytes()
    path.write_bytes(damage(before, data))
    table, sound = load_runs(run), load_runs(whole)
    of = JOBS[1].id
    # A damaged name of the device makes two machines, and then either is told.
    told = [name for name in table if name != "machine"]
    assert_frame_equal(
        table.loc[table["job"] == of, told].reset_index(drop=True),
        sound.loc[sound["job"] == of, told].reset_index(drop=True),
    )
    rows = table[table["job"] == JOBS[0].id]
    assert len(rows) >= 1
    assert set(rows["status"]) <= set(Status)
    if name == "events.jsonl" and set(rows["status"]) == {Status.OK}:
        assert rows["epoch"].tolist() == [1, 2, 3], "an ok job has all its epochs"
    assert all(str(reason).isprintable() for reason in rows["reason"].dropna())


@given(st.data())
def test_a_damaged_manifest_is_a_table_or_one_line_with_its_name(whole, tmp_path_factory, data):
    run = shutil.copytree(whole, tmp_path_factory.mktemp("copy") / whole.name)
    path = run / "manifest.json"
    path.write_bytes(damage(path.read_bytes(), data))
    try:
        table = load_runs(run)
    except StoreError as error:
        assert "manifest.json" in str(error)
        assert str(error).isprintable()
    else:
        assert set(table["job"]) == {job.id for job in JOBS}


@pytest.mark.parametrize("name", ["job.json", "record.json"])
@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"schema": 99}', b"\xff", b"[" * 100_000])
def test_a_damaged_file_is_named_and_the_rest_is_reported(run, name, content):
    path = run / "jobs" / JOBS[0].id / name
    path.write_bytes(content)
    table = load_runs(run)
    row = table[table["job"] == JOBS[0].id].iloc[0]
    assert (row["status"], row["model"], row["repeat"]) == (Status.FAILED, "mnist_mlp", 1)
    assert str(path) in row["reason"]
    summary = summarize(table)
    assert set(summary["model"]) == {"mnist_mlp", "mnist_cnn"}
    assert str(path) in "\n".join(reason_lines(summary))
    assert name in markdown_report(Report.of(table))
    assert name in render_page(table, [run])


def test_a_job_without_its_description_is_not_forgotten(run):
    (run / "jobs" / JOBS[0].id / "job.json").unlink()
    table = load_runs(run)
    assert "job.json is missing" in table[table["job"] == JOBS[0].id]["reason"].iloc[0]


def test_a_description_of_another_job_is_no_row_of_that_job(run):
    of_other = (run / "jobs" / JOBS[1].id / "job.json").read_bytes()
    (run / "jobs" / JOBS[0].id / "job.json").write_bytes(of_other)
    table = load_runs(run)
    assert (table["job"] == JOBS[1].id).sum() == 3
    assert "is of another job" in table[table["job"] == JOBS[0].id]["reason"].iloc[0]


def test_an_ok_job_that_lost_an_epoch_is_not_ok(run):
    path = run / "jobs" / JOBS[0].id / "events.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if b'"epoch":2' not in line))
    rows = load_runs(run).query(f"job == '{JOBS[0].id}'")
    assert set(rows["status"]) == {Status.FAILED}
    assert str(path) in rows["reason"].iloc[0]


def test_a_folder_that_is_half_made_is_no_job(run):
    (run / "jobs" / "mxnet-k122.mxnet.babi_rnn.1").mkdir()
    assert len(load_runs(run)) == 6


@pytest.mark.parametrize("name", ["../x", "a;touch x", "$(x)", "\x1b[2J", "x\ny", ""])
def test_a_name_that_is_no_run_is_one_line_that_can_be_shown(whole, name):
    with pytest.raises(StoreError) as caught:
        load_runs(find_run(whole.parent, name))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("content", [b"", b"{", b'{"schema": 1}', b'{"schema": 1, "status": "x"}'])
def test_a_job_whose_record_is_damaged_has_not_ended_for_a_run_that_goes_on(run, content):
    store = RunStore(run)
    assert store.ended(JOBS[0]) is Status.OK
    (run / "jobs" / JOBS[0].id / "record.json").write_bytes(content)
    assert store.ended(JOBS[0]) is None
