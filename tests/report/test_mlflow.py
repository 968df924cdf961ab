"""Runs in a real MLflow store: parameters, metrics per epoch, artifacts; and the error without."""

import sys

import pytest

from made_runs import small_run
from runner.cli.app import main
from runner.errors import ExitCode
from runner.report.mlflow import log_to_mlflow
from runner.tables.load import load_runs


def logged(tmp_path):
    """Return the store's address after a run was logged to it, and its MLflow runs by name."""
    from mlflow import MlflowClient

    folder = small_run(tmp_path / "runs")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    table = load_runs(folder)
    new = log_to_mlflow(table, {folder.name: folder}, uri, "ours")
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("ours").experiment_id
    runs = {run.info.run_name: run for run in client.search_runs([experiment])}
    assert new == len(runs) == 10
    return uri, client, runs, (folder, table)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    pytest.importorskip("mlflow", reason="the extra mlflow is not installed")
    root = tmp_path_factory.mktemp("mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)  # MLflow's artifacts of a local store go to the working folder
        yield logged(root)


def test_a_job_is_a_run_with_its_epochs(store):
    _, client, runs, _ = store
    run = runs["tf-cntk-k208.tensorflow.mnist_mlp.1"]
    assert run.info.status == "FINISHED"
    assert run.data.params["backend"] == "tensorflow"
    assert run.data.params["lock_sha256"] == "1" * 64
    history = client.get_metric_history(run.info.run_id, "seconds")
    assert [metric.step for metric in history] == [1, 2, 3]
    assert [metric.value for metric in history] == pytest.approx([9.9, 2.2, 4.4])
    assert run.data.metrics["wall_seconds"] == 100.0
    files = {artifact.path for artifact in client.list_artifacts(run.info.run_id)}
    assert files == {"events.jsonl", "job.json", "log.txt", "record.json", "telemetry.jsonl"}


def test_a_job_that_is_not_ok_has_its_reason(store):
    _, _, runs, _ = store
    run = runs["mxnet-k122.mxnet.babi_rnn.1"]
    assert run.info.status == "FAILED"
    assert (run.data.tags["status"], run.data.tags["reason"]) == ("unsupported", "it cannot")


def test_the_same_job_is_not_logged_twice(store):
    uri, _, _, (folder, table) = store
    assert log_to_mlflow(table, {folder.name: folder}, uri, "ours") == 0


def test_an_address_that_is_none_is_one_line(store, capsys):
    _, _, _, (folder, _) = store
    assert main(["export", str(folder), "--mlflow", "nonsense://me:pass@x"]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert said.startswith("error: MLflow at nonsense://x: ")
    assert len(said.splitlines()) == 1
    assert "pass" not in said


def test_without_the_extra_it_says_how_to_install_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    folder = small_run(tmp_path)
    assert main(["export", str(folder), "--mlflow", "sqlite:///x.db"]) == ExitCode.MACHINE
    said = capsys.readouterr().err
    assert "pip install -e '.[mlflow]'" in said
    assert len(said.splitlines()) == 1
