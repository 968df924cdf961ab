"""Going on with a run: the same request, the same identity, and only what is not done."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runner import data as datasets
from runner import identity
from runner.errors import IdentityError, UsageError, choose
from runner.jobs import Job, Status
from runner.planning import Plan
from runner.store import RunStore
from runner.text import without_password

_RETRIABLE = [str(status) for status in Status if status not in (Status.OK, Status.UNSUPPORTED)]
_ALL = "all"


def statuses_to_retry(text: str | None) -> frozenset[Status]:
    """Return the ends that a resumed run does not take for one: "failed,timeout", or "all".

    A job that was cut off is always run again; one that ended by itself only if it is named.
    Raises UsageError for a word that is no such status.
    """
    words = [word.strip() for word in (text or "").split(",") if word.strip()]
    if text is not None and not words:
        raise UsageError("--retry names no status, such as failed,timeout")
    named = choose(words, [*_RETRIABLE, _ALL], "status to retry") if words else []
    chosen = _RETRIABLE if _ALL in named else named
    return frozenset({Status.INTERRUPTED, *map(Status, chosen)})


def _session(arguments: list[str]) -> dict[str, Any]:
    return {
        "started": datetime.now(UTC).isoformat(),
        "arguments": list(map(without_password, arguments)),
        "git_commit": identity.git_commit(),
    }


def _machine(plan: Plan) -> dict[str, str]:
    """Return what of the machine decides a time beside what ``identity.describe`` tells."""
    gpu = plan.machine.gpu
    of_card = {"device_uuid": gpu.uuid, "driver": gpu.driver} if gpu else {}
    return {"device": str(plan.machine.device), **of_card}


def _jobs(jobs: list[Job]) -> list[dict[str, Any]]:
    plain: list[dict[str, Any]] = json.loads(json.dumps([asdict(job) for job in jobs]))
    return plain


def begin(root: Path, plan: Plan, data_dir: Path | None, arguments: list[str]) -> RunStore:
    """Make the folder of a new run, with all in its manifest that a later session needs."""
    manifest = {
        "arguments": list(map(without_password, arguments)),
        "jobs": [job.id for job in plan.jobs],
        "planned": _jobs(plan.jobs),
        "request": plan.request.to_keep(),
        "identity": identity.describe(),
        "machine": _machine(plan),
        "data": datasets.fingerprint(data_dir),
        "sessions": [_session(arguments)],
    }
    return RunStore.create(root, manifest)


def _refuse_other_jobs(store: RunStore, before: list[dict[str, Any]], now: list[Job]) -> None:
    """Raise IdentityError if the configurations would now give other jobs."""
    for old, new in zip(before, now, strict=False):
        identity.refuse_another(f"job {new.id}", old, _jobs([new])[0], store.name)
    if len(before) != len(now):
        raise IdentityError(
            f"run {store.name} cannot go on: it had {len(before)} jobs, now it would have "
            f"{len(now)}\nconfigurations or models have changed: start a new run"
        )


def refuse_another(store: RunStore, plan: Plan, data: dict[str, str]) -> None:
    """Raise IdentityError unless code, machine, data and jobs are those of the run's begin.

    Its environments are held against theirs when they are made. A file that ``data`` does not
    name is not compared.
    """
    kept = store.manifest()
    now: dict[str, tuple[str, dict[str, Any]]] = {
        "code or host": ("identity", identity.describe()),
        "machine": ("machine", _machine(plan)),
        "data": ("data", data),
    }
    for what, (name, found) in now.items():
        identity.refuse_another(what, kept.get(name, {}), found, store.name)
    _refuse_other_jobs(store, kept.get("planned", []), plan.jobs)


def go_on(store: RunStore, plan: Plan, data_dir: Path | None, arguments: list[str]) -> None:
    """Enter a further session into a run's manifest. Raises IdentityError as above."""
    refuse_another(store, plan, datasets.fingerprint(data_dir))
    store.amend(sessions=[*store.manifest().get("sessions", []), _session(arguments)])
