"""Going on with a run: the same request, the same identity, and only what is not done."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runner import paths
from runner.errors import IdentityError, UsageError, choose_names
from runner.plan.plan import Plan
from runner.spec.choices import BUILD_JOBS, BuildOptions
from runner.spec.job import Job, Status
from runner.spec.request import Request
from runner.spec.time_limits import TimeLimits
from runner.store.find import find_run, list_resumable_runs, new_run_name
from runner.store.identity import refuse_other_identity
from runner.store.run_folder import RunStore
from runner.words import REDACTED, without_password

# Of a request, what another session may say anew: how to reach things, not what is measured.
_SESSION_OPTIONS = frozenset({
    "engine", "ca_bundle", "memory", "package_index", "wheels",
    "partition", "account", "constraint", "time", "slurm",
})  # fmt: skip


@dataclass(frozen=True)
class Session:
    """What holds for one call alone, whether it begins a run or goes on with one.

    ``name`` is what a new run is called, None for the time at which it begins; ``resumed`` is the
    folder of the run to go on with. The seconds are those of the options; ``build_jobs``
    environments are made at the same time; ``progress`` shows downloads as they come. Raises
    UsageError for a name that a new run cannot have.
    """

    arguments: list[str] = field(default_factory=list)
    root: Path = paths.RESULTS
    name: str | None = None
    resumed: Path | None = None
    again: frozenset[Status] = frozenset({Status.INTERRUPTED})
    limits: TimeLimits = field(default_factory=TimeLimits)
    build_seconds: float = BuildOptions.build_seconds
    pull_seconds: float = BuildOptions.pull_seconds
    build_jobs: int = BUILD_JOBS
    wait: float = 0.0
    progress: bool = False

    def __post_init__(self) -> None:
        if self.name is not None and self.resumed is not None:
            raise UsageError(f"--resume goes on with run {self.resumed.name}: leave out --name")
        if self.name is not None:
            new_run_name(self.root, self.name)

    def build(self, request: Request) -> BuildOptions:
        """Return how environments are made."""
        return replace(
            request.build, build_seconds=self.build_seconds, pull_seconds=self.pull_seconds
        )


def resumed_request(root: Path, name: str, asked: Request, given: set[str]) -> tuple[Path, Request]:
    """Return a run's folder, and its request with what this call may say anew.

    Raises StoreError where there is no such run, UsageError for an option that would measure
    something else.
    """
    folder = find_run(root, name, list_resumable_runs)
    fixed = sorted(given - _SESSION_OPTIONS)
    if fixed:
        named = ", ".join("--" + name.replace("_", "-") for name in fixed)
        raise UsageError(
            f"--resume goes on with what run {folder.name} asked for; leave out {named}"
        )
    kept = Request.of_manifest(RunStore(folder).manifest(), folder)
    if "package_index" not in given and REDACTED in (kept.package_index or ""):
        raise UsageError("the package index of this run has a password, which is not kept: "
                         "say it again with --package-index")  # fmt: skip
    return folder, kept.model_copy(update={name: getattr(asked, name) for name in given})


_NOT_AGAIN = (Status.OK, Status.UNSUPPORTED, Status.RUNNING)
_RETRIABLE = [str(status) for status in Status if status not in _NOT_AGAIN]
_ALL = "all"


def statuses_to_retry(text: str | None) -> frozenset[Status]:
    """Return the ends that a resumed run does not take for one: "failed,timeout", or "all".

    A job that was cut off is always run again; one that ended by itself only if it is named.
    Raises UsageError for a word that is no such status.
    """
    words = [word.strip() for word in (text or "").split(",") if word.strip()]
    if text is not None and not words:
        raise UsageError("--retry names no status, such as failed,timeout")
    named = choose_names(words, [*_RETRIABLE, _ALL], "status to retry") if words else []
    chosen = _RETRIABLE if _ALL in named else named
    return frozenset({Status.INTERRUPTED, *map(Status, chosen)})


def _session_entry(arguments: list[str], plan: Plan) -> dict[str, Any]:
    engine = plan.machine.engine
    return {
        "started": datetime.now(UTC).isoformat(),
        "engine": engine.description if engine is not None else None,
        "arguments": list(map(without_password, arguments)),
        "git_commit": plan.identity["git_commit"],
    }


def _machine(plan: Plan) -> dict[str, str]:
    """Return what of the machine decides a time beside what ``identity.describe`` tells."""
    gpu = plan.machine.gpu
    uuids = ",".join(card.uuid for card in plan.machine.gpus)
    of_cards = {"device_uuid": uuids, "driver": gpu.driver} if gpu else {}
    return {"device": str(plan.machine.device), **of_cards}


def _jobs(jobs: list[Job]) -> list[dict[str, Any]]:
    plain: list[dict[str, Any]] = json.loads(json.dumps([vars(job) for job in jobs]))
    return plain


def _manifest(plan: Plan, data: dict[str, str], arguments: list[str]) -> dict[str, Any]:
    """Return all of a new run that a later session needs."""
    return {
        "arguments": list(map(without_password, arguments)),
        "jobs": [job.id for job in plan.jobs],
        "planned": _jobs(plan.jobs),
        "request": plan.request.to_keep(),
        "identity": plan.identity,
        "machine": _machine(plan),
        "data": data,
        "sessions": [_session_entry(arguments, plan)],
    }


def _refuse_other_jobs(store: RunStore, before: list[dict[str, Any]], now: list[Job]) -> None:
    """Raise IdentityError if the configurations would now give other jobs."""
    for old, new, job in zip(before, _jobs(now), now, strict=False):
        if old != new:
            refuse_other_identity(f"job {job.id}", old, new, store.name)
    if len(before) != len(now):
        raise IdentityError(
            f"run {store.name} cannot go on: it had {len(before)} jobs, now it would have "
            f"{len(now)}\nconfigurations or models have changed: start a new run"
        )


def refuse_other_run(store: RunStore, plan: Plan, data: dict[str, str]) -> None:
    """Raise IdentityError unless code, machine, data and jobs are those of the run's begin.

    Its environments are held against theirs when they are made. A file that ``data`` does not
    name is not compared.
    """
    kept = store.manifest()
    now: dict[str, tuple[str, dict[str, Any]]] = {
        "code or host": ("identity", plan.identity),
        "machine": ("machine", _machine(plan)),
        "data": ("data", data),
    }
    for what, (name, found) in now.items():
        refuse_other_identity(what, kept.get(name, {}), found, store.name)
    _refuse_other_jobs(store, kept.get("planned", []), plan.jobs)


@contextmanager
def held_store(session: Session, plan: Plan, data: dict[str, str]) -> Iterator[RunStore]:
    """Hold a run's folder, a new one or that of the run to go on with, with this session in it.

    ``data`` are the hashes of what is trained on. Raises IdentityError as above.
    """
    if session.resumed is None:
        manifest = _manifest(plan, data, session.arguments)
        with (store := RunStore.create(session.root, manifest, session.name)).hold():
            yield store
        return
    entry = _session_entry(session.arguments, plan)
    with (store := RunStore(session.resumed)).hold():
        refuse_other_run(store, plan, data)
        store.amend(sessions=[*store.manifest().get("sessions", []), entry])
        yield store
