"""Says whether a run can work here, and what to do where it cannot."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from runner import config_files as configs
from runner import jobs, options, paths
from runner.choices import BuildOptions, DeviceChoice, LauncherChoice
from runner.commands.console import out
from runner.doctor.findings import Finding, State
from runner.errors import ExitCode, choose
from runner.studies import choose_workloads
from runner.workloads import require_source

SCHEMA = 1
NONE: list[str] = []
EXAMPLES = (
    "python -m runner doctor",
    "python -m runner doctor --config mxnet-k122 --device auto",
    "python -m runner doctor --launcher local --device cpu --data real --json",
)
_TITLES = {
    "engine": "Engine",
    "gpu": "Device",
    "configurations": "Configurations",
    "disk": "Disk",
    "data": "Data",
    "network": "Network",
    "local": "Local environments",
    "cluster": "Cluster tools",
}
_LOOKS = {State.OK: ("✓", "green"), State.WARNING: ("!", "yellow"), State.PROBLEM: ("✗", "red")}


def _lines(findings: Iterable[Finding]) -> Iterator[str]:
    """Yield findings in plain words, a line each, and a line for what to do."""
    for check, group in groupby(findings, key=lambda finding: finding.check):
        yield f"{_TITLES[check]}:"
        for finding in group:
            yield f"  {finding.state:<8} {finding.subject}: {finding.text}"
            if finding.remedy:
                yield f"           -> {finding.remedy}"


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
            style = color if finding.state is not State.OK else ""
            text = Text(finding.text, style=style)
            if finding.remedy:
                text.append(f"\n→ {finding.remedy}", style="default")
            table.add_row(Text(glyph, style=f"bold {color}"), finding.subject, text)
        out.print(table, highlight=False)


def _fails(findings: list[Finding]) -> bool:
    return any(finding.state is State.PROBLEM for finding in findings)


def _verdict(findings: list[Finding]) -> str:
    problems = sum(finding.state is State.PROBLEM for finding in findings)
    warnings = sum(finding.state is State.WARNING for finding in findings)
    counted = f"{warnings} warning{'' if warnings == 1 else 's'}"
    if problems:
        many = "problem" if problems == 1 else "problems"
        return f"this run cannot work here: {problems} {many}, {counted}"
    return f"this run can work here: {counted}"


def doctor(
    config: options.Configs = NONE,
    model: options.Models = NONE,
    backend: options.Backends = NONE,
    device: options.RunDevice = DeviceChoice.GPU,
    gpu: options.Gpu = None,
    data: options.Data = None,
    results_dir: options.Results = paths.RESULTS,
    launcher: options.Launcher = LauncherChoice.AUTO,
    engine: options.Engine = None,
    python: options.Python = None,
    base_image: options.BaseImage = None,
    ca_bundle: options.CaBundle = None,
    package_index: options.PackageIndex = None,
    wheels: options.Wheels = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Say whether a run with these options can work here. Exit 3 if it cannot."""
    from runner.doctor import examination
    from runner.doctor.asked import Asked

    chosen = configs.load(config)
    choose(backend, jobs.known_backends(chosen), "backend")
    workloads = choose_workloads(model)
    if data is not None:
        require_source(workloads, data)
    asked = Asked(
        configurations=chosen,
        backends=backend,
        workloads=workloads,
        device=device,
        gpu=gpu,
        data=data,
        launcher=LauncherChoice.LOCAL if python is not None else launcher,
        engine=engine,
        python=python,
        results=results_dir,
        cache=paths.cache(),
        build=BuildOptions(base_image, ca_bundle, package_index, wheels),
    )
    findings: list[Finding] = []

    def kept() -> Iterator[Finding]:
        for finding in examination.examine(asked):
            findings.append(finding)
            yield finding

    if as_json:
        told = [asdict(finding) for finding in kept()]
        content = {"schema": SCHEMA, "can_work": not _fails(findings), "findings": told}
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
    elif out.is_terminal and out.encoding.startswith("utf"):
        _show_table(kept())
        out.print(_verdict(findings), highlight=False, soft_wrap=True)
    else:
        for line in _lines(kept()):
            sys.stdout.write(f"{line}\n")
        sys.stdout.write(f"{_verdict(findings)}\n")
    raise typer.Exit(ExitCode.MACHINE if _fails(findings) else ExitCode.OK)
