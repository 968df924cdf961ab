"""How long a browser takes to show a page."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from real_browser import CHROMIUM, QUIET
from speed.line import Line

_EMPTY = "<!doctype html><title>nothing</title><p>nothing"


def opening(page: Path, name: str, most: float, rounds: int) -> Iterator[Line]:
    """Measure the seconds until a page is shown, its scripts run, and those of an empty one.

    It counts as shown once its last element is laid out and drawn.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print(f"{name}: not measured, because playwright is not installed")
        return
    if not os.access(CHROMIUM, os.X_OK):
        print(f"{name}: not measured, because there is no browser at {CHROMIUM}")
        return
    empty = page.with_name("empty.html")
    empty.write_text(_EMPTY)
    took: dict[Path, list[float]] = {page: [], empty: []}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        for _ in range(rounds):
            for path, several in took.items():
                tab = browser.new_page()
                began = time.perf_counter()
                tab.goto(path.as_uri())
                # After two frames what was laid out has been drawn.
                tab.evaluate(
                    "() => new Promise(done => requestAnimationFrame(() => "
                    "requestAnimationFrame(() => done(document.body.lastElementChild"
                    ".getBoundingClientRect().bottom))))"
                )
                several.append(time.perf_counter() - began)
                tab.close()
        browser.close()
    yield Line(name, statistics.median(took[page]), "s", most, statistics.median(took[empty]),
               "an empty page")  # fmt: skip
