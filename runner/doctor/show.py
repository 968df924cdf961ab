"""The doctor's findings as they are printed."""

import json
import sys
from dataclasses import asdict
from itertools import groupby

from rich.table import Table
from rich.text import Text

from runner.doctor.asked import AskedRun
from runner.doctor.examination import examine
from runner.errors import ExitCode
from runner.plan.findings import Finding, FindingState
from runner.report.console import out

DOCTOR_SCHEMA = 1
_TITLES = {
    "cluster": "Cluster",
    "engine": "Engine",
    "gpu": "Device",
    "configurations": "Configurations",
    "disk": "Disk",
    "data": "Data",
    "network": "Network",
    "local": "Local environments",
}
_LOOKS = {
    FindingState.OK: ("✓", "green"),
    FindingState.WARNING: ("!", "yellow"),
    FindingState.PROBLEM: ("✗", "red"),
    FindingState.SKIPPED: ("-", "dim"),
}


def _show_lines(title: str, findings: list[Finding]) -> None:
    """Print a group of findings in plain words, a line each, and a line for what to do."""
    for line in (f"{title}:", *(line for finding in findings for line in finding.lines)):
        out.print(line, highlight=False, soft_wrap=True)


def _show_table(title: str, findings: list[Finding]) -> None:
    """Print a group of findings for a person at a terminal."""
    out.print(Text(title, style="bold"))
    table = Table.grid(padding=(0, 1))
    table.add_column(width=2, justify="right")
    table.add_column(min_width=15, max_width=24, overflow="fold")
    table.add_column(overflow="fold")
    for finding in findings:
        glyph, color = _LOOKS[finding.state]
        style = color if finding.state is not FindingState.OK else ""
        text = Text(finding.text, style=style)
        if finding.remedy:
            text.append(f"\n→ {finding.remedy}", style="default")
        table.add_row(Text(glyph, style=f"bold {color}"), finding.subject, text)
    out.print(table, highlight=False)


def _count(findings: list[Finding], state: FindingState) -> str:
    count = sum(finding.state is state for finding in findings)
    return f"{count} {state}{'' if count == 1 else 's'}"


def _verdict(findings: list[Finding], can_work: bool) -> str:
    warnings = _count(findings, FindingState.WARNING)
    if can_work:
        return f"this run can work here: {warnings}"
    return f"this run cannot work here: {_count(findings, FindingState.PROBLEM)}, {warnings}"


def tell_findings(asked: AskedRun, as_json: bool) -> ExitCode:
    """Print the findings, each group as soon as it is there, and what they come to.

    Or all of them as one JSON value; docs/doctor.md describes it.
    """
    findings: list[Finding] = []
    show = _show_table if out.is_terminal and out.encoding.startswith("utf") else _show_lines
    for check, found in groupby(examine(asked), key=lambda finding: finding.check):
        group = list(found)
        findings += group
        if not as_json:
            show(_TITLES[check], group)
    can_work = not any(finding.state is FindingState.PROBLEM for finding in findings)
    if as_json:
        content = {
            "schema": DOCTOR_SCHEMA,
            "can_work": can_work,
            "findings": [asdict(finding) for finding in findings],
        }
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
    else:
        out.print(_verdict(findings, can_work), highlight=False, soft_wrap=True)
    return ExitCode.OK if can_work else ExitCode.MACHINE
