"""Makes the first table of docs/columns.md from what declares the columns of the table.

    python docs/columns.py

That is runner/spec/facts.toml, and models/job/axes.json for the axes. Everything else on the page
stays as it is.
"""

from __future__ import annotations

import re
from pathlib import Path

from runner.spec.axes import declared_axes
from runner.spec.facts import Fact, declared_facts

PAGE = Path(__file__).with_name("columns.md")
HEAD = "| column | type | of | meaning |\n| --- | --- | --- | --- |\n"
TABLE = re.compile(r"(?<=\n)" + re.escape(HEAD) + r"(?:\|.*\n)+")


def origin(fact: Fact) -> str:
    """Return what a column is of, as the page's list has it."""
    if fact.generation:
        return f"{fact.of}, generation"
    return f"{fact.of}, each model's" if fact.of_model else str(fact.of)


def meaning(name: str, fact: Fact) -> str:
    """Return what a column means, with an axis' values and what messages call it."""
    axis = declared_axes().get(name)
    values = ", ".join(f"`{value}`" for value in axis.values) if axis else ""
    called = "" if fact.label == name.replace("_", " ") else f'"{fact.label}" in messages'
    return "; ".join(part for part in (fact.means, values, called) if part)


def table() -> str:
    """Return the table: a line for each column, in their order."""
    rows = (
        f"| `{name}` | {fact.type} | {origin(fact)} | {meaning(name, fact)} |\n"
        for name, fact in declared_facts().items()
    )
    return HEAD + "".join(rows)


def renewed(page: str) -> str:
    """Return the page with the table as it is declared now. Raises ValueError without a table."""
    parts = TABLE.split(page)
    if len(parts) != 2:
        raise ValueError(f"{PAGE.name} must have one table with this head:\n{HEAD}")
    return table().join(parts)


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(PAGE)
