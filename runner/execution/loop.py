"""All jobs of a run: environments made, jobs started, one at a time in each lane."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from threading import Lock

from runner.environments.patience import Making, call_again
from runner.errors import (
    BuildError,
    EngineError,
    LeftoverError,
    MachineError,
    UnobtainableError,
)
from runner.execution.attempt import Conditions, disk_is_not_full, run_job
from runner.execution.guard import Obstacle
from runner.execution.lanes import Turns, each_side_by_side, side_by_side
from runner.execution.slowdown import tell_slowdown
from runner.launchers.base import Environment
from runner.spec.configuration import Configuration, Device
from runner.spec.job import Job, Status
from runner.store.identity import keep_environment
from runner.store.record import Record


def _made(
    configuration: Configuration, conditions: Conditions, making: Making, keeping: Lock
) -> Environment:
    """Return an environment; what it is, and how long it took if it had to be made, is kept."""
    log, store = making.log, conditions.store
    before = log.stat().st_size if log.exists() else 0
    began = time.monotonic()
    environment = conditions.launcher.prepare(configuration, making)
    seconds = time.monotonic() - began
    with keeping:
        if log.exists() and log.stat().st_size > before:
            made = {
                "launcher": conditions.launcher.name,
                "device": str(Device.GPU if conditions.gpu else Device.CPU),
                "seconds": seconds,
            }
            known = store.manifest().get("builds", {})
            store.amend(builds={**known, configuration.name: made})
        keep_environment(store, configuration.name, environment.identity)
    return environment


def _prepare(
    configurations: list[Configuration], conditions: Conditions, build_jobs: int
) -> dict[str, Environment | BuildError]:
    """Make every configuration's environment; one that fails does not stop the others."""
    observer, total, keeping = conditions.observer, len(configurations), Lock()

    def make(
        numbered: tuple[int, Configuration], is_wanted: Callable[[], bool]
    ) -> Environment | BuildError:
        number, configuration = numbered
        name = configuration.name
        say = partial(observer.build_output, name)
        observer.build_started(name, configuration.title, number, total)
        try:
            making = Making(conditions.store.build_log(name), say, is_wanted)
            environment = _made(configuration, conditions, making, keeping)
        except BuildError as error:
            observer.build_ended(name, str(error))
            return error
        observer.build_ended(name, None)
        return environment

    made = each_side_by_side(
        list(enumerate(configurations, start=1)),
        build_jobs,
        make,
        conditions.interrupts,
        observer.note,
    )
    return dict(zip((each.name for each in configurations), made, strict=True))


def _unstarted(job: Job, status: Status, reason: str, conditions: Conditions) -> Record:
    record = conditions.record(status, reason)
    with disk_is_not_full(conditions):
        conditions.store.unstarted(job, record)
    return record


def _retried(job: Job, environment: Environment, conditions: Conditions) -> Record:
    """Run a job, again where what carries it failed and may be back in a moment."""
    patience = replace(conditions.patience, sleep=conditions.interrupts.sleep)

    def say(text: str) -> None:
        conditions.observer.note(f"{job.id}: {text}")

    try:
        return call_again(
            say, lambda error: isinstance(error, EngineError), patience,
            run_job, job, environment, conditions,
        )  # fmt: skip
    except LeftoverError as error:
        raise MachineError(
            f"{job.id}: {error}\nanother attempt would be timed beside it: end it, then go on with "
            f"--resume {conditions.store.name}"
        ) from error
    except EngineError as error:
        if conditions.launcher.answers():
            reason = f"starting or following it failed {patience.attempts} times: {error}"
            return _unstarted(job, Status.FAILED, reason, conditions)
        raise MachineError(
            f"{job.id}: {error}\n"
            f"tried {patience.attempts} times; when it is back, go on with "
            f"--resume {conditions.store.name}"
        ) from error


def _one(
    job: Job,
    environments: Mapping[str, Environment | BuildError],
    obstacle: Obstacle,
    conditions: Conditions,
) -> Record:
    if job.unsupported is not None:
        return _unstarted(job, Status.UNSUPPORTED, job.unsupported, conditions)
    environment = environments[job.configuration]
    if isinstance(environment, UnobtainableError):
        return _unstarted(job, Status.UNSUPPORTED, str(environment), conditions)
    if isinstance(environment, BuildError):
        return _unstarted(job, Status.BUILD_FAILED, str(environment), conditions)
    if (reason := obstacle()) is not None:
        return _unstarted(job, Status.FAILED, reason, conditions)
    return _retried(job, environment, conditions)


def _needed(
    configurations: list[Configuration], jobs: Iterable[Job], conditions: Conditions
) -> list[Configuration]:
    """Return the configurations that have something left to do; all where that is not known."""
    if not isinstance(jobs, Sized):
        return configurations
    names = {job.configuration for job in jobs if conditions.ended(job) is None}
    return [configuration for configuration in configurations if configuration.name in names]


@contextmanager
def _held(lanes: Sequence[Conditions]) -> Iterator[list[Obstacle]]:
    """Hold the devices of all lanes, and give what stands against a job in each."""

    def name(number: int) -> str:
        gpu = lanes[number].gpu
        return gpu.uuid if gpu else ""

    obstacles: dict[int, Obstacle] = {}
    with ExitStack() as held:
        # In one order, whatever theirs is: two runs that wait would wait for each other.
        for number in sorted(range(len(lanes)), key=name):
            obstacles[number] = held.enter_context(lanes[number].keeper.hold())
        yield [obstacles[number] for number in range(len(lanes))]


def _work(
    turns: Iterator[tuple[int, Job]],
    total: int | None,
    environments: Mapping[str, Environment | BuildError],
    obstacle: Obstacle,
    conditions: Conditions,
) -> bool:
    """Run jobs in one lane until there is none left, and return whether all are ok."""
    all_ok = True
    for number, job in turns:
        status = conditions.ended(job)
        if status is None:
            conditions.interrupts.check()
            conditions.observer.job_started(job, number, total)
            record = _one(job, environments, obstacle, conditions)
            conditions.observer.job_ended(job, record)
            status = record.status
        all_ok = all_ok and status in (Status.OK, Status.UNSUPPORTED)
    return all_ok


def _tell_slowdown(
    jobs: Iterable[Job],
    environments: Mapping[str, Environment | BuildError],
    obstacles: Sequence[Obstacle],
    lanes: Sequence[Conditions],
) -> None:
    """Say what the lanes' jobs cost each other, by the first job that can be run."""
    for job in jobs if isinstance(jobs, Sized) else ():
        environment = environments.get(job.configuration)
        is_left = job.unsupported is None and lanes[0].ended(job) is None
        if is_left and isinstance(environment, Environment):
            tell_slowdown(job, environment, obstacles, lanes)
            return


def run_jobs(
    configurations: list[Configuration],
    jobs: Iterable[Job],
    *lanes: Conditions,
    build_jobs: int = 1,
) -> bool:
    """Run all jobs as they come and return whether every one that could run is ok.

    Each lane takes the next job when it has ended one. ``configurations`` are those of all jobs
    but the unsupported ones, which need nothing made; the first lane makes their environments,
    ``build_jobs`` at the same time, before the first job begins. A job that has ended before is
    not run again. Raises MachineError if a device is not free once
    the environments are made, or if what carries the jobs stays away; the other lanes then end
    their jobs and begin no more.
    """
    total = len(jobs) if isinstance(jobs, Sized) else None
    environments = _prepare(_needed(configurations, jobs, lanes[0]), lanes[0], build_jobs)
    turns = Turns(enumerate(jobs, start=1))
    with _held(lanes) as obstacles:
        if len(lanes) > 1:
            _tell_slowdown(jobs, environments, obstacles, lanes)
        works = [
            partial(_work, turns, total, environments, obstacle, conditions)
            for obstacle, conditions in zip(obstacles, lanes, strict=True)
        ]
        first = lanes[0]
        return all(side_by_side(works, turns.end, first.interrupts, first.observer.note))
