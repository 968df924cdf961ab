"""How a run's progress is shown: as asked for, or as fits where it is written."""

import os
import sys
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path

from rich.console import Console

from runner.errors import UsageError
from runner.execution.observer import Observer, Several
from runner.plan.history import History
from runner.progress.forecast import Forecast
from runner.progress.json_lines import JsonLines
from runner.progress.lines import Lines, Quiet
from runner.report.console import err, out, safe_text


class Style(StrEnum):
    """How a run's progress is shown."""

    LIVE = "live"
    LINES = "lines"
    QUIET = "quiet"
    JSON = "json"


def style_for(console: Console, environment: Mapping[str, str]) -> Style:
    """Return the style that fits where ``console`` writes: live on a terminal that can move.

    A pipe, a file, TERM=dumb and CI get lines. FORCE_COLOR colours lines; it makes no terminal.
    """
    is_terminal = console.file.isatty() and console.is_terminal and not console.is_dumb_terminal
    in_ci = environment.get("CI", "").lower() not in ("", "0", "false")
    return Style.LIVE if is_terminal and not in_ci else Style.LINES


def chosen_style(is_quiet: bool, is_json: bool) -> Style:
    """Return how a run is shown: as asked for, or as fits the terminal."""
    if is_quiet and is_json:
        raise UsageError("--quiet and --json exclude each other: choose one")
    if is_json:
        return Style.JSON
    return Style.QUIET if is_quiet else style_for(out, os.environ)


def observer_for(chosen: Style, root: Path) -> Observer:
    """Return what shows a run in a style, its time left by the earlier runs under ``root``."""
    forecast = Forecast(partial(History, root))

    def live() -> Observer:
        from runner.progress.live import LiveView

        return LiveView(out, forecast)

    made: dict[Style, Callable[[], Observer]] = {
        Style.LIVE: live,
        Style.LINES: lambda: Lines(out, forecast),
        Style.QUIET: lambda: Quiet(err),
        Style.JSON: lambda: JsonLines(sys.stdout, forecast),
    }
    shown = made[chosen]()
    return Several([forecast, shown], lambda text: err.print(safe_text(text), highlight=False))
