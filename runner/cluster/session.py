"""A run whose jobs a cluster's queue hands to its nodes: handed in, followed, ended."""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from runner.cluster.follow import MOST_TIMES, Follower, tasks_of
from runner.cluster.submissions import FOLDER, Submission, latest_tasks, submissions
from runner.cluster.submit import parts_of, submit_jobs, work_for
from runner.errors import BenchmarkError, ExitCode, UsageError
from runner.execution.interrupts import Interrupts
from runner.execution.observer import Announcement, Observer
from runner.execution.session import Ended, opened_run
from runner.plan.plan import Plan
from runner.plan.resume import Session
from runner.plan.rounds import shuffled_rounds
from runner.schedulers.base import Scheduler, Task, TaskState
from runner.schedulers.choose import allotment_for, scheduler_for
from runner.spec.job import Job, Status
from runner.spec.request import Request
from runner.store.record import Record, planned_of
from runner.store.run_folder import RunStore
from runner.words import Say, without_password


@dataclass(frozen=True)
class ClusterRun:
    """A run on a cluster, as its folder and the queue know it."""

    store: RunStore
    request: Request
    jobs: tuple[Job, ...]
    scheduler: Scheduler

    @classmethod
    def of(cls, folder: Path, say: Say) -> "ClusterRun":
        """Return the run in ``folder``. Raises UsageError if its jobs are on no cluster."""
        store = RunStore(folder)
        manifest = store.manifest()
        request = Request.of_manifest(manifest, folder)
        if not request.launcher.is_of_cluster:
            raise UsageError(
                f"run {folder.name} is not on a cluster: its jobs ran with --launcher "
                f"{request.launcher}\nsee python -m runner report {folder.name}"
            )
        jobs = tuple(shuffled_rounds(planned_of(manifest, folder), request.seed))
        return cls(store, request, jobs, scheduler_for(request.launcher, say))

    def left(self, again: Iterable[Status]) -> dict[str, Job]:
        """Return the jobs that have not ended, by their ids."""
        open_ends = {None, *again}
        return {job.id: job for job in self.jobs if self.store.ended(job) in open_ends}

    def tasks(self, wanted: dict[str, Job]) -> dict[str, Task]:
        """Return how the queue sees the latest task of each wanted job that was handed in."""
        return tasks_of(latest_tasks(submissions(self.store.folder)), wanted, self.scheduler)


def submit_run(request: Request, session: Session, observer: Observer) -> Path:
    """Plan a run and hand in all of its jobs that neither ended nor are in the queue.

    Returns the run's folder. Raises BenchmarkError for what stands against it.
    """
    index = request.package_index or ""
    if without_password(index) != index:
        raise UsageError(
            "--package-index: its password would have to be kept for the nodes to use it\n"
            "name the index without it, and put it into .netrc in your home folder"
        )
    with opened_run(request, session, observer.note) as opened:
        # What of the queue is asked for may be said anew by each call.
        opened.store.amend(request=opened.plan.request.to_keep())
        run = ClusterRun.of(opened.store.folder, observer.note)
        jobs = _to_hand_in(run, session)
        if jobs:
            made = _handed_in(run, jobs, session)
            names = ", ".join(submission.name for submission in made)
            observer.note(f"{len(jobs)} jobs handed in to {run.scheduler.name}: {names}")
        return opened.store.folder


def _handed_in(run: ClusterRun, jobs: list[Job], session: Session) -> list[Submission]:
    """Hand jobs in. Of a new run that is refused nothing stays."""
    try:
        return submit_jobs(run.store, jobs, session, run.scheduler, allotment_for(run.request))
    except BenchmarkError:
        if session.resumed is None and not submissions(run.store.folder):
            shutil.rmtree(run.store.folder)
        raise


def _to_hand_in(run: ClusterRun, session: Session) -> list[Job]:
    """Return the jobs that are to be handed in; those that no node can run end here."""
    left = run.left(session.again)
    tasks = run.tasks(left)
    jobs = []
    for name, job in left.items():
        if job.unsupported is not None:
            run.store.unstarted(job, Record(Status.UNSUPPORTED, job.unsupported))
        elif name not in tasks or tasks[name].state is TaskState.ENDED:
            jobs.append(job)
    return jobs


def scripts_ahead(plan: Plan, session: Session, say: Say) -> list[str]:
    """Return the scripts that a run would hand in, without handing anything in."""
    run = session.resumed or session.root.resolve() / (session.name or "NAME-OF-THE-RUN")
    jobs = [job for job in shuffled_rounds(plan.jobs, plan.request.seed) if not job.unsupported]
    scheduler = scheduler_for(plan.request.launcher, say)
    allotment = allotment_for(plan.request)
    return [
        scheduler.script(work_for(run, run / FOLDER / str(number), part, session), allotment)
        for number, part in enumerate(parts_of(jobs, scheduler.most_tasks()), start=1)
    ]


def _announced(run: ClusterRun, jobs: list[Job]) -> Announcement:
    nodes = [node for node in run.scheduler.nodes(allotment_for(run.request)) if node.is_usable]
    return Announcement(
        run.store.name,
        run.store.folder,
        jobs=jobs,
        total=len(run.jobs),
        hardware=None,
        lanes=max(1, min(len(nodes), len(jobs))),
    )


def _followed(run: ClusterRun, follower: Follower) -> Ended:
    try:
        all_ok = follower.follow()
    except KeyboardInterrupt:
        return Ended(run.store.folder, ExitCode.INTERRUPTED)
    except BenchmarkError as error:
        return Ended(run.store.folder, error.exit_code, error)
    return Ended(run.store.folder, ExitCode.OK if all_ok else ExitCode.JOBS_NOT_OK)


def follow_run(folder: Path, observer: Observer, session: Session | None = None) -> Ended:
    """Follow a run that was handed in until every job has ended, and return how it ended.

    With ``session`` a job that its node lost is handed in again. A wish to end ends this and not
    the tasks.
    """
    interrupts = Interrupts()
    run = ClusterRun.of(folder, observer.note)
    with interrupts.installed(), run.store.hold():
        follower = Follower(
            run.store,
            run.jobs,
            run.scheduler,
            observer,
            interrupts,
            again=_handing_in(run, session or Session()),
            retried=(session or Session()).again,
            most_times=MOST_TIMES if session is not None else 0,
        )
        with observer:
            observer.run_started(_announced(run, follower.left))
            if count := len(follower.never):
                were = "job was" if count == 1 else "jobs were"
                message = f"{count} {were} never handed in: go on with --resume {run.store.name}"
                observer.note(message)
            ended = _followed(run, follower)
            observer.run_ended(ended.code, str(ended.error) if ended.error else None)
        return ended


def _handing_in(run: ClusterRun, session: Session) -> Callable[[list[Job]], None]:
    allotment = allotment_for(run.request)

    def again(jobs: list[Job]) -> None:
        submit_jobs(run.store, jobs, session, run.scheduler, allotment)

    return again


@dataclass(frozen=True)
class Standing:
    """How far a run on a cluster is. ``ended`` are the jobs with a result, by status.

    ``tasks`` are those of the jobs without one, ``never`` the jobs that were not handed in.
    """

    ended: dict[Status, int]
    tasks: dict[str, Task]
    never: tuple[str, ...]


def standing_of(run: ClusterRun) -> Standing:
    """Return how far a run is."""
    ended: dict[Status, int] = {}
    for job in run.jobs:
        status = run.store.ended(job)
        if status is not None:
            ended[status] = ended.get(status, 0) + 1
    left = run.left(())
    tasks = run.tasks(left)
    return Standing(ended, tasks, tuple(name for name in left if name not in tasks))


def cancel_run(run: ClusterRun) -> int:
    """Take all of a run's tasks out of the queue and return how many those were."""
    latest = latest_tasks(submissions(run.store.folder))
    wanted = {job.id: job for job in run.jobs}
    by_name: dict[str, list[int]] = {}
    for name, task in run.tasks(wanted).items():
        if task.state is not TaskState.ENDED:
            of_job = latest[name]
            by_name.setdefault(of_job.submission.name, []).append(of_job.number)
    for queue_name, numbers in by_name.items():
        run.scheduler.cancel(queue_name, numbers)
    return sum(map(len, by_name.values()))
