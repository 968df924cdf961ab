"""The doctor's findings as they are printed."""

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import groupby

from rich.table import Table
from rich.text import Text

from runner.doctor.asked import AskedRun
from runner.doctor.examination import examine
from runner.errors import ExitCode
from runner.report.console import out
from runner.report.findings import Finding, FindingState, finding_lines

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


def _lines(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield findings in plain words, a line each, and a line for what to do."""
    for check, group in groupby(findings, key=lambda finding: finding.check):
        yield f"{_TITLES[check]}:"
        for finding in group:
            yield from finding_lines(finding)


def _show_table(findings: Iterable[Finding]) -> None:
    """Print findings for a person at a terminal, each group as soon as it is there."""
    for check, group in groupby(findings, key=lambda finding: finding.check):
        out.print(Text(_TITLES[check], style="bold"))
        table = Table.grid(padding=(0, 1))
        table.add_column(width=2, justify="right")
        table.add_column(min_width=15, max_width=24, overflow="fold")
        table.add_column(overflow="fold")
        for finding in group:
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


def _verdict(findings: list[Finding]) -> str:
    warnings = _count(findings, FindingState.WARNING)
    if _exit_code(findings) is ExitCode.OK:
        return f"this run can work here: {warnings}"
    return f"this run cannot work here: {_count(findings, FindingState.PROBLEM)}, {warnings}"


def _kept(asked: AskedRun, findings: list[Finding]) -> Iterator[Finding]:
    """Yield the findings as they come, and keep them."""
    for finding in examine(asked):
        findings.append(finding)
        yield finding


def _exit_code(findings: list[Finding]) -> ExitCode:
    fails = any(finding.state is FindingState.PROBLEM for finding in findings)
    return ExitCode.MACHINE if fails else ExitCode.OK


def tell_findings(asked: AskedRun, as_json: bool) -> ExitCode:
    """Print the findings as they come, and what they come to.

    Or all of them as one JSON value; docs/doctor.md describes it.
    """
    findings: list[Finding] = []
    if as_json:
        told = [asdict(finding) for finding in _kept(asked, findings)]
        can_work = _exit_code(findings) is ExitCode.OK
        content = {"schema": DOCTOR_SCHEMA, "can_work": can_work, "findings": told}
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
    elif out.is_terminal and out.encoding.startswith("utf"):
        _show_table(_kept(asked, findings))
        out.print(_verdict(findings), highlight=False, soft_wrap=True)
    else:
        for line in _lines(_kept(asked, findings)):
            sys.stdout.write(f"{line}\n")
        sys.stdout.write(f"{_verdict(findings)}\n")
    return _exit_code(findings)
