"""A run over a scripted launcher: what is kept, and that one failure stops nothing else."""

import json

import pandas as pd
import pytest

from launcher_contract import make_job
from runner.errors import EngineError, MachineError, StoreError, UnobtainableError
from runner.execution.loop import run_jobs
from runner.spec.configuration import load_configurations
from runner.spec.job import Status
from runner.store.find import find_run
from runner.store.run_folder import RunStore
from runner.tables.columns import COLUMNS
from runner.tables.load import load_runs
from runner.tables.per_cell import summarize
from scripted import ScriptedLauncher, ScriptedProcess, conditions, mxnet_job, stream


@pytest.fixture
def execute(tmp_path):
    def go(launcher, jobs):
        store = RunStore.create(tmp_path, {})
        chosen = load_configurations(list(dict.fromkeys(job.configuration for job in jobs)))
        ok = run_jobs(chosen, jobs, conditions(launcher, store, tmp_path))
        return ok, load_runs(store.folder), store

    return go


def test_epochs_become_rows_with_identity_and_versions(execute):
    ok, table, _ = execute(ScriptedLauncher({"mxnet": stream()}), [mxnet_job()])
    assert ok
    assert list(table) == list(COLUMNS)
    assert table["seconds"].tolist() == [9.0, 2.0, 4.0]
    row = table.iloc[0]
    assert (row["keras_version"], row["backend_version"]) == ("1.2.2", "0.11.0")
    assert (row["image_digest"], row["device_name"]) == ("sha256:1", "a processor")
    assert (row["parameters"], row["batch_size"], row["import_seconds"]) == (669706, 128, 1.5)


@pytest.mark.parametrize(
    ("said", "of_host", "row"),
    [
        ("the engine's", {}, "the engine's"),
        ("the job's", {"cpu_model": "the host's"}, "the job's"),
        (None, {"cpu_model": "the host's"}, "the host's"),
        (None, {"cpu_model": None}, None),
    ],
)
def test_the_processor_is_the_one_that_the_job_saw(tmp_path, said, of_host, row):
    store = RunStore.create(tmp_path, {"identity": of_host})
    launcher = ScriptedLauncher({"mxnet": stream(start={"cpu_model": said})})
    chosen = load_configurations(["mxnet-k122"])
    run_jobs(chosen, [mxnet_job()], conditions(launcher, store, tmp_path, identity=of_host))
    found = load_runs(store.folder)["cpu_model"]
    assert [None if pd.isna(name) else name for name in found.unique()] == [row]


def test_the_summary_leaves_out_the_first_epoch(execute):
    _, table, _ = execute(ScriptedLauncher({"mxnet": stream()}), [mxnet_job()])
    cell = summarize(table).iloc[0]
    assert cell["seconds_per_epoch"] == pytest.approx(3.0)
    assert cell["first_epoch_seconds"] == 9.0
    assert (cell["status"], cell["epochs"]) == (Status.OK, 2)


def test_a_broken_build_fails_its_own_jobs_only(execute):
    jobs = [make_job(configuration="theano-k208", backend="theano"), mxnet_job()]
    launcher = ScriptedLauncher({"mxnet": stream()}, broken=["theano-k208"])
    ok, table, _ = execute(launcher, jobs)
    assert not ok
    by_backend = table.groupby("backend")["status"].first().to_dict()
    assert by_backend == {"theano": Status.BUILD_FAILED, "mxnet": Status.OK}
    cell = summarize(table).set_index("backend").loc["theano"]
    assert (cell["status"], cell["reason"]) == (Status.BUILD_FAILED, "no such package")


def test_the_jobs_of_what_cannot_be_had_from_here_are_unsupported(execute):
    class Unreachable(ScriptedLauncher):
        def prepare(self, configuration, making):
            if configuration.name == "theano-k208":
                raise UnobtainableError("its wheel cannot be fetched")
            return super().prepare(configuration, making)

    jobs = [make_job(configuration="theano-k208", backend="theano"), mxnet_job()]
    ok, table, _ = execute(Unreachable({"mxnet": stream()}), jobs)
    assert ok
    by_backend = table.groupby("backend")["status"].first().to_dict()
    assert by_backend == {"theano": Status.UNSUPPORTED, "mxnet": Status.OK}


def test_how_long_an_environment_took_to_make_is_kept(execute):
    class Making(ScriptedLauncher):
        def prepare(self, configuration, making):
            if configuration.name == "mxnet-k122":
                making.log.write_text("Step 1/1 : RUN make\n")
            return super().prepare(configuration, making)

    jobs = [make_job(configuration="theano-k208", backend="theano"), mxnet_job()]
    _, _, store = execute(Making({"mxnet": stream(), "theano": stream()}), jobs)
    builds = store.manifest()["builds"]
    assert list(builds) == ["mxnet-k122"]
    assert (builds["mxnet-k122"]["launcher"], builds["mxnet-k122"]["device"]) == ("scripted", "cpu")
    assert builds["mxnet-k122"]["seconds"] >= 0


def test_an_unsupported_job_is_not_started_and_is_no_failure(execute):
    launcher = ScriptedLauncher({"mxnet": stream()})
    ok, table, _ = execute(launcher, [mxnet_job(unsupported="it cannot")])
    assert ok
    assert launcher.processes == []
    assert table[["status", "reason"]].to_numpy().tolist() == [[Status.UNSUPPORTED, "it cannot"]]


def test_what_carries_a_job_is_tried_again_and_its_failure_is_a_reason(execute):
    script = [*stream()[:4], EngineError("the connection broke")]
    launcher = ScriptedLauncher({"mxnet": script})
    ok, table, store = execute(launcher, [mxnet_job()])
    assert not ok
    assert table["status"].unique().tolist() == [Status.FAILED]
    assert "failed 2 times: the connection broke" in table["reason"].iloc[0]
    assert [process.closed for process in launcher.processes] == [True, True]
    attempts = sorted((store.folder / "attempts").glob("*/record.json"))
    records = [json.loads(path.read_text()) for path in attempts]
    assert [record["attempt"] for record in records] == [1, 2]
    assert {record["status"] for record in records} == {Status.INTERRUPTED}
    assert all((path.parent / "events.jsonl").read_text().count("epoch") for path in attempts)


def test_what_carries_a_job_may_be_back_in_a_moment(execute):
    launcher = ScriptedLauncher({"mxnet": stream()}, starts_after=1)
    ok, table, _ = execute(launcher, [mxnet_job()])
    assert ok
    assert table["epoch"].tolist() == [1, 2, 3]


def test_a_model_s_own_failure_is_not_tried_again(execute):
    script = [*stream()[:1], b'{"event":"error","schema":1,"type":"ValueError","message":"no"}\n']
    launcher = ScriptedLauncher({"mxnet": script})
    ok, table, store = execute(launcher, [mxnet_job()])
    assert not ok
    assert table["status"].tolist() == [Status.FAILED]
    assert len(launcher.processes) == 1
    assert not (store.folder / "attempts").exists()


def test_an_engine_that_stays_away_ends_the_run_and_the_job_is_not_done(tmp_path):
    store = RunStore.create(tmp_path, {})
    launcher = ScriptedLauncher({"mxnet": stream()}, starts_after=9, reachable=False)
    under = conditions(launcher, store, tmp_path)
    with pytest.raises(MachineError, match=f"--resume {store.name}"):
        run_jobs(load_configurations(["mxnet-k122"]), [mxnet_job()], under)
    assert under.ended(mxnet_job()) is None


def test_what_a_job_leaves_behind_ends_the_run(tmp_path, monkeypatch):
    def stuck(process):
        raise EngineError("the container is still there")

    monkeypatch.setattr(ScriptedProcess, "close", stuck)
    store = RunStore.create(tmp_path, {})
    under = conditions(ScriptedLauncher({"mxnet": stream()}), store, tmp_path)
    jobs = [mxnet_job(), mxnet_job(repeat=2)]
    with pytest.raises(MachineError, match="timed beside it"):
        run_jobs(load_configurations(["mxnet-k122"]), jobs, under)
    assert [under.ended(job) for job in jobs] == [Status.OK, None]
    record = json.loads(next(store.folder.glob("jobs/*/record.json")).read_text())
    assert "the container is still there" in record["warnings"]


def test_a_run_without_jobs_has_no_table_and_is_not_the_latest(execute, tmp_path):
    _, _, store = execute(ScriptedLauncher({"mxnet": stream()}), [mxnet_job()])
    refused = RunStore.create(tmp_path, {})
    assert find_run(tmp_path, "latest") == store.folder
    with pytest.raises(StoreError, match="no job was started"):
        load_runs(refused.folder)


def test_an_interrupted_run_keeps_what_it_has(tmp_path):
    store = RunStore.create(tmp_path, {})
    launcher = ScriptedLauncher({"mxnet": [*stream()[:5], KeyboardInterrupt()]})
    with pytest.raises(KeyboardInterrupt):
        run_jobs(load_configurations(["mxnet-k122"]), [mxnet_job()],
            conditions(launcher, store, tmp_path))  # fmt: skip
    table = load_runs(store.folder)
    assert table["status"].unique().tolist() == [Status.INTERRUPTED]
    assert table["epoch"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"start": {"model": "mnist_cnn"}}, "mnist_cnn"),
        ({"start": {"device": {"type": "gpu"}}}, "it trained on the gpu, not on the cpu"),
        ({"model": {"parameters": 1}}, "1 parameters instead of 669,706"),
        ({"epoch": {"epoch": 2}}, "the epochs came as [2, 2, 2]"),
    ],
)
def test_a_stream_that_is_not_the_job_is_invalid(execute, changes, reason):
    _, table, _ = execute(ScriptedLauncher({"mxnet": stream(**changes)}), [mxnet_job()])
    assert table["status"].unique().tolist() == [Status.INVALID]
    assert reason in table["reason"].iloc[0]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("MemoryError", Status.OOM),
        ("ResourceExhaustedError", Status.OOM),
        ("InvalidModel", Status.INVALID),
        ("ImportError", Status.FAILED),
    ],
)
def test_an_error_event_decides_the_status(execute, kind, status):
    said = {"event": "error", "schema": 1, "type": kind, "message": "what it said"}
    script = [*stream()[:2], json.dumps(said).encode() + b"\n"]
    _, table, _ = execute(ScriptedLauncher({"mxnet": script}), [mxnet_job()])
    assert table[["status", "reason"]].to_numpy().tolist() == [[status, f"{kind}: what it said"]]


def test_an_errors_text_is_kept_without_control_characters(execute):
    text = "\x1b[2Jgone\nnext"
    said = {"event": "error", "schema": 1, "type": "ValueError", "message": text}
    script = [*stream()[:2], json.dumps(said).encode() + b"\n"]
    _, table, _ = execute(ScriptedLauncher({"mxnet": script}), [mxnet_job()])
    assert table["reason"].iloc[0] == "ValueError: \\x1b[2Jgone\\nnext"


def test_too_few_epochs_are_invalid(execute):
    _, table, _ = execute(
        ScriptedLauncher({"mxnet": stream()}), [mxnet_job(repeat=2, model="mnist_mlp")]
    )
    assert table["status"].unique().tolist() == [Status.OK]
    job = make_job(configuration="mxnet-k122", epochs=5)
    _, table, _ = execute(ScriptedLauncher({"mxnet": stream()}), [job])
    assert table["reason"].iloc[0] == "3 epochs came, 5 were asked for"


def test_a_torn_last_line_costs_one_epoch_and_nothing_else(execute):
    _, _, store = execute(ScriptedLauncher({"mxnet": stream()[:6]}), [mxnet_job()])
    path = next(store.folder.glob("jobs/*/events.jsonl"))
    path.write_bytes(path.read_bytes()[:-20])
    assert load_runs(store.folder)["epoch"].tolist() == [1, 2]


def test_another_version_or_no_run_is_one_line(execute, tmp_path):
    _, _, store = execute(ScriptedLauncher({"mxnet": stream()}), [mxnet_job()])
    (store.folder / "manifest.json").write_text('{"schema": 99}')
    with pytest.raises(StoreError, match="not of schema 1"):
        load_runs(store.folder)
    with pytest.raises(StoreError, match="manifest.json is missing"):
        load_runs(tmp_path)


def test_a_run_is_found_by_name_path_or_latest(execute, tmp_path):
    _, _, store = execute(ScriptedLauncher({"mxnet": stream()}), [mxnet_job()])
    assert find_run(tmp_path, "latest") == store.folder
    assert find_run(tmp_path, store.name) == store.folder
    assert find_run(tmp_path, str(store.folder)) == store.folder
    with pytest.raises(StoreError, match="did you mean"):
        find_run(tmp_path, store.name + "x")
