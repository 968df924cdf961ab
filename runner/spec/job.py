"""From configurations, models and options to the list of jobs."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, make_dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from runner.errors import choose_names
from runner.spec.axes import (
    AxisValue,
    combinations,
    declared_axes,
    recorded_fields,
    settings_text,
)
from runner.spec.choices import Threads
from runner.spec.configuration import Configuration, Device, ImageDataFormat, RecurrentActivation
from runner.spec.facts import refuse_taken
from runner.spec.request import Request
from runner.spec.workload import WORKLOADS, DataSource, Size, Workload

# A configuration's name may hold dots.
_ID = re.compile(r"(.+)\.([^.]+)\.([^.+]+)(?:\+[^.]+)?\.([0-9]{1,9})")


class Status(StrEnum):
    """How a job ended, or ``running``. Only ``ok`` has a time in a summary."""

    OK = "ok"
    FAILED = "failed"
    TIMEOUT = "timeout"
    OOM = "oom"
    INTERRUPTED = "interrupted"
    BUILD_FAILED = "build-failed"
    UNSUPPORTED = "unsupported"
    INVALID = "invalid"
    TAINTED = "tainted"
    RUNNING = "running"


@dataclass(frozen=True, kw_only=True)
class JobFields:
    """What a job holds: each axis that is declared is a field, also those not named here.

    Named here are those that the runner itself works with; ``axes`` gives all. ``varied`` names
    those that take several values in the run.
    """

    configuration: str
    backend: str
    model: str
    repeat: int
    device: Device
    data: DataSource
    epochs: int | None
    seed: int
    image_data_format: ImageDataFormat
    recurrent_activation: RecurrentActivation
    unsupported: str | None = None
    varied: tuple[str, ...] = ()
    samples: int | None
    threads: Threads
    phase: str
    size: str
    batch_size: int | None

    @property
    def axes(self) -> dict[str, AxisValue | None]:
        """Return its value of each axis, by name; None: the model's own, or not recorded."""
        return {name: getattr(self, name) for name in declared_axes()}

    @property
    def settings(self) -> str:
        """Return the values by which its cell differs from others of the run, in words."""
        return settings_text(self.axes, self.varied)

    @property
    def workload(self) -> Workload | None:
        """Return its model with the numbers of its size, phase and batch; None for another's.

        A size that the model has not is unsupported, and told with the published numbers.
        """
        known = WORKLOADS.get(self.model)
        if known is None:
            return None
        size = Size(self.size)
        sized = known.at(size) if size in known.sizes else known
        return sized.batched(self.phase, self.batch_size)

    @property
    def id(self) -> str:
        """Return the job's name within its run; also the name of its folder."""
        settings = "+" + re.sub("[^a-z0-9_]+", "-", self.settings) if self.varied else ""
        return f"{self.configuration}.{self.backend}.{self.model}{settings}.{self.repeat}"

    def spec(self, data_dir: str | None, cache_dir: str | None) -> dict[str, Any]:
        """Return what the job's process is told, as ``python -m models`` reads it."""
        fields = asdict(self)
        for host_only in ("configuration", "repeat", "unsupported", "varied"):
            del fields[host_only]
        return {**fields, "data_dir": data_dir, "cache_dir": cache_dir}


if TYPE_CHECKING:
    Job = JobFields
else:
    refuse_taken(JobFields.__dataclass_fields__, "a part of a job")
    Job = make_dataclass(
        "Job",
        [(name, kind, field(default=before)) for name, (kind, before) in recorded_fields().items()],
        bases=(JobFields,),
        namespace={
            "__doc__": "One fresh process, one result: configuration x backend x model x axes x "
            "repeat.",
            "__module__": __name__,
        },
        frozen=True,
        kw_only=True,
    )


def job_names(folder_name: str) -> tuple[str, str, str, int] | None:
    """Return the configuration, backend, model and repeat of a job's folder, or None."""
    found = _ID.fullmatch(folder_name)
    return (found[1], found[2], found[3], int(found[4])) if found else None


def _unsupported(
    configuration: Configuration,
    backend: str,
    workload: Workload,
    values: Mapping[str, AxisValue | None],
) -> str | None:
    """Return why a job cannot be run, or None."""
    phase, size = str(values["phase"]), Size(str(values["size"]))
    if reason := configuration.reason_against(workload.name, backend):
        return reason
    if reason := workload.reason_against(phase, size):
        return reason
    for name, axis in declared_axes().items():
        if first := axis.needs(values[name], configuration.keras):
            text = axis.label.format(values[name])
            return f"{text}: it needs Keras {first}, and this is Keras {configuration.keras}"
    return None


def _cell(
    configuration: Configuration,
    backend: str,
    workload: Workload,
    asked: Request,
    values: Mapping[str, AxisValue | None],
) -> dict[str, Any]:
    """Return what all repeats of a cell have in common."""
    chosen = {
        name: axis.choose(configuration.keras) if values[name] is None else values[name]
        for name, axis in declared_axes().items()
    }
    return {
        "configuration": configuration.name,
        "backend": backend,
        "model": workload.name,
        "device": Device(asked.device),
        "data": asked.data,
        "epochs": asked.epochs,
        "image_data_format": asked.image_data_format
        or configuration.backends[backend].image_data_format,
        "recurrent_activation": asked.recurrent_activation or configuration.recurrent_activation,
        "unsupported": _unsupported(configuration, backend, workload, chosen),
        "varied": asked.varied,
        **chosen,
    }


def marked_unsupported(jobs: list[Job], why: Callable[[Job], str | None]) -> list[Job]:
    """Return the jobs, those marked unsupported that ``why`` gives a reason against."""

    def marked(job: Job) -> Job:
        reason = why(job) if job.unsupported is None else None
        return job if reason is None else replace(job, unsupported=reason)

    return list(map(marked, jobs))


def known_backends(configurations: Iterable[Configuration]) -> list[str]:
    """Return the backends that the configurations hold, each once, in their order."""
    return list(dict.fromkeys(name for c in configurations for name in c.backends))


def planned_jobs(
    configurations: list[Configuration], workloads: list[Workload], asked: Request
) -> list[Job]:
    """Return every job of a run, in the order in which they are to run.

    ``asked`` names the device, the data and the threads: nothing of it is left to be chosen. Raises
    UsageError for a backend that none of the configurations holds.
    """
    chosen = choose_names(asked.backend, known_backends(configurations), "backend")
    cells = [
        _cell(configuration, backend, workload, asked, values)
        for configuration in configurations
        for backend in configuration.backends
        if backend in chosen
        for workload in workloads
        for values in combinations(asked.axis_values)
    ]
    return [
        Job(**cell, repeat=repeat, seed=asked.seed + repeat - 1)
        for repeat in range(1, asked.repeats + 1)
        for cell in cells
    ]
