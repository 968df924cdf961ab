"""What a run would do: built, fetched, run and skipped, for how long and with how much disk.

Nothing is made, fetched, locked or written to find it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from runner import paths
from runner.environments.datasets import missing_bytes
from runner.environments.venv import MARKER, environment_folder, python_for
from runner.errors import BenchmarkError, BuildError, MachineError
from runner.launchers.local import LocalLauncher
from runner.machine.disk import Need, Room, rooms_on_disks
from runner.machine.docker_engine import Engine
from runner.machine.identity import hardware_name
from runner.plan.history import Estimate, History, Left, kind_of
from runner.plan.needs import environment_bytes, image_bytes, require_disks, run_needs
from runner.plan.plan import Plan, plan_run
from runner.plan.resume import Session, refuse_other_run
from runner.spec.choices import BuildOptions, LauncherChoice
from runner.spec.configuration import Configuration
from runner.spec.job import Job, Status
from runner.spec.request import Request
from runner.store.run_folder import RunStore
from runner.words import Say

if TYPE_CHECKING:
    from runner.environments.image import FoundImage


@dataclass(frozen=True)
class EnvironmentAhead:
    """An image, or an environment on this machine, as it would be used.

    ``name`` is the image's tag or the environment's folder, None where it cannot be told yet.
    ``why`` says what is there, or why it has to be made; ``problem`` what stands against making
    it. ``seconds`` and ``size`` (bytes) are None where they are not known.
    """

    configuration: str
    name: str | None
    is_there: bool
    why: str
    seconds: float | None = None
    size: int | None = None
    problem: str | None = None


@dataclass(frozen=True)
class JobAhead:
    """A job as it would be run.

    ``estimate`` is how long it would take, None where that is not known or it is not run. ``ended``
    is how it ended before, so that it is skipped; ``blocked`` why its environment cannot be made.
    """

    job: Job
    estimate: Estimate | None
    ended: Status | None = None
    blocked: str | None = None

    @property
    def is_run(self) -> bool:
        """Return whether a process would be started for it."""
        return self.ended is None and self.job.unsupported is None and self.blocked is None


@dataclass(frozen=True)
class Preview:
    """All that a run would do. ``to_fetch`` is in bytes, by data set.

    ``refusal`` is the error with which the run would end instead, if that is known now.
    """

    plan: Plan
    hardware: str
    environments: tuple[EnvironmentAhead, ...]
    to_fetch: dict[str, int]
    jobs: tuple[JobAhead, ...]
    rooms: tuple[Room, ...]
    resumed: str | None = None
    refusal: BenchmarkError | None = None

    @property
    def lanes(self) -> int:
        """Return how many jobs would run at the same time."""
        machine = self.plan.machine
        return machine.cluster.nodes if machine.cluster is not None else len(machine.lanes)

    @property
    def job_time(self) -> Left:
        """Return how long all jobs would take, as many at the same time as there are lanes."""
        estimates = [ahead.estimate for ahead in self.jobs if ahead.is_run]
        known = [estimate.seconds for estimate in estimates if estimate is not None]
        seconds = max(sum(known) / self.lanes, max(known, default=0.0))
        return Left(seconds, len(estimates) - len(known), self.plan.is_open)


def _why(found: FoundImage) -> str:
    if found.is_there:
        return "is there"
    if found.tag is None:
        return f"no image is there, and its base would be pulled first: {found.base}"
    stages = f"stages to build: {', '.join(found.missing)}"
    begun = f" (on the stage {found.held} that is there)" if found.held else ""
    return f"no image of this recipe, lock and base is there; {stages}{begun}"


def _image(
    engine: Engine, configuration: Configuration, plan: Plan, build: BuildOptions, history: History
) -> EnvironmentAhead:
    from runner.environments.image import find_image, known_image_size

    device = plan.machine.device
    found = find_image(engine, configuration, device, build)
    size = known_image_size(engine, configuration, device, found.tag)
    known = history.build_seconds(configuration.name, str(LauncherChoice.DOCKER), device)
    return EnvironmentAhead(
        configuration.name,
        found.tag,
        found.is_there,
        _why(found),
        # What it took before was the whole of it.
        known if found.held is None else None,
        size if size is not None else image_bytes(configuration, device),
    )


def _local(configuration: Configuration, plan: Plan, history: History) -> EnvironmentAhead:
    device = plan.machine.device
    folder = environment_folder(configuration, device, paths.cache())
    size = environment_bytes(configuration, device)
    if (folder / MARKER).exists():
        return EnvironmentAhead(configuration.name, str(folder), True, "is there", size=size)
    seconds = history.build_seconds(configuration.name, LocalLauncher.name, device)
    made = EnvironmentAhead(
        configuration.name,
        str(folder),
        False,
        "no environment of this lock is there",
        seconds,
        size,
    )
    try:
        python_for(configuration)
    except BuildError as error:
        return replace(made, problem=str(error))
    return made


def _environments(
    plan: Plan, needed: set[str], build: BuildOptions, history: History
) -> list[EnvironmentAhead]:
    """Return the environments of the configurations that have something to run.

    Those of a cluster's nodes are made there; what they have cannot be seen from here.
    """
    engine, python = plan.machine.engine, plan.request.python
    if plan.machine.cluster is not None:
        return []
    chosen = [
        configuration for configuration in plan.configurations if configuration.name in needed
    ]
    if engine is not None:
        return [_image(engine, configuration, plan, build, history) for configuration in chosen]
    if python is not None:
        why = "is used as it is (--python)"
        return [EnvironmentAhead(each.name, str(python), is_there=True, why=why) for each in chosen]
    return [_local(configuration, plan, history) for configuration in chosen]


def _jobs(plan: Plan, session: Session, history: History) -> list[JobAhead]:
    store = RunStore(session.resumed) if session.resumed is not None else None
    ahead = []
    estimate_of = cache(history.estimate)
    for job in plan.jobs:
        found = store.ended(job) if store is not None else None
        ended = None if found in session.again else found
        is_run = ended is None and job.unsupported is None
        ahead.append(JobAhead(job, estimate_of(kind_of(job)) if is_run else None, ended))
    return ahead


def _blocked(jobs: Sequence[JobAhead], made: Sequence[EnvironmentAhead]) -> list[JobAhead]:
    """Return the jobs, marked where their environment cannot be made."""
    problems = {ahead.configuration: ahead.problem for ahead in made}
    return [
        replace(ahead, blocked=problems.get(ahead.job.configuration)) if ahead.is_run else ahead
        for ahead in jobs
    ]


def _refusal(
    jobs: Sequence[JobAhead], root: Path, needs: Sequence[Need], say: Say
) -> BenchmarkError | None:
    """Return what the run would end with: no job that can run, no folder to write to, no room."""
    problems = [ahead.blocked for ahead in jobs if ahead.blocked is not None]
    if problems and not any(ahead.is_run for ahead in jobs):
        return MachineError(f"no job can run: {problems[0]}")
    try:
        require_disks(root, needs, say)
    except MachineError as error:
        return error
    return None


def preview_run(request: Request, session: Session, say: Say) -> Preview:
    """Return what a run of ``request`` would do; a choice made for the user goes to ``say``.

    Raises what the run itself would raise before it began anything: UsageError, MachineError,
    IdentityError. Whether another run holds the device is not looked at.
    """
    plan = plan_run(request, say)
    if session.resumed is not None:
        refuse_other_run(RunStore(session.resumed), plan, {})
    hardware = hardware_name(plan.machine)
    history = History(session.root, hardware)
    build = session.build(plan.request)
    jobs = _jobs(plan, session, history)
    needed = {ahead.job.configuration for ahead in jobs if ahead.is_run}
    made = _environments(plan, needed, build, history)
    jobs = _blocked(jobs, made)
    needs = run_needs(plan, session.root, build)
    return Preview(
        plan=plan,
        hardware=hardware,
        environments=tuple(made),
        to_fetch=missing_bytes(plan.source, plan.datasets, paths.cache()),
        jobs=tuple(jobs),
        rooms=tuple(rooms_on_disks(needs)),
        resumed=session.resumed.name if session.resumed else None,
        refusal=_refusal(jobs, session.root, needs, say),
    )
