"""Makes docs/report.png: parts of the HTML report of a kept run, as a browser shows them.

    python docs/screenshot.py results/measured/20261126-114417

The page's begin: the answer, the speeds and the table. Needs `make dev` and a Chromium (the
one that CHROMIUM names, else /usr/bin/chromium).
"""

from __future__ import annotations

import argparse
import base64
import os
import tempfile
from pathlib import Path

from playwright.sync_api import FloatRect, Page, sync_playwright

from runner.report.html.page import write_page
from runner.tables.load import load_runs

OUT = Path(__file__).with_name("report.png")
WIDTH = 1000
# A part ends where the heading of the next section begins.
PARTS = (("h1", "#trust"),)
SHEET = "<body style='margin: 0; background: #ccd; display: grid; gap: 4px'>{}"


def arguments() -> argparse.Namespace:
    """Return what the command line asks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="the folder of a run")
    return parser.parse_args()


def top(page: Page, selector: str) -> float:
    """Return how far below the page's begin something is, in pixels."""
    box = page.locator(selector).first.bounding_box()
    assert box is not None, selector
    return box["y"]


def part(page: Page, begin: str, end: str) -> str:
    """Return a picture of the page between two things on it, as a tag."""
    y = max(0, top(page, begin) - 12)
    clip: FloatRect = {"x": 0, "y": y, "width": WIDTH, "height": top(page, end) - y - 8}
    taken = base64.b64encode(page.screenshot(clip=clip, full_page=True)).decode()
    return f"<img src='data:image/png;base64,{taken}'>"


def main() -> None:
    """Write the report to a temporary file, open it, and write the picture."""
    asked = arguments()
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as driver:
        page_file = Path(scratch, "report.html")
        write_page(page_file, load_runs(asked.run), [asked.run])
        browser = driver.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": 800}, color_scheme="light")
        page.goto(page_file.as_uri())
        parts = [part(page, begin, end) for begin, end in PARTS]
        # A page of its own: the report's forbids what is not in it.
        sheet = browser.new_page(viewport={"width": WIDTH, "height": 800})
        sheet.set_content(SHEET.format("".join(parts)))
        sheet.screenshot(path=OUT, full_page=True)
        browser.close()
    print(OUT)


if __name__ == "__main__":
    main()
