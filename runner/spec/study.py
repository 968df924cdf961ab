"""Studies: published comparisons, one folder each under results/published/, read and checked.

``study.toml`` says what a study is; ``runner.tables.published`` reads its ``figures.csv``.
"""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from runner import paths
from runner.errors import ConfigurationError, UsageError, choose_names, near_miss
from runner.spec.axes import PhaseName, declared_axes
from runner.spec.configuration import ImageDataFormat
from runner.spec.documents import Strict, read_document
from runner.spec.facts import keras_generation
from runner.spec.request import Request
from runner.spec.workload import WORKLOADS, Workload

# The study that stands where none is named.
DEFAULT_STUDY = "bhatia2017"
FIGURES_FILE = "figures.csv"
_STUDY_FILE = "study.toml"
# The kind of a figure that is of no other.
FIGURE = "figure"
_KERAS_3_YEAR = 2024


class StudyTest(Strict):
    """Which of our models a study's test is, and what of it was timed.

    ``has_image_layout``: the order of an image's axes makes a difference to it. ``batch``: only
    figures of that batch are of the test.
    """

    model: str
    phase: PhaseName = "train"
    has_image_layout: bool = False
    batch: Annotated[int, Field(ge=1)] | None = None


class Resemblance(Strict):
    """One of our models that a study's test is like and is not, in words: compared with nothing.

    ``same`` and ``differs`` name what was checked of layers, batch, optimizer, data and timing.
    """

    model: str
    same: str
    differs: str


class StudySetup(Strict):
    """What a backend ran on in a series of a study, as its source states it.

    ``series`` absent is the study's name; what is absent otherwise is the study's own, or unknown.
    """

    backend: str
    series: str | None = None
    gpu: str | None = None
    cpu: str | None = None
    keras_version: str | None = None
    framework_version: str | None = None
    cuda: str | None = None
    cudnn: str | None = None
    image_data_format: ImageDataFormat | None = None
    data_source: str | None = None
    timing: str | None = None
    source: str | None = None


class _File(Strict):
    title: str
    year: Annotated[int, Field(ge=1990, le=2100)]
    authors: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    suite: str | None = None
    configurations: tuple[str, ...] = ()
    gpus: tuple[str, ...] = ()
    machine: str | None = None
    data_source: str | None = None
    timing: str | None = None
    first_epoch: Literal["included", "left out"] | None = None
    numbers: str | None = None
    source: str | None = None
    unit: Literal["s/epoch", "ms/step"] = "s/epoch"
    counts: dict[str, str] = Field({})
    asks: dict[str, tuple[Any, ...]] = Field({})
    level: Annotated[float, Field(ge=0, lt=1)] = 0.03
    kinds: dict[str, str] = Field({FIGURE: "published"}, min_length=1)
    tests: dict[str, StudyTest] = Field({})
    resembles: dict[str, Resemblance] = Field({})
    setups: tuple[StudySetup, ...] = ()

    @field_validator("asks")
    @classmethod
    def _asks_are_of_axes(cls, given: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
        """Return the values of axes that a reproduction asks for."""
        known = declared_axes()
        if unknown := set(given) - set(known):
            raise ValueError(f"no axis is called {', '.join(sorted(unknown))}")
        return {name: tuple(map(known[name].checked, values)) for name, values in given.items()}

    @model_validator(mode="after")
    def _reproduction_is_whole(self) -> Self:
        parts = {"suite": self.suite, "configurations": self.configurations, "tests": self.tests}
        missing = [name for name, value in parts.items() if not value]
        if missing and (self.suite or self.configurations):
            raise ValueError(f"what reproduces a study needs {', '.join(missing)} too")
        return self

    @model_validator(mode="after")
    def _a_test_is_ours_or_like_ours(self) -> Self:
        for name in self.resembles:
            if name in self.tests:
                raise ValueError(f"'{name}' is in tests, so compared, and in resembles, so not")
        return self


class Study(_File):
    """A published comparison: the content of ``results/published/<name>/study.toml``.

    ``suite`` and ``configurations`` reproduce it, where something of ours does. ``kinds`` are the
    kinds of figures that give the one number per cell, with the titles of their columns: the first
    is what the publication's text states, and a later one overrules it where it has figures.
    ``unit`` is that of the figures that count, and ``counts`` what these have in columns of
    figures.csv. ``asks`` are the values of axes that its reproduction asks for where the user does
    not.
    Two figures nearer than the fraction ``level`` are no order. A test in ``tests`` is one of our
    models and is compared with it; one in ``resembles`` is nearly one, and is not.
    """

    name: str
    folder: Path

    @property
    def gpu(self) -> str | None:
        """Return the card that everything ran on, None where there are several or none is known."""
        return self.gpus[0] if len(self.gpus) == 1 else None

    @property
    def generation(self) -> str:
        """Return the generation of Keras that it timed: by its set-ups, or by its year."""
        known = [setup.keras_version for setup in self.setups if setup.keras_version]
        if known:
            return keras_generation(known[0])
        return keras_generation("2" if self.year < _KERAS_3_YEAR else "3")

    @property
    def workloads(self) -> list[Workload]:
        """Return our models among its tests, in its order."""
        return [WORKLOADS[n] for n in dict.fromkeys(test.model for test in self.tests.values())]

    @property
    def is_reproduced(self) -> bool:
        """Return whether a suite of ours reproduces it."""
        return self.suite is not None


def _check_models(path: Path, content: _File) -> None:
    named = [("tests", name, test.model) for name, test in content.tests.items()]
    named += [("resembles", name, like.model) for name, like in content.resembles.items()]
    for table, name, model in named:
        if model not in WORKLOADS:
            hint = near_miss(model, WORKLOADS)
            raise ConfigurationError(f"{path}: {table}.{name}: unknown model '{model}'{hint}")
    for name, test in content.tests.items():
        found = WORKLOADS[test.model].suite
        if content.suite not in (None, found):
            raise ConfigurationError(
                f"{path}: tests.{name}: {test.model} is of the suite '{found}', not of "
                f"'{content.suite}', the study's own"
            )


Stamp = tuple[tuple[str, int, int], ...]


def stamp_of(root: Path) -> Stamp:
    """Return what changes when a file of the studies below ``root`` does."""
    found = sorted(path for name in (_STUDY_FILE, FIGURES_FILE) for path in root.glob(f"*/{name}"))
    stats = [(path, path.stat()) for path in found]
    return tuple((str(path), stat.st_mtime_ns, stat.st_size) for path, stat in stats)


def read_study(folder: Path) -> Study:
    """Read and check one study's folder.

    Raises ConfigurationError with the file, the key and the nearest known key.
    """
    path = folder / _STUDY_FILE
    content = read_document(path, _File)
    _check_models(path, content)
    return Study(name=folder.name, folder=folder, **dict(content))


def study_names(root: Path = paths.PUBLISHED) -> list[str]:
    """Return the names of all studies, sorted."""
    return sorted(path.parent.name for path in root.glob(f"*/{_STUDY_FILE}"))


def load_study(name: str, root: Path = paths.PUBLISHED) -> Study:
    """Return the named study. Raises UsageError for an unknown name, with the nearest known."""
    choose_names([name], study_names(root), "study")
    return read_study(root / name)


def all_studies(root: Path = paths.PUBLISHED) -> list[Study]:
    """Return all studies. They are read once, and again when a file of theirs has changed."""
    return list(_all_studies(root, stamp_of(root)))


@lru_cache(maxsize=4)
def _all_studies(root: Path, _stamp: Stamp) -> tuple[Study, ...]:
    return tuple(read_study(root / name) for name in study_names(root))


def reproduced_studies(root: Path = paths.PUBLISHED) -> list[Study]:
    """Return the studies that a suite of ours reproduces."""
    return [study for study in all_studies(root) if study.is_reproduced]


def choose_workloads(wanted: list[str]) -> list[Workload]:
    """Return the named models, or those of the default study if none is named."""
    if not wanted:
        return load_study(DEFAULT_STUDY).workloads
    return [WORKLOADS[name] for name in choose_names(wanted, list(WORKLOADS), "model")]


def with_study(request: Request, root: Path = paths.PUBLISHED) -> Request:
    """Return a request with its study's configurations, models and axes where it names none.

    Raises UsageError for an unknown study, and for one that nothing here reproduces.
    """
    if request.study is None:
        return request
    study = load_study(request.study, root)
    if not study.is_reproduced:
        known = ", ".join(found.name for found in reproduced_studies(root))
        raise UsageError(
            f"no suite here reproduces the study '{study.name}', so it cannot be run; its figures: "
            f"python -m runner published --study {study.name}; what can be run: {known}"
        )
    return request.model_copy(
        update={
            "config": request.config or study.configurations,
            "model": request.model or tuple(workload.name for workload in study.workloads),
            **{name: request.axis_values[name] or study.asks.get(name, ()) for name in study.asks},
        }
    )
