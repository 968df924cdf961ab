"""Which rows may be compared: what is known of a cell, and which cells are alike in it."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import pandas as pd

from runner.spec.facts import Facts, decisive_facts, obstacles

T = TypeVar("T")


def cell_facts(rows: pd.DataFrame) -> Facts:
    """Return what the rows of a cell tell of the facts in which it must agree with another."""
    return {
        name: {fact.decisive(value) for value in rows[name].dropna().unique()}
        for name, fact in decisive_facts().items()
    }


def facts_by(rows: pd.DataFrame, groups: "pd.Series[str]") -> dict[str, Facts]:
    """Return the same for groups of rows, ``groups`` holding the name of each row's.

    ``samples`` is the most of a group's: the first process of a cell may have been a short one.
    """
    facts = decisive_facts()
    most = rows["samples"].groupby(groups).transform("max")
    frame = rows[[*facts]].assign(samples=most, group=groups).drop_duplicates()
    return {
        str(name): {n: {facts[n].decisive(v) for v in part[n].dropna().unique()} for n in facts}
        for name, part in frame.groupby("group", sort=False)
    }


def united_facts(facts: Iterable[Facts]) -> Facts:
    """Return what is known of several cells together."""
    found: dict[str, set[str]] = {}
    for one in facts:
        for name, values in one.items():
            found.setdefault(name, set()).update(values)
    return found


def classes(
    items: Sequence[T], facts_of: Callable[[T], Facts], but: Iterable[str] = ()
) -> list[list[T]]:
    """Return items in groups within which each two may be compared, in the order of the items.

    An item joins the first group that nothing sets it apart from; ``but`` is as in ``obstacles``.
    """
    skipped = tuple(but)
    found: list[tuple[Facts, list[T]]] = []
    for item in items:
        facts = facts_of(item)
        for place, (known, group) in enumerate(found):
            if not obstacles(known, facts, skipped):
                group.append(item)
                found[place] = (united_facts((known, facts)), group)
                break
        else:
            found.append((facts, [item]))
    return [group for _, group in found]
