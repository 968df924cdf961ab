"""The models as the host knows them: names, sizes and the data each can be fed.

What is true for the host and for the code inside a job stands once, and both read it: the data sets
in ``models/datasets/datasets.json``, the models of a suite in its folder's ``suite.json``. A folder
of ``models/workloads/`` with that file is a suite; nothing else names it.
"""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field, RootModel, StringConstraints

from runner import paths
from runner.errors import ConfigurationError, UsageError, near_miss
from runner.spec.documents import Strict, read_document

# What a model or a suite may be called.
MODEL_NAME = r"[a-z][a-z0-9_]{1,39}"
_Name = Annotated[str, StringConstraints(pattern=f"^{MODEL_NAME}$")]
_Count = Annotated[int, Field(ge=1)]


class DataSource(StrEnum):
    """Where the samples come from; every row of a result says which."""

    REAL = "real"
    SYNTHETIC = "synthetic"
    DIGITS = "digits"


class Floor(Strict):
    """Validation accuracy that must be reached once ``samples`` have been trained on."""

    samples: _Count
    accuracy: Annotated[float, Field(gt=0, lt=1)]


class Dataset(Strict):
    """A data set's samples, among how many classes they are, and the sources that have it."""

    train: _Count
    validation: _Count
    test: _Count
    classes: Annotated[int, Field(ge=2)]
    sources: Annotated[tuple[DataSource, ...], Field(min_length=1)]


class WorkloadEntry(Strict):
    """A model's entry in the file.

    ``dataset`` is the data set it trains on, ``parameters`` the number of trainable weights that
    every job is checked against, ``floors`` the validation accuracy it must reach.
    """

    name: _Name
    title: str
    dataset: str
    parameters: _Count
    batch_size: _Count
    epochs: _Count
    floors: dict[DataSource, Floor] = Field({})


class Suite(Strict):
    """The whole file of a suite."""

    title: str
    models: tuple[WorkloadEntry, ...]


class Datasets(RootModel[dict[str, Dataset]]):
    """The whole file of the data sets, by their names."""


class Workload(WorkloadEntry):
    """One of the models: its entry, and what holds for its data set.

    ``suite`` is the name of the folder that holds it, ``train`` the training samples of its data
    set, ``classes`` those among which it tells them apart, ``sources`` where they can come from.
    """

    suite: str
    train: int
    classes: int
    sources: tuple[DataSource, ...]


def _workload(entry: WorkloadEntry, path: Path, datasets: Mapping[str, Dataset]) -> Workload:
    if entry.dataset not in datasets:
        hint = near_miss(entry.dataset, datasets)
        raise ConfigurationError(f"{path}: {entry.name}: unknown dataset '{entry.dataset}'{hint}")
    dataset = datasets[entry.dataset]
    return Workload(
        suite=path.parent.name,
        train=dataset.train,
        classes=dataset.classes,
        sources=dataset.sources,
        **dict(entry),
    )


def read_workloads(models: Path) -> dict[str, Workload]:
    """Return the models that the suites of a folder name, suite by suite in the order of names.

    Raises ConfigurationError with the file, the place in it and what is wrong there.
    """
    datasets = read_document(paths.datasets(models), Datasets).root
    found: dict[str, Workload] = {}
    for path in sorted(paths.suites(models).glob(f"*/{paths.SUITE}")):
        if not re.fullmatch(MODEL_NAME, path.parent.name):
            raise ConfigurationError(
                f"{path}: {path.parent.name!r} is no name for a suite's folder: it is 2 to 40 of "
                "a-z, 0-9 and _, and begins with a letter"
            )
        for entry in read_document(path, Suite).models:
            workload = _workload(entry, path, datasets)
            if other := found.get(workload.name):
                raise ConfigurationError(
                    f"{path}: the model '{workload.name}' is there twice, in suite {other.suite} "
                    f"and in suite {workload.suite}: rename one of them"
                )
            found[workload.name] = workload
    return found


class _Registered(Mapping[str, Workload]):
    """The models of a folder, read at first use: a mistake there is the error of a command."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def _found(self) -> dict[str, Workload]:
        return read_workloads(self._folder)

    def __getitem__(self, name: str) -> Workload:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


WORKLOADS: Mapping[str, Workload] = _Registered(paths.MODELS)


def require_source(workloads: list[Workload], source: DataSource) -> None:
    """Fail if one of the models cannot be fed from ``source``."""
    unfit = [workload.name for workload in workloads if source not in workload.sources]
    if unfit:
        fit = [w.name for w in WORKLOADS.values() if source in w.sources]
        raise UsageError(
            f"--data {source} does not fit {', '.join(unfit)}; "
            f"it serves {', '.join(fit)} (name them with --model, or use --data synthetic)"
        )
