"""What jobs need that are processes of this machine: interpreters, programs and libraries."""

import shutil
import subprocess
import sys
from collections.abc import Iterator

from runner.environments.venv import environment_folder, is_environment_made, python_for
from runner.errors import BuildError, MachineError
from runner.machine.interpreters import Installed
from runner.plan.interpreter import MISSING_REMEDY, differences, lack_of, look_into
from runner.spec.configuration import Configuration, Device, LocalNeeds
from runner.tools.doctor.asked import AskedRun, text_and_remedy
from runner.tools.findings import Finding, Reporter

_say = Reporter("local")


def _interpreter(configuration: Configuration, asked: AskedRun) -> Finding:
    device = Device.GPU if asked.card.value else Device.CPU
    folder = environment_folder(configuration, device, asked.cache)
    if is_environment_made(folder):
        return _say.ok(configuration.name, "its environment is made")
    try:
        python = python_for(configuration)
    except BuildError as error:
        text, _, remedy = str(error).partition("; ")
        if asked.runs_locally:
            return _say.problem(configuration.name, text, remedy)
        return _say.ok(configuration.name, f"{text} (only for --launcher local)")
    return _say.ok(configuration.name, f"Python {python}" if "/" in python
                   else f"uv fetches Python {python}")  # fmt: skip


def local_pythons(asked: AskedRun) -> list[Finding]:
    """Say for each chosen configuration which Python its environment has or would have."""
    if asked.python is None:
        return [_interpreter(c, asked) for c in asked.configurations]
    try:
        installed = look_into(asked.python, asked.configurations)
    except MachineError as error:
        return [_say.problem("--python", *text_and_remedy(error))]
    return [
        _say.ok("--python", f"{asked.python} is Python {installed.python}, taken as it is"),
        *_packages(asked, installed),
    ]


def _packages(asked: AskedRun, installed: Installed) -> Iterator[Finding]:
    """Say which chosen backends a given interpreter has. One of them is enough for a run."""
    named = {name for c in asked.configurations for name in c.backends}
    chosen = sorted(named & set(asked.backend) if asked.backend else named)
    lacks = {name: lack for name in chosen if (lack := lack_of(name, installed)) is not None}
    for name in chosen:
        if name not in lacks:
            version = installed.version_of(name) or "of unknown version"
            yield _say.ok(name, f"{version}, keras {installed.version_of('keras')}")
        elif len(lacks) == len(chosen):
            yield _say.problem(name, lacks[name], MISSING_REMEDY)
        else:
            yield _say.warning(name, lacks[name], MISSING_REMEDY)
    for text in differences(asked.configurations, chosen, installed):
        yield _say.warning("--python", text, "its figures are of what it has")


def _loads(library: str) -> bool:
    """Return whether the loader finds a shared library; asked in a process of its own."""
    code = "import ctypes, sys; ctypes.CDLL(sys.argv[1])"
    ended = subprocess.run(
        [sys.executable, "-c", code, library], capture_output=True, timeout=10, check=False
    )
    return ended.returncode == 0


def lacking(needs: LocalNeeds, device: Device) -> Iterator[str]:
    """Yield the programs and libraries that a backend needs and that are not on this machine."""
    yield from (name for name in needs.programs_for(device) if shutil.which(name) is None)
    yield from (name for name in needs.libraries_for(device) if not _loads(name))


def local_needs(asked: AskedRun) -> Iterator[Finding]:
    """Say which programs and libraries a backend lacks, where no image would bring them."""
    device = Device.GPU if asked.card.value else Device.CPU
    for configuration in asked.configurations if asked.runs_locally else []:
        for backend, facts in configuration.backends.items():
            missing = ", ".join(lacking(facts.local, device))
            if missing and (not asked.backend or backend in asked.backend):
                remedy = "install what brings them, or use --launcher docker, whose image has them"
                subject = f"{configuration.name} {backend}"
                yield _say.problem(subject, f"not on this machine: {missing}", remedy)
