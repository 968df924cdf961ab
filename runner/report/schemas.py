"""The JSON schemas of what is kept and printed, each with its version."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from runner.errors import choose_names
from runner.report.compare_text import COMPARE_SCHEMA
from runner.report.console import out
from runner.report.export import EXPORT_SCHEMA
from runner.report.fields import ANSWER_SCHEMA, AnswerFields
from runner.report.history.show import HISTORY_SCHEMA
from runner.store.events import event_schema
from runner.store.pack import PACK_SCHEMA, Pack
from runner.store.record import SCHEMA, stored_schemas
from runner.tables.between_runs import COMPARED_COLUMNS, DIFFERENCE_COLUMNS
from runner.tables.columns import COLUMNS

Schema = dict[str, Any]
_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_KINDS = {"string": "string", "Float64": "number", "Int64": "integer", "boolean": "boolean"}
_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number"}
_COUNT: Schema = {"type": "integer", "minimum": 0}


def _or_null(kind: str) -> Schema:
    return {"type": [kind, "null"]}


def _object(properties: dict[str, Schema], optional: tuple[str, ...] = ()) -> Schema:
    """Return the schema of an object with just these keys, all there but the optional ones."""
    required = [name for name in properties if name not in optional]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _row(columns: dict[str, str]) -> Schema:
    """Return the schema of a row of a table: its columns, each of which may be missing."""
    return _object({name: _or_null(_KINDS[kind]) for name, kind in columns.items()})


_REASON = _object({"cell": _TEXT, "why": _TEXT})


def _guard(told: str) -> Schema:
    """Return the schema of a guard's judgement, which names by ``told`` what it could not see."""
    return _object({
        "threshold": _NUMBER,
        "passed": {"type": "boolean"},
        "judged": _COUNT,
        "failures": _list(_REASON),
        told: _list(_REASON),
    })  # fmt: skip


def _compared() -> Schema:
    return _object({
        "schema": {"const": COMPARE_SCHEMA},
        "a": _list(_TEXT),
        "b": _list(_TEXT),
        "cells": _list(_row(COMPARED_COLUMNS)),
        "differences": _list(_row(DIFFERENCE_COLUMNS)),
        "less_accurate": _list(_TEXT),
        "guard": _guard("wide"),
    }, optional=("guard",))  # fmt: skip


_CELL = dict.fromkeys(("model", "configuration", "backend", "device", "settings", "told"), _TEXT)


def _history() -> Schema:
    point = _object({
        "run": _TEXT,
        **{name: _or_null("string") for name in ("started", "reason", "disturbance")},
        "status": _TEXT,
        **{name: _or_null("number") for name in ("seconds", "low", "high")},
        "processes": _COUNT,
    })  # fmt: skip
    step = _object({
        **dict.fromkeys(("before", "first", "earliest", "latest"), _TEXT),
        **dict.fromkeys(("ratio", "ratio_low", "ratio_high"), _NUMBER),
        "changes": _list(_object({"column": _TEXT, "before": _TEXT, "after": _TEXT})),
    })  # fmt: skip
    series = _object({
        **_CELL,
        **{name: _or_null("number") for name in ("noise", "sensitivity")},
        "runs": _list(point),
        "steps": _list(step),
    })  # fmt: skip
    return _object({
        "schema": {"const": HISTORY_SCHEMA},
        "series": _list(series),
        "guard": _guard("unseen"),
    }, optional=("guard",))  # fmt: skip


def _stored(name: str) -> Callable[[], Schema]:
    return lambda: stored_schemas()[name]


@dataclass(frozen=True)
class Published:
    """A schema that programs may rely on: what it is of, its version, and how it is made."""

    what: str
    version: int
    make: Callable[[], Schema]


PUBLISHED_SCHEMAS: dict[str, Published] = {
    "manifest": Published("a run's manifest.json", SCHEMA, _stored("manifest")),
    "job": Published("a job's job.json", SCHEMA, _stored("job")),
    "record": Published("a job's record.json", SCHEMA, _stored("record")),
    "event": Published("a line of a job's events.jsonl", SCHEMA, event_schema),
    "row": Published("a row of table.csv and table.parquet, and of 'export'", EXPORT_SCHEMA,
                     lambda: _row(COLUMNS)),
    "verdicts": Published("what 'report --json' prints", ANSWER_SCHEMA,
                          AnswerFields.model_json_schema),
    "compare": Published("what 'compare --json' prints", COMPARE_SCHEMA, _compared),
    "history": Published("what 'history --json' prints", HISTORY_SCHEMA, _history),
    "pack": Published("the PACK.json of a shared run", PACK_SCHEMA, Pack.model_json_schema),
}  # fmt: skip


def published_schema(name: str) -> Schema:
    """Return a schema by its name. Raises UsageError for an unknown one."""
    [name] = choose_names([name], list(PUBLISHED_SCHEMAS), "schema")
    found = PUBLISHED_SCHEMAS[name]
    about = {
        "$schema": _DRAFT,
        "$id": f"urn:keras-backend-benchmarks:{name}:{found.version}",
        "title": f"{name}, version {found.version}: {found.what}",
    }
    return {**{k: v for k, v in found.make().items() if k != "title"}, **about}


def print_schemas(name: str | None) -> None:
    """Print one schema, or the list of them."""
    if name is not None:
        text = json.dumps(published_schema(name), indent=2, sort_keys=True)
        out.print(text, highlight=False, soft_wrap=True)
        return
    for known, found in PUBLISHED_SCHEMAS.items():
        out.print(f"{known:<9} version {found.version}  {found.what}", highlight=False)
