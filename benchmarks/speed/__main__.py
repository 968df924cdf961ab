"""How fast the project is: goals, figures, and ratios to what was measured beside them.

    make benchmarks                   all of it, on a quiet machine
    make benchmarks ONLY="reads host" parts
    make benchmarks-check             small: 1 where a ratio is a quarter worse than the kept one
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from speed.builds import builds
from speed.clock import clock
from speed.commands import reading_commands, whole_commands
from speed.containers import containers
from speed.host import host
from speed.line import FULL, SMALL, Group, Line, Size
from speed.scale import plans, tables

# By ``--only``.
GROUPS: dict[str, Group] = {
    "commands": whole_commands,
    "reads": reading_commands,
    "tables": tables,
    "plans": plans,
    "host": host,
    "containers": containers,
    "builds": builds,
    "clock": clock,
}
KEPT = Path(__file__).parents[1] / "measured" / "speed.json"
MOST_WORSE = 1.25
TRIES = 3


def _measured(group: str, size: Size) -> list[Line]:
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="speed-") as folder:
        for line in GROUPS[group](size, Path(folder)):
            _print_line(line)
            lines.append(line)
    return lines


def _print_line(line: Line) -> None:
    said = "holds" if line.holds else "**missed**"
    print(
        f"| {line.name} | {line.goal:.3g} {line.unit} | {line.figure:.3g} {line.unit} "
        f"| {line.ratio:.3g} x {line.beside} ({line.reference:.3g}) | {said} |",
        flush=True,
    )


def worse_lines(lines: Iterable[Line], kept: Mapping[str, float]) -> list[str]:
    """Return the names of the lines whose ratio is a quarter worse than the kept one."""
    return [
        line.name
        for line in lines
        if line.name in kept and line.ratio > MOST_WORSE * kept[line.name]
    ]


def check(groups: Sequence[str], kept: Mapping[str, float]) -> list[str]:
    """Return the lines that came out worse each time: a disturbance is no change.

    A group with such a line is measured again, at most twice.
    """
    found = []
    for group in groups:
        worse = worse_lines(_measured(group, SMALL), kept)
        for _ in range(TRIES - 1):
            if worse:
                print(f"worse than kept, so measured again: {', '.join(worse)}", flush=True)
                again = worse_lines(_measured(group, SMALL), kept)
                worse = [name for name in worse if name in again]
        found += worse
    return found


def _keep(lines: Iterable[Line]) -> None:
    known = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    ratios = {line.name: round(line.ratio, 4) for line in lines}
    KEPT.write_text(json.dumps(known | ratios, indent=2) + "\n")


def main() -> int:
    """Measure, print, and keep or check the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--small", action="store_true", help="Measure less, as --check does.")
    parser.add_argument("--keep", action="store_true", help="Keep the ratios for --check.")
    parser.add_argument("--check", action="store_true", help="Measure small; 1 where worse.")
    asked = parser.parse_args()
    # As where it is not set: each call would compile anew what was copied or installed for it.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    print("| what | goal | figure | ratio | |\n| --- | --- | --- | --- | --- |")
    if asked.check:
        kept = json.loads(KEPT.read_text())
        worse = check(asked.only, kept)
        for name in worse:
            print(f"{name}: its ratio is more than a quarter worse than {kept[name]:.3g}")
        return 1 if worse else 0
    size = SMALL if asked.small or asked.keep else FULL
    lines = [line for group in asked.only for line in _measured(group, size)]
    if asked.keep:
        _keep(lines)
    return 0 if all(line.holds for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
