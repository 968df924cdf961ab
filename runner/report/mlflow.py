"""Runs as an MLflow server shows them: each job an MLflow run. Needs the optional extra mlflow."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from runner.errors import MachineError, StoreError
from runner.spec.job import Status
from runner.tables.columns import CELL, IDENTITY
from runner.tables.per_job import JOB, job_rows

_PER_EPOCH = ("seconds", "loss", "accuracy", "val_loss", "val_accuracy")
_FILES = ("log.txt", "events.jsonl", "telemetry.jsonl", "job.json", "record.json")
_ENDED = {Status.OK: "FINISHED", Status.INTERRUPTED: "KILLED"}
# MLflow tells its makers of its use unless told not to, and asks a silent server for minutes.
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}
_JOB_TAG = "keras_backend_benchmarks.job"
# What MLflow takes in one call, and of one text.
_BATCH = 1000
_LONGEST = 5000


def _mlflow() -> tuple[Callable[..., Any], type[Exception]]:
    """Return MLflow's client and what it raises. Raises MachineError without MLflow."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
    except ImportError as error:
        raise MachineError(
            f"MLflow cannot be imported ({error}); install the extra: pip install -e '.[mlflow]'"
        ) from error
    return MlflowClient, MlflowException


def _logged(client: Any, experiment: str) -> set[str]:
    """Return the jobs that the experiment holds already."""
    jobs: set[str] = set()
    token = None
    while True:
        page = client.search_runs([experiment], max_results=_BATCH, page_token=token)
        jobs |= {run.data.tags[_JOB_TAG] for run in page if _JOB_TAG in run.data.tags}
        if not (token := page.token):
            return jobs


def _metrics(job: pd.Series, epochs: pd.DataFrame, at: int) -> Iterator[Any]:
    """Yield a job's figures: per epoch with the epoch as the step, and those of the whole job."""
    from mlflow.entities import Metric

    for _, row in epochs[epochs["epoch"].notna()].iterrows():
        for name in _PER_EPOCH:
            if pd.notna(row[name]):
                yield Metric(name, float(row[name]), at, int(row["epoch"]))
    whole = job.drop([*IDENTITY, *_PER_EPOCH, "repeat"], errors="ignore")
    for column, value in whole.items():
        if isinstance(value, int | float) and pd.notna(value):
            yield Metric(str(column), float(value), at, 0)


def _log_job(client: Any, experiment: str, job: pd.Series, epochs: pd.DataFrame, folder: Path,
             name: str) -> None:  # fmt: skip
    from mlflow.entities import Param, RunTag

    started = job["started"]
    began = 0 if pd.isna(started) else int(datetime.fromisoformat(started).timestamp() * 1000)
    run = client.create_run(experiment, start_time=began, run_name=str(job["job"])).info.run_id
    names = dict.fromkeys((*CELL, "repeat", *IDENTITY))
    known = [column for column in names if pd.notna(job[column])]
    tags = {"run": job["run"], "status": job["status"], "reason": job["reason"]}
    metrics = list(_metrics(job, epochs, began))
    client.log_batch(
        run,
        params=[Param(column, str(job[column])[:_LONGEST]) for column in known],
        tags=[RunTag(k, str(v)[:_LONGEST]) for k, v in tags.items() if pd.notna(v)],
    )
    for start in range(0, len(metrics), _BATCH):
        client.log_batch(run, metrics=metrics[start : start + _BATCH])
    for file in _FILES:
        if (folder / file).is_file():
            client.log_artifact(run, str(folder / file))
    # Last, so that a job that was logged by half is logged again.
    client.set_tag(run, _JOB_TAG, name)
    wall = 0.0 if pd.isna(job["wall_seconds"]) else float(job["wall_seconds"])
    client.set_terminated(run, _ENDED.get(job["status"], "FAILED"), began + int(1000 * wall))


def log_to_mlflow(
    table: pd.DataFrame, folders: Mapping[str, Path], uri: str, experiment: str
) -> int:
    """Log every job of ``load_runs``'s rows to MLflow and return how many were new.

    Parameters are what the job ran in, metrics its epochs (the step is the epoch, seconds in
    seconds) and the figures of the whole job, artifacts its log, events and record. ``folders``
    are the runs' by name. A job that the experiment holds already is left as it is, and one that
    is running is left for later. Raises
    MachineError without MLflow, StoreError if the store refuses.
    """
    make_client, refusal = _mlflow()
    try:
        client = make_client(tracking_uri=uri)
        found = client.get_experiment_by_name(experiment)
        chosen = str(found.experiment_id if found else client.create_experiment(experiment))
        known = _logged(client, chosen)
        by_job = dict(list(table.groupby(JOB, sort=False)))
        new = 0
        for _, job in job_rows(table).iterrows():
            name = f"{job['run']}/{job['job']}"
            if name in known or job["status"] == Status.RUNNING:
                continue
            folder = folders[job["run"]] / "jobs" / job["job"]
            _log_job(client, chosen, job, by_job[(job["run"], job["job"])], folder, name)
            new += 1
    except refusal as error:
        reason = f"MLflow at {uri}: {str(error).strip().splitlines()[0]}"
        raise StoreError(re.sub("//[^/@ ]*@", "//", reason)) from error
    return new
