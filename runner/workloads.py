"""The models as the host knows them: names, sizes and the data each can be fed.

What is true for the host and for the code inside a job stands once, in ``models/workloads.json``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from runner import paths
from runner.errors import ConfigurationError, UsageError, near_miss

MODEL_NAME = r"[a-z][a-z0-9_]{1,39}"
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


class Content(_Strict):
    """The whole file."""

    datasets: dict[str, Dataset]
    models: tuple[Entry, ...]


@dataclass(frozen=True)
class Workload:
    """One of the models.

    ``test`` is its name in the published figures, None for one that was not published;
    ``dataset`` the data set it trains on, ``parameters`` the number of trainable weights that
    every job is checked against, ``floors`` the validation accuracy it must reach.
    """

    name: str
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


def _workload(entry: Entry, content: Content, path: Path) -> Workload:
    if entry.dataset not in content.datasets:
        hint = near_miss(entry.dataset, content.datasets)
        raise ConfigurationError(f"{path}: {entry.name}: unknown dataset '{entry.dataset}'{hint}")
    dataset = content.datasets[entry.dataset]
    return Workload(
        name=entry.name,
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


def read(path: Path) -> dict[str, Workload]:
    """Return the models that a file names, in its order.

    Raises ConfigurationError with the file, the place in it and what is wrong there.
    """
    try:
        content = Content.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        raise ConfigurationError(_explain(error, path)) from error
    found = [_workload(entry, content, path) for entry in content.models]
    names = [workload.name for workload in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigurationError(f"{path}: the model '{twice}' is there twice")
    return {workload.name: workload for workload in found}


class _Registered(Mapping[str, Workload]):
    """The models of a file, read at first use: a mistake in it is the error of a command."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _found(self) -> dict[str, Workload]:
        return read(self._path)

    def __getitem__(self, name: str) -> Workload:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


WORKLOADS: Mapping[str, Workload] = _Registered(paths.WORKLOADS)


def require_source(workloads: list[Workload], source: DataSource) -> None:
    """Fail if one of the models cannot be fed from ``source``."""
    unfit = [workload.name for workload in workloads if source not in workload.sources]
    if unfit:
        fit = [w.name for w in WORKLOADS.values() if source in w.sources]
        raise UsageError(
            f"--data {source} does not fit {', '.join(unfit)}; "
            f"it serves {', '.join(fit)} (name them with --model, or use --data synthetic)"
        )
