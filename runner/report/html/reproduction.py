"""How to make a run again: its command, the code, the environments and the host."""

import shlex
from pathlib import Path
from typing import Any

import pandas as pd

from runner.store.record import read_manifest

_ENVIRONMENT = [
    "configuration",
    "device",
    "launcher",
    "keras_version",
    "python_version",
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
        "environments": _distinct(rows[rows["image_digest"].notna()], _ENVIRONMENT),
        "hosts": [row for row in _distinct(rows, _HOST) if row],
        "devices": [row for row in _distinct(rows, _DEVICE) if row],
    }
