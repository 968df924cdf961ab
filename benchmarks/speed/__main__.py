"""How fast the project is: goals, figures, and ratios to what was measured beside them.

    make benchmarks                 all of it, on a quiet machine; half an hour
    make benchmarks ONLY=commands   a part
    make benchmarks-check           small, and 1 where a ratio is a quarter worse than the kept one
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

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
}
KEPT = Path(__file__).parents[1] / "measured" / "speed.json"
MOST_WORSE = 1.25


def _measured(names: Sequence[str], size: Size) -> list[Line]:
    lines: list[Line] = []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="speed-") as folder:
            for line in GROUPS[name](size, Path(folder)):
                _print_line(line)
                lines.append(line)
    return lines


def _print_line(line: Line) -> None:
    said = "holds" if line.holds else "MISSED"
    print(
        f"| {line.name} | {line.goal:g} {line.unit} | {line.figure:.3g} {line.unit} "
        f"| {line.ratio:.3g} x {line.beside} ({line.reference:.3g}) | {said} |",
        flush=True,
    )


def _worse(lines: Sequence[Line], kept: dict[str, float]) -> list[str]:
    """Return the names of the lines whose ratio is a quarter worse than the kept one."""
    return [
        line.name
        for line in lines
        if line.name in kept and line.ratio > MOST_WORSE * kept[line.name]
    ]


def _check(names: Sequence[str]) -> int:
    """Measure small, and what came out worse once more: one disturbance is no change."""
    kept = json.loads(KEPT.read_text())
    worse = set(_worse(_measured(names, SMALL), kept))
    if worse:
        print(f"worse than kept, so measured again: {', '.join(sorted(worse))}")
        worse &= set(_worse(_measured(names, SMALL), kept))
    for name in sorted(worse):
        print(f"{name}: its ratio is more than a quarter worse than {kept[name]:.3g}")
    return 1 if worse else 0


def main() -> int:
    """Measure, print, and keep or check the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--small", action="store_true", help="Measure less, as --check does.")
    parser.add_argument("--keep", action="store_true", help="Keep the ratios for --check.")
    parser.add_argument("--check", action="store_true", help="Measure small; 1 where worse.")
    asked = parser.parse_args()
    if asked.check:
        return _check(asked.only)
    print("| what | goal | figure | ratio | |\n| --- | --- | --- | --- | --- |")
    lines = _measured(asked.only, SMALL if asked.small or asked.keep else FULL)
    if asked.keep:
        known = json.loads(KEPT.read_text()) if KEPT.exists() else {}
        ratios = {line.name: round(line.ratio, 4) for line in lines}
        KEPT.write_text(json.dumps(known | ratios, indent=2) + "\n")
    return 0 if all(line.holds for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
