"""What the command that cleans does: it finds what is kept, shows it, and removes it."""

import json
import re
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from rich import box
from rich.table import Table

from runner import paths
from runner.clean.engine import engine_items
from runner.clean.folders import cache_items, run_items
from runner.clean.items import Bounds, Item, Kind, RemovalError, Removals, select_removals
from runner.errors import ExitCode, MachineError, UsageError, choose_names
from runner.machine.docker_engine import connect_engine
from runner.report.console import err, out, print_labelled, print_note
from runner.words import age_text, size_text

# As much of a hash at a name's end as a person reads.
_LONG_HASH = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{8,}$")
# Less than this in uv's cache is not worth a line.
_WORTH_SAYING = 10 << 20
_ENGINE_KINDS = frozenset({Kind.IMAGES, Kind.CONTAINERS, Kind.CACHES})
# Results and downloads go only where they are named: neither can be made again for certain.
_UNASKED = [Kind.IMAGES, Kind.ENVIRONMENTS, Kind.CACHES, Kind.CONTAINERS]


def _engine_items(engine: str | None, kinds: list[Kind], must: bool) -> Iterator[Item]:
    """Yield what the engine holds; without one, nothing, and say so unless it ``must`` be there."""
    try:
        reached = connect_engine(engine)
    except MachineError as error:
        if must:
            raise
        err.print(f"without the engine: {str(error).splitlines()[0]}", highlight=False)
        return
    yield from engine_items(reached, paths.cache(), kinds)


def _collect(named: list[str], engine: str | None, results: Path) -> Iterator[Item]:
    """Yield what is kept of the kinds named, commas allowed, or of those that go unasked."""
    names = [name for part in named for name in part.split(",") if name]
    known = [str(kind) for kind in Kind]
    kinds = [Kind(name) for name in choose_names(names, known, "kind")] if names else _UNASKED
    yield from cache_items(paths.cache(), kinds)
    if _ENGINE_KINDS.intersection(kinds):
        must = engine is not None or (bool(names) and _ENGINE_KINDS.issuperset(kinds))
        yield from _engine_items(engine, kinds, must)
    if Kind.RUNS in kinds:
        yield from run_items(results)


def _total(items: list[Item]) -> str:
    """Return what the removal of all frees, as far as it is known."""
    return f"about {size_text(sum(item.bytes or 0 for item in items))}"


def _table(title: str, items: list[Item], now: datetime) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("kind")
    table.add_column("name", overflow="fold")
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("idle", justify="right", no_wrap=True)
    table.add_column("why", overflow="fold")
    for item in items:
        size = "?" if item.bytes is None else size_text(item.bytes)
        name = _LONG_HASH.sub(r"\1", item.name)
        idle = age_text(now - item.used)
        table.add_row(str(item.kind), name, size, idle, item.why)
    return table


def _show(plan: Removals, now: datetime) -> None:
    """Tell a person what stays and what would go."""
    if plan.staying:
        out.print(_table("Stays", plan.staying, now), style="dim")
    if not plan.going:
        out.print("nothing to remove", highlight=False)
        return
    out.print(_table("Goes, in this order", plan.going, now))
    out.print(f"in all {_total(plan.going)}", highlight=False)
    linked = sum(item.linked for item in plan.going)
    if linked > _WORTH_SAYING:
        rest = "more lie in uv's cache as well, and stay (uv cache prune)"
        out.print(f"{size_text(linked)} {rest}", highlight=False)


def _agrees(plan: Removals) -> bool:
    """Ask whether to remove what goes; anything but a yes is a no."""
    count = len(plan.going)
    out.print(f"remove {'this' if count == 1 else f'these {count}'}? [y/N] ", end="", markup=False)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _remove(item: Item, is_quiet: bool) -> str | None:
    """Remove a thing and return what stood against it, if anything did."""
    assert item.remove is not None
    try:
        item.remove()
    except RemovalError as error:
        print_labelled(err, "stays:", f"{item.kind} {error}", "red")
        return str(error)
    if not is_quiet:
        print_note(f"removed {item.kind} {item.name}")
    return None


def _write_json(items: list[tuple[Item, str, str | None]]) -> None:
    """Write each thing with its action (remove, removed or keep) and what stood against that."""
    entries = [
        {
            "kind": str(item.kind),
            "name": item.name,
            "bytes": item.bytes,
            "last_used": item.used.isoformat(),
            "why": item.why,
            "action": action,
            "problem": problem,
        }
        for item, action, problem in items
    ]
    sys.stdout.write(json.dumps(entries, indent=2) + "\n")


def clean_up(
    named: list[str],
    bounds: Bounds,
    engine: str | None,
    results: Path,
    *,
    is_dry: bool,
    is_agreed: bool,
    as_json: bool,
) -> ExitCode:
    """Remove what is kept of the ``named`` kinds, least recently used first, after telling it.

    With ``is_dry`` it is only told, with ``is_agreed`` nobody is asked. Raises UsageError where
    somebody has to be asked and nobody can be.
    """
    must_ask = not (is_dry or is_agreed)
    if must_ask and (as_json or not (sys.stdin.isatty() and out.is_terminal)):
        raise UsageError(
            "this is no terminal that could be asked; say --yes to remove, or --dry-run to look"
        )
    now = datetime.now(UTC)
    items = _collect(named, engine, results)
    plan = select_removals(items, bounds, now, lambda folder: shutil.disk_usage(folder).free)
    if not as_json:
        _show(plan, now)
    staying: list[tuple[Item, str, str | None]] = [(item, "keep", None) for item in plan.staying]
    if is_dry or not plan.going:
        if as_json:
            _write_json([*((item, "remove", None) for item in plan.going), *staying])
        return ExitCode.OK
    if must_ask and not _agrees(plan):
        out.print("nothing was removed", highlight=False)
        return ExitCode.OK
    done = [(item, _remove(item, as_json)) for item in plan.going]
    removed = [item for item, problem in done if problem is None]
    if as_json:
        _write_json([*((i, "keep" if why else "removed", why) for i, why in done), *staying])
    else:
        out.print(f"removed {len(removed)}: {_total(removed)}", highlight=False)
    return ExitCode.OK if len(removed) == len(done) else ExitCode.JOBS_NOT_OK
