"""Who watches a run: the observer for where the command writes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from runner.commands.console import err, out
from runner.errors import UsageError
from runner.forecast import Forecast
from runner.history import History
from runner.live import LiveView
from runner.observer import Observer
from runner.progress import JsonLines, Lines, Quiet, Several, Style, safe, style_for


def _complain(text: str) -> None:
    err.print(safe(text), highlight=False)


def style(is_quiet: bool, is_json: bool) -> Style:
    """Return how a run is shown: as asked for, or as fits the terminal."""
    if is_quiet and is_json:
        raise UsageError("--quiet and --json exclude each other: choose one")
    if is_json:
        return Style.JSON
    return Style.QUIET if is_quiet else style_for(out, os.environ)


def observer(chosen: Style, root: Path) -> Observer:
    """Return what shows a run in a style, its time left by the earlier runs under ``root``."""
    forecast = Forecast(partial(History, root))
    made: dict[Style, Callable[[], Observer]] = {
        Style.LIVE: lambda: LiveView(out, forecast),
        Style.LINES: lambda: Lines(out, forecast),
        Style.QUIET: lambda: Quiet(err),
        Style.JSON: lambda: JsonLines(sys.stdout, forecast),
    }
    shown = made[chosen]()
    return Several([forecast, shown], _complain)
