"""What was handed in to a cluster's queue, as a run's folder keeps it: ``queue/<number>/``."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from runner.errors import StoreError
from runner.store.record import SCHEMA, read_json_object, write_json

FOLDER = "queue"
_FILE = "submission.json"


@dataclass(frozen=True)
class Submission:
    """Jobs that were handed in together: task N of ``name``, as the queue calls it, is job N."""

    folder: Path
    name: str
    jobs: tuple[str, ...]

    def output(self, number: int) -> Path:
        """Return the file that task ``number`` writes its output to."""
        return self.folder / f"task-{number}.txt"


_KEPT = TypeAdapter(Submission)


def new_folder(run: Path) -> Path:
    """Return a folder for the next submission of a run, which is not there yet."""
    taken = [int(path.name) for path in (run / FOLDER).glob("*") if path.name.isdecimal()]
    return run / FOLDER / str(max(taken, default=0) + 1)


def keep_submission(submission: Submission) -> None:
    """Write down what was handed in."""
    kept = {"schema": SCHEMA, **asdict(submission), "folder": str(submission.folder)}
    write_json(submission.folder / _FILE, kept)


def _read(path: Path) -> Submission:
    try:
        kept = {**read_json_object(path), "folder": path.parent}
        kept.pop("schema")
        return _KEPT.validate_python(kept)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise StoreError(f"{path}: cannot be read: {first['msg']}") from error


def submissions(run: Path) -> list[Submission]:
    """Return what a run handed in, the oldest first.

    Raises StoreError where that is not there or is damaged.
    """
    found = sorted((run / FOLDER).glob(f"*/{_FILE}"), key=lambda path: int(path.parent.name))
    return [_read(path) for path in found]


@dataclass(frozen=True)
class TaskOfJob:
    """The task that a job was last handed in as, and how often it was handed in."""

    submission: Submission
    number: int
    times: int


def latest_tasks(given: Sequence[Submission]) -> dict[str, TaskOfJob]:
    """Return each job's latest task, by its id."""
    found: dict[str, TaskOfJob] = {}
    for submission in given:
        for number, job in enumerate(submission.jobs):
            before = found[job].times if job in found else 0
            found[job] = TaskOfJob(submission, number, before + 1)
    return found
