"""What the command line lets one choose: where jobs run, how images are built, what is exported."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

# Where a job's process lives on a node of a cluster.
Inside = Literal["auto", "docker", "local"]
# How many environments are made at the same time. Most of what a build does is waiting for the
# network and the disk; with more, the disk would be what all wait for.
BUILD_JOBS = 3
# How many CPU threads a backend is given, or that every framework's own default holds.
Threads = Annotated[int, Field(ge=1)] | Literal["framework"]


class LauncherChoice(StrEnum):
    """Where a job's process lives; ``auto`` is docker where an engine answers, else local.

    ``slurm``: on the nodes of a cluster, in what they have of the others.
    """

    AUTO = "auto"
    DOCKER = "docker"
    LOCAL = "local"
    SLURM = "slurm"

    @property
    def is_of_cluster(self) -> bool:
        """Return whether a cluster's queue gives the jobs to its nodes."""
        return self is LauncherChoice.SLURM


class DeviceChoice(StrEnum):
    """What to train on; ``auto`` is the GPU where there is one, else the CPU."""

    AUTO = "auto"
    GPU = "gpu"
    CPU = "cpu"


class Table(StrEnum):
    """What a row of an exported table is: an epoch, a job, or a cell of the summary."""

    EPOCHS = "epochs"
    JOBS = "jobs"
    SUMMARY = "summary"


class Format(StrEnum):
    """What an exported table is written as."""

    CSV = "csv"
    PARQUET = "parquet"
    MARKDOWN = "markdown"
    LATEX = "latex"
    JSON = "json"


# The format that a file's name tells.
SUFFIXES = {".csv": Format.CSV, ".parquet": Format.PARQUET, ".md": Format.MARKDOWN,
            ".tex": Format.LATEX, ".json": Format.JSON}  # fmt: skip


@dataclass(frozen=True)
class BuildOptions:
    """What may differ between two machines that build the same configuration.

    ``package_index``, ``ca_bundle`` and ``wheels`` say how to reach the packages, whose hashes are
    locked; they do not change what is built, so they are no part of an image's name. ``fetched``
    is a second folder of wheels: those that the runner fetched itself.
    ``build_seconds`` and ``pull_seconds`` are what one build and fetching its base may take.
    """

    base_image: str | None = None
    ca_bundle: Path | None = None
    package_index: str | None = None
    wheels: Path | None = None
    build_seconds: float = 2 * 3600.0
    pull_seconds: float = 3600.0
    fetched: Path | None = None

    @property
    def wheel_folders(self) -> list[Path]:
        """Return the folders to look for wheels in."""
        return [folder for folder in (self.wheels, self.fetched) if folder is not None]
