"""Removes what the runner keeps on this machine, after showing it."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from runner import options, paths, units
from runner.cleaning import (
    Bounds,
    Item,
    Kind,
    Plan,
    RemovalError,
    choose,
    of_cache,
    of_engine,
    of_results,
)
from runner.commands.console import err, note, out
from runner.engine import connect
from runner.errors import ExitCode, MachineError, UsageError
from runner.errors import choose as choose_names

# As much of a hash at a name's end as a person reads.
_LONG_HASH = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{8,}$")
# Less than this in uv's cache is not worth a line.
_WORTH_SAYING = 10 << 20
NONE: list[str] = []
EXAMPLES = (
    "python -m runner clean --dry-run",
    "python -m runner clean --until-free 20G",
    "python -m runner clean --kind runs --older-than 30d --yes",
)
OF_ENGINE = frozenset({Kind.IMAGES, Kind.CONTAINERS, Kind.CACHES})
# Results and downloads go only where they are named: neither can be made again for certain.
UNASKED = (Kind.IMAGES, Kind.ENVIRONMENTS, Kind.CACHES, Kind.CONTAINERS)


def _kinds(named: list[str]) -> list[Kind]:
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


def _collect(kinds: list[Kind], named: bool, engine: str | None, results: Path) -> list[Item]:
    items = list(of_cache(paths.cache(), kinds))
    if OF_ENGINE.intersection(kinds):
        must = engine is not None or (named and OF_ENGINE.issuperset(kinds))
        items += _engine_items(engine, kinds, must)
    if Kind.RUNS in kinds:
        items += of_results(results)
    return items


def _size(items: list[Item]) -> str:
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


def _show(plan: Plan, now: datetime) -> None:
    if plan.staying:
        out.print(_table("Stays", plan.staying, now), style="dim")
    if plan.going:
        out.print(_table("Goes, in this order", plan.going, now))
        out.print(f"in all at least {_size(plan.going)}", highlight=False)
        linked = sum(item.linked for item in plan.going)
        if linked > _WORTH_SAYING:
            rest = "more lie in uv's cache as well, and stay (uv cache prune)"
            out.print(f"{units.size(linked)} {rest}", highlight=False)
    else:
        out.print("nothing to remove", highlight=False)


def _agrees(plan: Plan) -> bool:
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


def _as_json(item: Item, action: str, problem: str | None = None) -> dict[str, Any]:
    return {
        "kind": str(item.kind),
        "name": item.name,
        "bytes": item.bytes,
        "last_used": item.used.isoformat(),
        "why": item.why,
        "action": action,
        "problem": problem,
    }


def _print_json(entries: list[dict[str, Any]]) -> None:
    sys.stdout.write(json.dumps(entries, indent=2) + "\n")


def _silent(_: str) -> None:
    """Leave standard output to JSON."""


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _carry_out(plan: Plan, say: Callable[[str], None]) -> list[tuple[Item, str | None]]:
    """Remove what goes, item by item, and return each with what stood against it."""
    done = []
    for item in plan.going:
        problem = _remove(item)
        if problem is None:
            say(f"removed {item.kind} {item.name}")
        done.append((item, problem))
    return done


def clean(
    kind: options.Kinds = NONE,
    keep: Annotated[
        int, typer.Option("--keep", min=0, help="Keep the N most recently used of each kind.")
    ] = 0,
    older_than: Annotated[
        str | None,
        typer.Option("--older-than", metavar="AGE", help="Only what lay unused, such as 30d."),
    ] = None,
    until_free: Annotated[
        str | None,
        typer.Option("--until-free", metavar="SIZE", help="Stop once that much is free: 20G."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show, and remove nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; does not ask.")] = False,
    engine: options.Engine = None,
    results_dir: options.Results = paths.RESULTS,
) -> None:
    """Remove images, environments, caches and old runs, least recently used first.

    Shows them and asks. What is in use stays, and so does what this runner did not make. Runs and
    data go only if named: --kind runs.
    """
    kinds = _kinds(kind)
    bounds = Bounds(
        keep,
        units.parse_age(older_than) if older_than is not None else timedelta(),
        units.parse_size(until_free) if until_free is not None else None,
    )
    can_ask = sys.stdin.isatty() and out.is_terminal and not as_json
    if not (dry_run or yes or can_ask):
        raise UsageError("nobody can be asked here; say --yes to remove, or --dry-run to look")
    now = datetime.now(UTC)
    plan = choose(_collect(kinds, bool(kind), engine, results_dir), bounds, now, _free)
    staying = [_as_json(item, "keep") for item in plan.staying]
    if not as_json:
        _show(plan, now)
    if dry_run or not plan.going:
        if as_json:
            _print_json([*(_as_json(item, "remove") for item in plan.going), *staying])
        return
    if not yes and not _agrees(plan):
        out.print("nothing was removed", highlight=False)
        return
    done = _carry_out(plan, _silent if as_json else note)
    removed = [item for item, problem in done if problem is None]
    if as_json:
        went = [_as_json(i, "keep" if problem else "removed", problem) for i, problem in done]
        _print_json([*went, *staying])
    else:
        out.print(f"removed {len(removed)}: at least {_size(removed)}", highlight=False)
    raise typer.Exit(ExitCode.OK if len(removed) == len(done) else ExitCode.JOBS_NOT_OK)
