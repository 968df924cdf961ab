"""What commands print as JSON, as models: of each there is a published schema.

Sentences stand in ``text`` beside the numbers, enums and names that they are made from.
"""

import json
import math
import sys
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, NonNegativeInt, WithJsonSchema

from runner.report.answer import effort_text, overall_text, verdict_text
from runner.tables.columns import CELL
from runner.tables.statistics import cell_interval
from runner.tables.verdicts import (
    Answer,
    Contender,
    Effort,
    MeanRatio,
    ModelVerdict,
    ObstacleKind,
    OpenReason,
    OverallVerdict,
    Pair,
    Relation,
    VerdictKind,
)

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
    """An object with just these keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    def plain(self) -> dict[str, Any]:
        """Return it as values that JSON can hold."""
        return self.model_dump(mode="json", by_alias=True)

    @classmethod
    def schema_of(cls) -> dict[str, Any]:
        """Return the JSON schema of what ``plain`` returns."""
        return cls.model_json_schema(mode="serialization")


def print_fields(fields: Fields) -> None:
    """Print one JSON value, and nothing else on standard output."""
    sys.stdout.write(json.dumps(fields.plain(), indent=2, allow_nan=False) + "\n")


class PairFields(Fields):
    """Two cells: ``ratio`` is the slower's seconds over the faster's, ``low`` to ``high`` its
    interval, which holds with ``confidence``."""

    faster: str
    slower: str
    relation: Relation
    ratio: Number
    low: Number
    high: Number
    confidence: float
    processes_faster: NonNegativeInt
    processes_slower: NonNegativeInt
    processes_needed: NonNegativeInt | None

    @classmethod
    def of(cls, pair: Pair) -> Self:
        ratio = pair.ratio
        return cls(
            faster=pair.fast.name, slower=pair.slow.name, relation=pair.relation,
            ratio=ratio.value, low=ratio.low, high=ratio.high, confidence=pair.confidence,
            processes_faster=len(pair.fast.repeats), processes_slower=len(pair.slow.repeats),
            processes_needed=pair.needed,
        )  # fmt: skip


class FactFields(Fields):
    """A fact that is not the same: its values in a cell, and in those it would be compared with."""

    fact: str
    here: list[str]
    others: list[str]


class ContenderFields(Fields):
    """A cell: its figure in seconds, or the obstacle to comparing it."""

    name: str
    cell: dict[str, str]
    seconds: Number
    processes: NonNegativeInt
    obstacle: ObstacleKind | None
    detail: str | None
    differences: list[FactFields]

    @classmethod
    def of(cls, one: Contender) -> Self:
        figure, obstacle = cell_interval(one.repeats), one.obstacle
        return cls(
            name=one.name, cell=dict(zip(CELL, one.cell, strict=True)),
            seconds=figure.seconds if figure else None, processes=len(one.repeats),
            obstacle=obstacle.kind if obstacle else None,
            detail=obstacle.detail if obstacle else None,
            differences=[
                FactFields(fact=each.fact, here=list(each.other), others=list(each.one))
                for each in (obstacle.facts if obstacle else ())
            ],
        )  # fmt: skip


class VerdictFields(Fields):
    """The verdict on a model; ``reason`` is why it cannot be told."""

    model: str
    settings: str
    kind: VerdictKind
    reason: OpenReason | None
    fastest: list[str]
    same_within: float
    ratios: list[PairFields]
    contenders: list[ContenderFields]
    text: str

    @classmethod
    def of(cls, found: ModelVerdict) -> Self:
        return cls(
            model=found.model, settings=found.settings, kind=found.kind, reason=found.reason,
            fastest=[one.name for one in found.fastest], same_within=found.same_within,
            ratios=[PairFields.of(pair) for pair in found.pairs],
            contenders=[ContenderFields.of(one) for one in found.contenders],
            text=verdict_text(found),
        )  # fmt: skip


class MeanRatioFields(Fields):
    """The mean over models of the seconds of ``slower`` over those of the fastest."""

    slower: str
    relation: Relation
    ratio: Number
    low: Number
    high: Number
    confidence: float
    processes: NonNegativeInt

    @classmethod
    def of(cls, one: MeanRatio) -> Self:
        return cls(
            slower=one.slow, relation=one.relation, ratio=one.ratio.value, low=one.ratio.low,
            high=one.ratio.high, confidence=one.confidence, processes=one.processes,
        )  # fmt: skip


class OverallFields(Fields):
    """The verdict over ``models`` of ``models_asked``; ``first`` is the fastest in the mean."""

    settings: str
    models: NonNegativeInt
    models_asked: NonNegativeInt
    kind: VerdictKind
    first: str
    ratios: list[MeanRatioFields]
    fastest_in: NonNegativeInt
    same_in: NonNegativeInt
    cannot_tell_in: NonNegativeInt
    text: str

    @classmethod
    def of(cls, found: OverallVerdict) -> Self:
        return cls(
            settings=found.settings, models=found.models, models_asked=found.asked,
            kind=found.kind, first=found.first, ratios=list(map(MeanRatioFields.of, found.ratios)),
            fastest_in=found.fastest_in, same_in=found.same_in, cannot_tell_in=found.open_in,
            text=overall_text(found),
        )  # fmt: skip


class EffortFields(Fields):
    """What a run with a budget took, and what repeating every cell alike would have taken."""

    seconds: Number
    processes: NonNegativeInt
    alike_seconds: Number
    text: str

    @classmethod
    def of(cls, effort: Effort) -> Self:
        return cls(**vars(effort), text=effort_text(effort))


class AnswerFields(Fields):
    """The answer: which backend is fastest."""

    verdicts: list[VerdictFields]
    effects: list[VerdictFields]
    overall: list[OverallFields]
    effort: EffortFields | None

    @classmethod
    def of(cls, answer: Answer) -> Self:
        return cls(
            verdicts=list(map(VerdictFields.of, answer.verdicts)),
            effects=list(map(VerdictFields.of, answer.effects)),
            overall=list(map(OverallFields.of, answer.overall)),
            effort=EffortFields.of(answer.effort) if answer.effort else None,
        )
