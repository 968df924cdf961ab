"""What commands print as JSON, as models: of each there is a published schema.

Sentences stand in ``text`` beside the numbers, enums and names that they are made from.
"""

import json
import math
import sys
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    NonNegativeInt,
    WithJsonSchema,
    model_validator,
)

from runner.report.answer import effort_text, overall_text, verdict_text
from runner.tables.columns import CELL
from runner.tables.statistics import Seconds, cell_interval
from runner.tables.verdicts import ObstacleKind, OpenReason, Relation, VerdictKind

ANSWER_SCHEMA = 2


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


# JSON has no NaN: what is not known is null.
Number = Annotated[float | None, BeforeValidator(_finite)]


_KINDS = {"string": "string", "Float64": "number", "Int64": "integer", "boolean": "boolean"}


def row_schema(columns: Mapping[str, str]) -> dict[str, Any]:
    """Return the schema of a row of a table: its columns, each of which may be missing."""
    return {
        "type": "object",
        "properties": {name: {"type": [_KINDS[kind], "null"]} for name, kind in columns.items()},
        "required": list(columns),
        "additionalProperties": False,
    }


def rows_schema(columns: Mapping[str, str]) -> WithJsonSchema:
    """Return what gives a field the schema of a table's rows."""
    return WithJsonSchema({"type": "array", "items": row_schema(columns)})


class Fields(BaseModel):
    """An object with just these keys, made from one that has them as attributes."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, defer_build=True, from_attributes=True,
        json_schema_serialization_defaults_required=True,
    )  # fmt: skip

    @classmethod
    def of(cls, found: object) -> Self:
        """Return what an object says."""
        return cls.model_validate(found)

    def plain(self) -> dict[str, Any]:
        """Return it as values that JSON can hold."""
        return self.model_dump(mode="json", by_alias=True)

    @classmethod
    def schema_of(cls) -> dict[str, Any]:
        """Return the JSON schema of what ``plain`` returns."""
        return cls.model_json_schema(mode="serialization")


class Stated(Fields):
    """What is also said in a sentence; ``sentence`` makes it."""

    sentence: ClassVar[Callable[[Any], str]]
    text: str = Field(default_factory=str)

    @model_validator(mode="wrap")
    @classmethod
    def _with_text(cls, found: object, read: ModelWrapValidatorHandler[Self]) -> Self:
        return read(found).model_copy(update={"text": cls.sentence(found)})


def at(*path: str) -> Any:
    """Return what takes a field's value from another attribute, or from one's attribute."""
    return Field(validation_alias=AliasPath(*path))


def named(*names: str) -> BeforeValidator:
    """Return what gives a sequence of values their names."""
    return BeforeValidator(lambda values: dict(zip(names, values, strict=True)))


_Counted = Annotated[NonNegativeInt, BeforeValidator(len)]


def _seconds(repeats: list[Seconds]) -> float | None:
    figure = cell_interval(repeats)
    return figure.seconds if figure else None


def print_fields(fields: Fields) -> None:
    """Print one JSON value, and nothing else on standard output."""
    sys.stdout.write(json.dumps(fields.plain(), indent=2, allow_nan=False) + "\n")


class _RatioFields(Fields):
    relation: Relation
    ratio: Annotated[Number, at("ratio", "value")]
    low: Annotated[Number, at("ratio", "low")]
    high: Annotated[Number, at("ratio", "high")]
    confidence: float


class PairFields(_RatioFields):
    """Two cells: ``ratio`` is the slower's seconds over the faster's, ``low`` to ``high`` its
    interval, which holds with ``confidence``."""

    faster: Annotated[str, at("fast", "name")]
    slower: Annotated[str, at("slow", "name")]
    processes_faster: Annotated[_Counted, at("fast", "repeats")]
    processes_slower: Annotated[_Counted, at("slow", "repeats")]
    processes_needed: Annotated[NonNegativeInt | None, at("needed")]


class FactFields(Fields):
    """A fact that is not the same: its values in a cell, and in those it would be compared with."""

    fact: str
    here: Annotated[list[str], at("other")]
    others: Annotated[list[str], at("one")]


class ContenderFields(Fields):
    """A cell: its figure in seconds, or the obstacle to comparing it."""

    name: str
    cell: Annotated[dict[str, str], named(*CELL)]
    seconds: Annotated[Number, BeforeValidator(_seconds), at("repeats")]
    processes: Annotated[_Counted, at("repeats")]
    obstacle: Annotated[ObstacleKind | None, at("obstacle", "kind")] = None
    unobserved: str | None = None
    detail: Annotated[str | None, at("obstacle", "detail")] = None
    differences: Annotated[tuple[FactFields, ...], at("obstacle", "facts")] = ()


class VerdictFields(Stated):
    """The verdict on a model; ``reason`` is why it cannot be told."""

    sentence = verdict_text
    model: str
    settings: str
    kind: VerdictKind
    reason: OpenReason | None
    fastest: list[Annotated[str, BeforeValidator(attrgetter("name"))]]
    same_within: float
    ratios: Annotated[list[PairFields], at("pairs")]
    contenders: list[ContenderFields]


class MeanRatioFields(_RatioFields):
    """The mean over models of the seconds of ``slower`` over those of the fastest."""

    slower: Annotated[str, at("slow")]
    processes: NonNegativeInt


class OverallFields(Stated):
    """The verdict over ``models`` of ``models_asked``; ``first`` is the fastest in the mean."""

    sentence = overall_text
    settings: str
    models: NonNegativeInt
    models_asked: Annotated[NonNegativeInt, at("asked")]
    kind: VerdictKind
    first: str
    ratios: list[MeanRatioFields]
    fastest_in: NonNegativeInt
    same_in: NonNegativeInt
    cannot_tell_in: Annotated[NonNegativeInt, at("open_in")]


class EffortFields(Stated):
    """What a run with a budget took, and what repeating every cell alike would have taken."""

    sentence = effort_text
    seconds: Number
    processes: NonNegativeInt
    alike_seconds: Number


class AnswerFields(Fields):
    """The answer: which backend is fastest."""

    verdicts: list[VerdictFields]
    effects: list[VerdictFields]
    overall: list[OverallFields]
    effort: EffortFields | None
