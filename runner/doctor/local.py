"""Interpreters for jobs that are processes of this machine."""

from __future__ import annotations

from runner import environments, interpreters
from runner.configurations import Configuration, Device
from runner.doctor.asked import Asked, Seen
from runner.doctor.findings import Finding, Reporter
from runner.errors import BuildError

_say = Reporter("local")


def _interpreter(configuration: Configuration, asked: Asked, seen: Seen) -> Finding:
    device = Device.GPU if seen.card.value else Device.CPU
    folder = environments.folder_of(configuration, device, asked.cache)
    if environments.is_made(folder):
        return _say.ok(configuration.name, "its environment is made")
    try:
        python = environments.python_for(configuration)
    except BuildError as error:
        text, _, remedy = str(error).partition("; ")
        if seen.runs_locally:
            return _say.problem(configuration.name, text, remedy)
        return _say.ok(configuration.name, f"{text} (only for --launcher local)")
    return _say.ok(configuration.name, f"Python {python}" if "/" in python
                   else f"uv fetches Python {python}")  # fmt: skip


def python(asked: Asked, seen: Seen) -> list[Finding]:
    """Say for each chosen configuration which Python its environment has or would have."""
    if asked.python is None:
        return [_interpreter(c, asked, seen) for c in asked.configurations]
    version = interpreters.version_of(asked.python)
    if version is None:
        return [_say.problem("--python", f"{asked.python}: not a Python interpreter that runs",
                             "name another, or leave --python out")]  # fmt: skip
    return [_say.ok("--python", f"{asked.python} is Python {version}, taken as it is")]
