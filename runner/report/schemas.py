"""The JSON schemas of what is kept and printed, each with its version."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from runner.errors import choose_names
from runner.report.compare_text import COMPARE_SCHEMA, CompareFields
from runner.report.console import out
from runner.report.export import EXPORT_SCHEMA
from runner.report.fields import ANSWER_SCHEMA, AnswerFields, row_schema
from runner.report.history.show import HISTORY_SCHEMA, HistoryFields
from runner.store.events import event_schema
from runner.store.pack import PACK_SCHEMA, Pack
from runner.store.record import SCHEMA, stored_schemas
from runner.tables.columns import COLUMNS

Schema = dict[str, Any]
_DRAFT = "https://json-schema.org/draft/2020-12/schema"


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
                     lambda: row_schema(COLUMNS)),
    "verdicts": Published("what 'report --json' prints", ANSWER_SCHEMA,
                          AnswerFields.schema_of),
    "compare": Published("what 'compare --json' prints", COMPARE_SCHEMA,
                         CompareFields.schema_of),
    "history": Published("what 'history --json' prints", HISTORY_SCHEMA,
                         HistoryFields.schema_of),
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
