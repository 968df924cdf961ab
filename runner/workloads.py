"""The models as the host knows them: names, sizes and the data each can be fed.

What is true for the host and for the code inside a job stands once, and both read it: the data sets
in ``models/datasets/datasets.json``, the models of a suite in its folder's ``suite.json``. A folder
of ``models/workloads/`` with that file is a suite; nothing else names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    StringConstraints,
    ValidationError,
)

from runner import paths
from runner.errors import ConfigurationError, UsageError, choose, near_miss

MODEL_NAME = SUITE_NAME = r"[a-z][a-z0-9_]{1,39}"
_Name = Annotated[str, StringConstraints(pattern=f"^{MODEL_NAME}$")]
_Count = Annotated[int, Field(ge=1)]


class DataSource(StrEnum):
    """Where the samples come from; every row of a result says which."""

    REAL = "real"
    SYNTHETIC = "synthetic"
    DIGITS = "digits"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Floor(_Strict):
    """Validation accuracy that must be reached once ``samples`` have been trained on."""

    samples: _Count
    accuracy: Annotated[float, Field(gt=0, lt=1)]


class Dataset(_Strict):
    """A data set's samples, and the sources that have it."""

    train: _Count
    validation: _Count
    test: _Count
    sources: Annotated[tuple[DataSource, ...], Field(min_length=1)]


class Entry(_Strict):
    """A model's entry in the file; ``Workload`` says what its fields mean."""

    name: _Name
    title: str
    published: str | None
    dataset: str
    parameters: _Count
    batch_size: _Count
    epochs: _Count
    floors: dict[DataSource, Floor] = {}


class Suite(_Strict):
    """The whole file of a suite."""

    title: str
    models: tuple[Entry, ...]


class Datasets(RootModel[dict[str, Dataset]]):
    """The whole file of the data sets, by their names."""


_File = TypeVar("_File", bound=BaseModel)


@dataclass(frozen=True)
class Workload:
    """One of the models.

    ``suite`` is the name of the folder that holds it, ``test`` its name in the published figures,
    None for one that was not published; ``dataset`` the data set it trains on, ``parameters`` the
    number of trainable weights that every job is checked against, ``floors`` the validation
    accuracy it must reach.
    """

    name: str
    suite: str
    title: str
    test: str | None
    dataset: str
    parameters: int
    batch_size: int
    epochs: int
    train: int
    sources: tuple[DataSource, ...]
    floors: Mapping[DataSource, Floor] = field(default_factory=dict)


def _explain(raw: ValidationError, path: Path) -> str:
    """Return one line for the first problem of the file."""
    first = min(raw.errors(), key=lambda found: found["type"] != "extra_forbidden")
    where = ".".join(str(step) for step in first["loc"])
    if first["type"] == "extra_forbidden":
        hint = near_miss(str(first["loc"][-1]), [*Entry.model_fields, *Dataset.model_fields])
        return f"{path}: unknown key '{where}'{hint}"
    return f"{path}: {where or 'content'}: {first['msg']}"


def _read(path: Path, kind: type[_File]) -> _File:
    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        raise ConfigurationError(_explain(error, path)) from error


def _workload(entry: Entry, path: Path, datasets: Mapping[str, Dataset]) -> Workload:
    if entry.dataset not in datasets:
        hint = near_miss(entry.dataset, datasets)
        raise ConfigurationError(f"{path}: {entry.name}: unknown dataset '{entry.dataset}'{hint}")
    dataset = datasets[entry.dataset]
    return Workload(
        name=entry.name,
        suite=path.parent.name,
        title=entry.title,
        test=entry.published,
        dataset=entry.dataset,
        parameters=entry.parameters,
        batch_size=entry.batch_size,
        epochs=entry.epochs,
        train=dataset.train,
        sources=dataset.sources,
        floors=entry.floors,
    )


def suite_files(models: Path) -> list[Path]:
    """Return the file of each suite of a folder of models, in the order of the suites' names.

    Raises ConfigurationError for a suite whose folder could not be imported from.
    """
    found = sorted(paths.suites(models).glob(f"*/{paths.SUITE}"))
    for path in found:
        if not re.fullmatch(SUITE_NAME, path.parent.name):
            raise ConfigurationError(
                f"{path}: {path.parent.name!r} is no name for a suite's folder: it is 2 to 40 of "
                "a-z, 0-9 and _, and begins with a letter"
            )
    return found


def read(models: Path) -> dict[str, Workload]:
    """Return the models that the suites of a folder name, suite by suite in the order of names.

    Raises ConfigurationError with the file, the place in it and what is wrong there.
    """
    datasets = _read(paths.datasets(models), Datasets).root
    found: dict[str, Workload] = {}
    for path in suite_files(models):
        for entry in _read(path, Suite).models:
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
        return read(self._folder)

    def __getitem__(self, name: str) -> Workload:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


WORKLOADS: Mapping[str, Workload] = _Registered(paths.MODELS)


def published_workloads() -> list[Workload]:
    """Return the models with published figures: the five of 2017."""
    return [workload for workload in WORKLOADS.values() if workload.test is not None]


def choose_workloads(names: list[str]) -> list[Workload]:
    """Return the named models, or the five published ones if none is named."""
    if not names:
        return published_workloads()
    return [WORKLOADS[name] for name in choose(names, list(WORKLOADS), "model")]


def require_source(workloads: list[Workload], source: DataSource) -> None:
    """Fail if one of the models cannot be fed from ``source``."""
    unfit = [workload.name for workload in workloads if source not in workload.sources]
    if unfit:
        fit = [w.name for w in WORKLOADS.values() if source in w.sources]
        raise UsageError(
            f"--data {source} does not fit {', '.join(unfit)}; "
            f"it serves {', '.join(fit)} (name them with --model, or use --data synthetic)"
        )
