"""The facts of a row of the table, each declared once, and the rule for what may be compared.

``facts.toml`` declares the columns in their order, ``models/job/axes.json`` those of the axes. A
ratio of two times says something only where the same work was done on the same machine: all that
ranks, compares, follows or repeats cells asks ``obstacles``.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import RootModel

from runner import paths
from runner.errors import ConfigurationError
from runner.spec.axes import Axis, declared_axes
from runner.spec.documents import Strict, read_document

_FILE = Path(__file__).with_name("facts.toml")
ColumnType = Literal["string", "Int64", "Float64", "boolean"]
# Those of 2017 were compared with each other when they were new; Keras 3 is another program.
_EARLY = "Keras 1 and 2"


class Origin(StrEnum):
    """What a fact is of; ``facts.toml`` says what follows from it."""

    NAME = "name"
    MACHINE = "machine"
    WORK = "work"
    AXIS = "axis"
    ENVIRONMENT = "environment"
    CIRCUMSTANCE = "circumstance"
    RESULT = "result"


class Fact(Strict):
    """A column: its type for pandas, what it is of, and its meaning in words.

    ``of_model``: each model has its own value. ``generation``: it is a version of Keras.
    """

    type: ColumnType
    of: Origin
    label: str
    means: str
    of_model: bool = False
    generation: bool = False

    @property
    def is_decisive(self) -> bool:
        """Return whether a difference in it makes two times no comparison."""
        return self.generation or self.of in (Origin.MACHINE, Origin.WORK, Origin.AXIS)

    def decisive(self, value: object) -> str:
        """Return what of a value must be the same on both sides."""
        return keras_generation(str(value)) if self.generation else str(value)


class _Entry(Strict):
    type: ColumnType | None = None
    of: Origin = Origin.AXIS
    label: str | None = None
    means: str = ""
    of_model: bool = False
    generation: bool = False


class _File(RootModel[dict[str, _Entry]]):
    """The whole file, by the names of the columns."""


# Of each fact that is known of a cell, the values in its rows.
Facts = Mapping[str, Collection[str]]


@dataclass(frozen=True)
class FactDifference:
    """Why no ratio of two cells' times can be formed: a fact, and its values in both."""

    fact: str
    one: tuple[str, ...]
    other: tuple[str, ...]

    def text(self, one: str, other: str) -> str:
        """Return it in words, ``one`` and ``other`` being what the two cells are called."""
        here, there = (" and ".join(values) for values in (self.one, self.other))
        return f"{declared_facts()[self.fact].label}: {here} in {one}, {there} in {other}"


def obstacles_text(found: Iterable[FactDifference], one: str, other: str) -> str:
    """Return obstacles in words; a processor that is also the device is named once."""
    by_values: dict[tuple[tuple[str, ...], tuple[str, ...]], str] = {}
    for each in found:
        by_values.setdefault((each.one, each.other), each.text(one, other))
    return "; ".join(by_values.values())


def keras_generation(version: str) -> str:
    """Return the generation of a version of Keras, within which backends are compared."""
    major = version.partition(".")[0]
    return _EARLY if major in ("1", "2") else f"Keras {major}"


def _of_axis(name: str, axis: Axis) -> Fact:
    """Return the column of an axis. One of numbers alone has a value of each model's own."""
    return Fact(
        type=axis.column_type,
        of=Origin.AXIS,
        label=name.replace("_", " "),
        means=axis.help,
        of_model=axis.least is not None and not axis.values,
    )


def _entries() -> Mapping[str, _Entry]:
    return read_document(_FILE, _File).root


def refuse_taken(names: Iterable[str], what: str) -> None:
    """Raise ConfigurationError if an axis has one of some names, which ``what`` has already.

    An axis with a place in ``facts.toml`` is known here, and is the one that is meant.
    """
    places = {name for name, entry in _entries().items() if entry.type is None}
    if clash := (declared_axes().keys() - places) & set(names):
        raise ConfigurationError(
            f"{paths.axes()}: an axis cannot be called '{min(clash)}', as {what} is; "
            "choose another name"
        )


@cache
def declared_facts() -> Mapping[str, Fact]:
    """Return the facts by their names, in the order of the table's columns."""
    axes = {name: _of_axis(name, axis) for name, axis in declared_axes().items()}
    found: dict[str, Fact] = {}
    entries = _entries()
    refuse_taken(entries, "a column of the table")
    for name, entry in entries.items():
        own = {"label": entry.label or name.replace("_", " ")}
        if name in axes:
            axes[name] = axes[name].model_copy(update={"means": entry.means or axes[name].means})
        found[name] = axes.get(name) or Fact(**{**dict(entry), **own})
    return {**found, **axes}


@cache
def fact_names(*kinds: Origin) -> tuple[str, ...]:
    """Return the names of the facts of some kinds, in the order of the table."""
    return tuple(name for name, fact in declared_facts().items() if fact.of in kinds)


@cache
def decisive_facts() -> Mapping[str, Fact]:
    """Return the facts in which two cells must agree for a ratio of their times."""
    return {name: fact for name, fact in declared_facts().items() if fact.is_decisive}


def obstacles(one: Facts, other: Facts, but: Iterable[str] = ()) -> list[FactDifference]:
    """Return what makes a ratio of two cells' times say nothing; empty where one may be formed.

    ``but`` names facts that may differ, such as the axis whose effect is asked for. What only one
    side tells is no obstacle. A side that tells two values of a fact did two things.
    """
    skipped = set(but)
    return [
        FactDifference(name, *(tuple(sorted(side)) for side in sides))
        for name in decisive_facts()
        if name not in skipped
        and (sides := (one.get(name, ()), other.get(name, ())))
        and len({*sides[0], *sides[1]}) > 1
    ]
