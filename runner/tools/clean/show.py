"""What the command that cleans does: it finds what is kept, shows it, and removes it."""

import json
import re
import shutil
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table

from runner import paths
from runner.errors import ExitCode, MachineError, UsageError, choose_names
from runner.machine.docker_engine import connect_engine
from runner.report.console import err, out, print_note
from runner.tools.clean.engine import engine_items
from runner.tools.clean.folders import cache_items, run_items
from runner.tools.clean.items import Item, Kind, RemovalError
from runner.tools.clean.selection import Bounds, Removals, select_removals
from runner.words import age_text, parse_age, parse_size, size_text

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
        reached = connect_engine(engine)
    except MachineError as error:
        if must:
            raise
        err.print(f"without the engine: {escape(str(error).splitlines()[0])}", highlight=False)
        return
    yield from engine_items(reached, paths.cache(), kinds)


def collect_items(kinds: list[Kind], named: bool, engine: str | None, results: Path) -> list[Item]:
    """Return what is kept of the kinds; ``named`` says that they were asked for by name."""
    items = list(cache_items(paths.cache(), kinds))
    if OF_ENGINE.intersection(kinds):
        must = engine is not None or (named and OF_ENGINE.issuperset(kinds))
        items += _engine_items(engine, kinds, must)
    if Kind.RUNS in kinds:
        items += run_items(results)
    return items


def total_size(items: list[Item]) -> str:
    """Return what the removal of all frees, as far as it is known."""
    return size_text(sum(item.bytes or 0 for item in items))


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
        table.add_row(str(item.kind), escape(name), size, idle, escape(item.why))
    return table


class Teller(ABC):
    """Tells what stays, what goes and what went. ``say`` takes a line of progress."""

    say: Callable[[str], None]
    can_ask: bool

    @abstractmethod
    def show(self, plan: Removals, now: datetime) -> None:
        """Tell what stays and what would go."""

    @abstractmethod
    def look(self, plan: Removals) -> None:
        """Tell that nothing was removed, because that was all that was asked for."""

    @abstractmethod
    def end(self, plan: Removals, done: list[tuple[Item, str | None]]) -> None:
        """Tell what was removed, each with what stood against it, if anything did."""


class InTables(Teller):
    """Tells a person."""

    def __init__(self) -> None:
        self.say = print_note
        self.can_ask = sys.stdin.isatty() and out.is_terminal

    def show(self, plan: Removals, now: datetime) -> None:
        if plan.staying:
            out.print(_table("Stays", plan.staying, now), style="dim")
        if not plan.going:
            out.print("nothing to remove", highlight=False)
            return
        out.print(_table("Goes, in this order", plan.going, now))
        out.print(f"in all at least {total_size(plan.going)}", highlight=False)
        linked = sum(item.linked for item in plan.going)
        if linked > _WORTH_SAYING:
            rest = "more lie in uv's cache as well, and stay (uv cache prune)"
            out.print(f"{size_text(linked)} {rest}", highlight=False)

    def look(self, plan: Removals) -> None:
        pass  # ``show`` has told all

    def end(self, plan: Removals, done: list[tuple[Item, str | None]]) -> None:  # noqa: ARG002
        removed = [item for item, problem in done if problem is None]
        out.print(f"removed {len(removed)}: at least {total_size(removed)}", highlight=False)


class InJson(Teller):
    """Tells a program, at the end and all at once; it cannot be asked."""

    can_ask = False

    def __init__(self) -> None:
        self.say = lambda _: None

    def show(self, plan: Removals, now: datetime) -> None:
        pass  # standard output holds one JSON value

    def look(self, plan: Removals) -> None:
        self._write([_entry(item, "remove") for item in plan.going], plan)

    def end(self, plan: Removals, done: list[tuple[Item, str | None]]) -> None:
        went = [_entry(item, "keep" if problem else "removed", problem) for item, problem in done]
        self._write(went, plan)

    @staticmethod
    def _write(entries: list[dict[str, Any]], plan: Removals) -> None:
        entries += [_entry(item, "keep") for item in plan.staying]
        sys.stdout.write(json.dumps(entries, indent=2) + "\n")


def _agrees(plan: Removals) -> bool:
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


def _entry(item: Item, action: str, problem: str | None = None) -> dict[str, Any]:
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


def free_bytes(folder: Path) -> int:
    """Return the bytes that are free on the disk of a folder."""
    return shutil.disk_usage(folder).free


def _carry_out(plan: Removals, say: Callable[[str], None]) -> list[tuple[Item, str | None]]:
    """Remove what goes, item by item, and return each with what stood against it."""
    done = []
    for item in plan.going:
        problem = _remove(item)
        if problem is None:
            say(f"removed {item.kind} {item.name}")
        done.append((item, problem))
    return done


class Consent(StrEnum):
    """Whether things may be removed: only looked at, asked for, or given beforehand."""

    LOOK = "look"
    ASK = "ask"
    GIVEN = "given"


def bounds_of(keep: int, older_than: str | None, until_free: str | None) -> Bounds:
    """Return how far to go, from what a command line says. Raises UsageError."""
    return Bounds(
        keep,
        parse_age(older_than) if older_than is not None else timedelta(),
        parse_size(until_free) if until_free is not None else None,
    )


def clean_up(
    named: list[str],
    bounds: Bounds,
    engine: str | None,
    results: Path,
    consent: Consent,
    teller: Teller,
) -> ExitCode:
    """Remove what is kept of the ``named`` kinds, least recently used first, after telling it.

    Raises UsageError where consent has to be asked for and nobody can be asked.
    """
    kinds = chosen_kinds(named)
    if consent is Consent.ASK and not teller.can_ask:
        raise UsageError("nobody can be asked here; say --yes to remove, or --dry-run to look")
    now = datetime.now(UTC)
    plan = select_removals(
        collect_items(kinds, bool(named), engine, results), bounds, now, free_bytes
    )
    teller.show(plan, now)
    if consent is Consent.LOOK or not plan.going:
        teller.look(plan)
        return ExitCode.OK
    if consent is Consent.ASK and not _agrees(plan):
        out.print("nothing was removed", highlight=False)
        return ExitCode.OK
    done = _carry_out(plan, teller.say)
    teller.end(plan, done)
    return ExitCode.JOBS_NOT_OK if any(problem for _, problem in done) else ExitCode.OK
