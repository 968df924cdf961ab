"""What the command that cleans does: it finds what is kept, shows it, and removes it."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table

from runner import paths, units
from runner.cleaning import Item, Kind, Plan, RemovalError, of_cache, of_engine, of_results
from runner.commands.console import err, out
from runner.engine import connect
from runner.errors import MachineError
from runner.errors import choose as choose_names

# As much of a hash at a name's end as a person reads.
_LONG_HASH = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{8,}$")
# Less than this in uv's cache is not worth a line.
_WORTH_SAYING = 10 << 20
OF_ENGINE = frozenset({Kind.IMAGES, Kind.CONTAINERS, Kind.CACHES})
# Results and downloads go only where they are named: neither can be made again for certain.
UNASKED = (Kind.IMAGES, Kind.ENVIRONMENTS, Kind.CACHES, Kind.CONTAINERS)


def chosen_kinds(named: list[str]) -> list[Kind]:
    """Return the kinds named, commas allowed, or those that go unasked."""
    names = [name for part in named for name in part.split(",") if name]
    if not names:
        return list(UNASKED)
    return [Kind(name) for name in choose_names(names, [str(kind) for kind in Kind], "kind")]


def _engine_items(engine: str | None, kinds: list[Kind], must: bool) -> Iterator[Item]:
    """Yield what the engine holds; without one, nothing, said aloud unless it ``must`` be there."""
    try:
        reached = connect(engine)
    except MachineError as error:
        if must:
            raise
        err.print(f"without the engine: {escape(str(error).splitlines()[0])}", highlight=False)
        return
    yield from of_engine(reached, paths.cache(), kinds)


def collect(kinds: list[Kind], named: bool, engine: str | None, results: Path) -> list[Item]:
    """Return what is kept of the kinds; ``named`` says that they were asked for by name."""
    items = list(of_cache(paths.cache(), kinds))
    if OF_ENGINE.intersection(kinds):
        must = engine is not None or (named and OF_ENGINE.issuperset(kinds))
        items += _engine_items(engine, kinds, must)
    if Kind.RUNS in kinds:
        items += of_results(results)
    return items


def total_size(items: list[Item]) -> str:
    """Return what the removal of all frees, as far as it is known."""
    return units.size(sum(item.bytes or 0 for item in items))


def _table(title: str, items: list[Item], now: datetime) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("kind")
    table.add_column("name", overflow="fold")
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("idle", justify="right", no_wrap=True)
    table.add_column("why", overflow="fold")
    for item in items:
        size = "?" if item.bytes is None else units.size(item.bytes)
        name = _LONG_HASH.sub(r"\1", item.name)
        idle = units.age(now - item.used)
        table.add_row(str(item.kind), escape(name), size, idle, escape(item.why))
    return table


def show(plan: Plan, now: datetime) -> None:
    """Print what stays and what goes."""
    if plan.staying:
        out.print(_table("Stays", plan.staying, now), style="dim")
    if plan.going:
        out.print(_table("Goes, in this order", plan.going, now))
        out.print(f"in all at least {total_size(plan.going)}", highlight=False)
        linked = sum(item.linked for item in plan.going)
        if linked > _WORTH_SAYING:
            rest = "more lie in uv's cache as well, and stay (uv cache prune)"
            out.print(f"{units.size(linked)} {rest}", highlight=False)
    else:
        out.print("nothing to remove", highlight=False)


def agrees(plan: Plan) -> bool:
    """Ask whether to remove what goes; anything but a yes is a no."""
    count = len(plan.going)
    out.print(f"remove {'this' if count == 1 else f'these {count}'}? [y/N] ", end="", markup=False)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _remove(item: Item) -> str | None:
    """Remove a thing and return what stood against it, if anything did."""
    assert item.remove is not None
    try:
        item.remove()
    except RemovalError as error:
        err.print(f"[red]stays:[/] {item.kind} {escape(str(error))}", highlight=False)
        return str(error)
    return None


def as_entry(item: Item, action: str, problem: str | None = None) -> dict[str, Any]:
    """Return a thing as JSON tells it: ``action`` is remove, removed or keep."""
    return {
        "kind": str(item.kind),
        "name": item.name,
        "bytes": item.bytes,
        "last_used": item.used.isoformat(),
        "why": item.why,
        "action": action,
        "problem": problem,
    }


def print_json(entries: list[dict[str, Any]]) -> None:
    """Print entries for programs."""
    sys.stdout.write(json.dumps(entries, indent=2) + "\n")


def silent(_: str) -> None:
    """Leave standard output to JSON."""


def free(folder: Path) -> int:
    """Return the bytes that are free on the disk of a folder."""
    return shutil.disk_usage(folder).free


def carry_out(plan: Plan, say: Callable[[str], None]) -> list[tuple[Item, str | None]]:
    """Remove what goes, item by item, and return each with what stood against it."""
    done = []
    for item in plan.going:
        problem = _remove(item)
        if problem is None:
            say(f"removed {item.kind} {item.name}")
        done.append((item, problem))
    return done
