"""From configurations, models and options to the list of jobs."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from runner.errors import choose_names
from runner.spec.choices import Threads
from runner.spec.configuration import Configuration, Device, ImageDataFormat, RecurrentActivation
from runner.spec.request import Request
from runner.spec.workload import DataSource, Workload


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


@dataclass(frozen=True)
class Job:
    """One fresh process, one result: configuration x backend x model x repeat."""

    configuration: str
    backend: str
    model: str
    repeat: int
    device: Device
    data: DataSource
    epochs: int | None
    samples: int | None
    seed: int
    threads: Threads
    image_data_format: ImageDataFormat
    recurrent_activation: RecurrentActivation
    unsupported: str | None = None

    @property
    def id(self) -> str:
        """Return the job's name within its run; also the name of its folder."""
        return f"{self.configuration}.{self.backend}.{self.model}.{self.repeat}"

    def spec(self, data_dir: str | None, cache_dir: str | None) -> dict[str, Any]:
        """Return what the job's process is told, as ``python -m models`` reads it."""
        fields = asdict(self)
        for host_only in ("configuration", "repeat", "unsupported"):
            del fields[host_only]
        return {**fields, "data_dir": data_dir, "cache_dir": cache_dir}


def _job(
    configuration: Configuration, backend: str, workload: Workload, repeat: int, asked: Request
) -> Job:
    assert asked.data is not None
    assert asked.threads is not None
    return Job(
        configuration=configuration.name,
        backend=backend,
        model=workload.name,
        repeat=repeat,
        device=Device(asked.device),
        data=asked.data,
        epochs=asked.epochs,
        samples=asked.samples,
        seed=asked.seed + repeat - 1,
        threads=asked.threads,
        image_data_format=asked.image_data_format
        or configuration.backends[backend].image_data_format,
        recurrent_activation=asked.recurrent_activation or configuration.recurrent_activation,
        unsupported=configuration.reason_against(workload.name, backend),
    )


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
    return [
        _job(configuration, backend, workload, repeat, asked)
        for repeat in range(1, asked.repeats + 1)
        for configuration in configurations
        for backend in configuration.backends
        if backend in chosen
        for workload in workloads
    ]
