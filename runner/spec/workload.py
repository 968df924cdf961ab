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
from typing import Annotated, Literal, Self

from pydantic import Field, RootModel, StringConstraints

from runner import paths
from runner.errors import ConfigurationError, UsageError, near_miss
from runner.spec.axes import PhaseName, declared_axes, trains
from runner.spec.documents import Strict, read_document

# What a model or a suite may be called.
MODEL_NAME = r"[a-z][a-z0-9_]{1,39}"
_Name = Annotated[str, StringConstraints(pattern=f"^{MODEL_NAME}$")]
_Count = Annotated[int, Field(ge=1)]
_Classes = Annotated[int, Field(ge=2)]


class DataSource(StrEnum):
    """Where the samples come from; every row of a result says which."""

    REAL = "real"
    SYNTHETIC = "synthetic"
    DIGITS = "digits"


class Floor(Strict):
    """Validation accuracy that must be reached once ``samples`` have been trained on."""

    samples: _Count
    accuracy: Annotated[float, Field(gt=0, lt=1)]


class Size(StrEnum):
    """How large a model is built: as published, or small enough for a machine without a card."""

    PUBLISHED = "published"
    TINY = "tiny"


class Dataset(Strict):
    """A data set's samples, among how many classes they are, and the sources that have it.

    Data that are made for a model are counted in its batches, and their classes are the model's.
    """

    unit: Literal["samples", "batches"] = "samples"
    train: _Count
    validation: Annotated[int, Field(ge=0)]
    test: _Count
    classes: _Classes | None = None
    sources: Annotated[tuple[DataSource, ...], Field(min_length=1)]


class Numbers(Strict):
    """What of a model depends on its size.

    ``parameters`` is the number of weights that every job is checked against, ``classes`` those
    that made data have, absent where the data set says it or the model tells none apart.
    """

    parameters: _Count
    batch_size: _Count
    predict_batch_size: _Count | None = None
    epochs: _Count
    classes: _Classes | None = None


class WorkloadEntry(Numbers):
    """A model's entry in the file: the numbers of its published size, and those of a tiny one.

    ``dataset`` is the data set it trains on, ``floors`` the validation accuracy it must reach,
    ``phases`` what it can be timed at.
    """

    name: _Name
    title: str
    dataset: str
    floors: dict[DataSource, Floor] = Field({})
    phases: Annotated[tuple[PhaseName, ...], Field(min_length=1)] = tuple(
        declared_axes()["phase"].values
    )
    tiny: Numbers | None = None


class Suite(Strict):
    """The whole file of a suite; ``keras`` is the only generation of Keras that can run it."""

    title: str
    keras: Annotated[str, StringConstraints(pattern="^[1-9]$")] | None = None
    models: tuple[WorkloadEntry, ...]


class Datasets(RootModel[dict[str, Dataset]]):
    """The whole file of the data sets, by their names."""


class Workload(WorkloadEntry):
    """One of the models: its entry, and what holds for its data set.

    ``suite`` is the name of the folder that holds it, ``keras`` the only generation of Keras that
    can run it, ``train`` the training samples of its data set, ``classes`` those among which it
    tells them apart, None where there are none, ``sources`` where they can come from.
    """

    suite: str
    keras: str | None
    train: int
    train_batches: int | None
    sources: tuple[DataSource, ...]

    @property
    def sizes(self) -> tuple[Size, ...]:
        """Return the sizes that it can be built at."""
        return (Size.PUBLISHED,) if self.tiny is None else tuple(Size)

    def reason_against(self, phase: str, size: Size = Size.PUBLISHED) -> str | None:
        """Return why it cannot be timed at a phase and size, or None if it can."""
        if phase not in self.phases:
            return f"{self.name} can only {' or '.join(self.phases)}"
        return None if size in self.sizes else f"{self.name} has no size {size}"

    def at(self, size: Size) -> Self:
        """Return the model with a size's numbers. Raises UsageError where it has not that size."""
        if size is Size.PUBLISHED:
            return self
        if self.tiny is None:
            raise UsageError(f"model {self.name} has no size {size}")
        changed = dict(self.tiny)
        if self.train_batches is None:
            changed["classes"] = self.classes  # the data set's, whatever the network
        else:
            changed["train"] = self.train_batches * self.tiny.batch_size
        return self.model_copy(update=changed)

    def batched(self, phase: str, batch_size: int | None) -> Self:
        """Return the model with the batch of a phase, or with ``batch_size``.

        Data that are made for a model are so many of its batches.
        """
        own = None if trains(phase) else self.predict_batch_size
        size = batch_size or own or self.batch_size
        batches = self.train_batches
        train = self.train if batches is None else batches * size
        return self.model_copy(update={"batch_size": size, "train": train})


def _workload(
    entry: WorkloadEntry, suite: Suite, path: Path, datasets: Mapping[str, Dataset]
) -> Workload:
    if entry.dataset not in datasets:
        hint = near_miss(entry.dataset, datasets)
        raise ConfigurationError(f"{path}: {entry.name}: unknown dataset '{entry.dataset}'{hint}")
    dataset = datasets[entry.dataset]
    batches = dataset.train if dataset.unit == "batches" else None
    known = {"classes": dataset.classes} if dataset.classes is not None else {}
    return Workload(
        suite=path.parent.name,
        keras=suite.keras,
        train=dataset.train * (1 if batches is None else entry.batch_size),
        train_batches=batches,
        sources=dataset.sources,
        **{**dict(entry), **known},
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
        suite = read_document(path, Suite)
        for entry in suite.models:
            workload = _workload(entry, suite, path, datasets)
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
