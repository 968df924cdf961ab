"""What pages of a thousand runs cost: to build, to keep, and to open in a browser.

Makes runs of six jobs each (two backends, three processes, six epochs) with the project's own
store, writes the site, and opens its first page and a model's in a real Chromium. It ends with 1
where the site takes more than a minute, a page more than two seconds, or anything is requested:

    python benchmarks/many_runs.py --runs 1000
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from runner.report.site.build import build_site

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from made_history import CNTK, TENSORFLOW, made_run, noisy  # the tests' own made runs

MOST_SECONDS_TO_BUILD = 60.0
MOST_SECONDS_TO_OPEN = 2.0
OPENED = ("index.html", "models/mnist_mlp.html")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
# Two frames later all that was loaded has been drawn.
_DRAWN = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def make_runs(folder: Path, runs: int) -> None:
    """Write the runs, one a day, with a step in the middle."""
    folder.mkdir()
    for day, seconds in enumerate(noisy(runs, {runs // 2: 0.1})):
        made_run(folder, day, {TENSORFLOW: seconds, CNTK: 2 * seconds}, repeats=3)


def opening(browser: Browser, address: str) -> tuple[float, int]:
    """Return the seconds until a page is drawn, and how many other things it asked for."""
    page = browser.new_context().new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    began = time.monotonic()
    page.goto(address, wait_until="load")
    page.evaluate(_DRAWN)
    took = time.monotonic() - began
    page.context.close()
    return took, len(asked) - 1


def main() -> int:
    """Make, build, open, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as parent, sync_playwright() as driver:
        runs, site = Path(parent, "runs"), Path(parent, "site")
        make_runs(runs, asked.runs)
        began = time.monotonic()
        build_site(site, [runs])
        build = time.monotonic() - began
        size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
        print(f"{asked.runs} runs: built in {build:.1f} s, {size / 1e6:.1f} MB")
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        is_good = build <= MOST_SECONDS_TO_BUILD
        for name in OPENED:
            found = [opening(browser, (site / name).as_uri()) for _ in range(5)]
            took = statistics.median(seconds for seconds, _ in found)
            requests = max(count for _, count in found)
            size = (site / name).stat().st_size
            print(f"{name}: {size / 1e6:.2f} MB, open in {took:.2f} s, {requests} requests")
            is_good = is_good and took <= MOST_SECONDS_TO_OPEN and not requests
        browser.close()
    return int(not is_good)


if __name__ == "__main__":
    sys.exit(main())
