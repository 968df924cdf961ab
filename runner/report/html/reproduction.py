"""How to make a run again: its command, the code, the environments and the host."""

import shlex
from pathlib import Path
from typing import Any

import pandas as pd

from runner.spec.job import Status
from runner.spec.regular import open_regular
from runner.store.events import MAX_LINE_BYTES, StartEvent, parse_event
from runner.store.record import read_manifest

_ENVIRONMENT = [
    "configuration",
    "device",
    "launcher",
    "image_digest",
    "base_digest",
    "base_repo_digest",
    "lock_sha256",
    "packages_sha256",
]
_HOST = ["runner_version", "models_sha256", "cpu_model", "kernel"]
_DEVICE = ["device_name", "device_uuid", "driver", "cpus", "threads"]


def _distinct(rows: pd.DataFrame, columns: list[str]) -> list[dict[str, str]]:
    """Return each combination of the columns once, without what is not recorded."""
    found = rows[columns].astype("string").drop_duplicates()
    return [
        {str(name): str(value) for name, value in row.items() if pd.notna(value)}
        for _, row in found.iterrows()
    ]


def _versions(folder: Path) -> str | None:
    """Return the versions that a job in ``folder`` says it ran with, in words."""
    try:
        with open_regular(folder / "events.jsonl") as file:
            event = parse_event(file.readline(MAX_LINE_BYTES))
    except OSError:
        return None
    if not isinstance(event, StartEvent):
        return None
    return ", ".join(f"{name} {version}" for name, version in sorted(event.versions.items()))


def _kind(environment: dict[str, str]) -> str:
    """Return what an environment is, by what is recorded of it."""
    if "image_digest" in environment:
        return "container image"
    if "lock_sha256" in environment:
        return "virtual environment, made by the runner from the configuration's lock file"
    return "Python interpreter named with --python; its packages are known by their hash alone"


def _environments(folder: Path, rows: pd.DataFrame) -> list[dict[str, str]]:
    """Return what the jobs that began ran in, each environment and its versions once."""
    known = rows[rows["python_version"].notna() | rows["image_digest"].notna()]
    jobs = known.sort_values("status", key=lambda status: status != Status.OK, kind="stable")
    jobs = jobs.drop_duplicates([*_ENVIRONMENT, "backend"])
    versions = [_versions(folder / "jobs" / str(job)) for job in jobs["job"]]
    found = _distinct(
        jobs.assign(versions=pd.Series(versions, jobs.index)), [*_ENVIRONMENT, "versions"]
    )
    return [{"kind": _kind(one), **one} for one in found]


def reproduction_of(folder: Path, table: pd.DataFrame) -> dict[str, Any]:
    """Return what the page says of how to make the run in ``folder`` again."""
    content = read_manifest(folder)
    rows = table[table["run"] == content["run"]]
    commits = rows["git_commit"].dropna().unique().tolist()
    commit = str(commits[0]) if commits else None
    given = content.get("arguments")
    words = [*map(str, given)] if isinstance(given, list) else []
    return {
        "run": content["run"],
        "started": content.get("started"),
        "command": shlex.join(["python", "-m", "runner", *words]) if words else None,
        "commit": commit.removesuffix("-modified") if commit else None,
        "is_modified": bool(commit and commit.endswith("-modified")),
        "environments": _environments(folder, rows),
        "hosts": [row for row in _distinct(rows, _HOST) if row],
        "devices": [row for row in _distinct(rows, _DEVICE) if row],
    }
