"""The Pythons of this machine, and what they and jobs find on it: packages, programs, libraries."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner import paths
from runner.spec.configuration import Device, LocalNeeds

# What is not there costs no time; a folder of a network that hangs would.
_SECONDS = 20
_ANSWER_SECONDS = 120
_SHOW = "import json, sys; print(json.dumps({'python': '%d.%d' % sys.version_info[:2]}))"


def interpreter_version(python: Path) -> str | None:
    """Return an interpreter's "major.minor", or None if it does not run."""
    answer = _answered(python, _SHOW)
    return None if answer is None else str(answer["python"])


def _answered(python: Path, code: str, *arguments: str) -> dict[str, Any] | None:
    """Return what code says as JSON, or None where it is not run or says something else."""
    try:
        ended = subprocess.run(
            [python, "-I", "-c", code, *arguments],
            capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=True,
        )  # fmt: skip
        answer = json.loads(ended.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return answer if isinstance(answer, dict) else None


_LOOK = """
import json, sys
from importlib.util import find_spec
try:
    from importlib.metadata import distributions
    found = [(d.metadata["Name"] or "", d.version) for d in distributions()]
except ImportError:
    import pkg_resources
    found = [(d.project_name, d.version) for d in pkg_resources.working_set]
modules = [name for name in sys.argv[1:] if find_spec(name) is not None]
python = "%d.%d" % sys.version_info[:2]
print(json.dumps({"python": python, "modules": modules, "packages": sorted(found)}))
"""
# What may be imported under another name than it is installed by.
_VARIANTS = ("{}", "{}-cpu", "{}-gpu", "{}-cu80", "{}-cu90")


@dataclass(frozen=True)
class Installed:
    """What an interpreter has: the modules that were asked for, and all packages' versions.

    ``python`` is its own version, "major.minor".
    """

    path: Path
    python: str
    modules: frozenset[str]
    versions: Mapping[str, str]

    def version_of(self, module: str) -> str | None:
        """Return the version of what brings a module; None where that is not known."""
        names = (form.format(module) for form in _VARIANTS)
        return next((self.versions[name] for name in names if name in self.versions), None)


def installed_in(python: Path, modules: Iterable[str]) -> Installed | None:
    """Return what an interpreter has, of ``modules`` and of packages, or None if it does not run.

    Nothing is imported. Variables and folders of the user are left out, as they are of a job.
    """
    answer = _answered(python, _LOOK, *modules)
    if answer is None:
        return None
    versions = {name.lower(): version for name, version in answer["packages"]}
    return Installed(python, answer["python"], frozenset(answer["modules"]), versions)


def frozen_packages(python: Path) -> str | None:
    """Return an interpreter's packages and versions, a line each, or None if it does not run."""
    answer = _answered(python, _LOOK)
    if answer is None:
        return None
    return "".join(f"{name}=={version}\n" for name, version in answer["packages"])


def _candidates(version: str) -> Iterator[Path]:
    """Yield where such a Python may be: the search path, then pyenv's folder."""
    for folder in os.get_exec_path():
        for name in (f"python{version}", "python3"):
            yield Path(folder) / name
    pyenv = Path(os.environ.get("PYENV_ROOT") or (paths.home() or Path("/")) / ".pyenv")
    for folder_ in sorted((pyenv / "versions").glob(f"{version}.*"), reverse=True):
        yield folder_ / "bin" / f"python{version}"


def find_interpreter(versions: tuple[str, ...]) -> Path | None:
    """Return the first interpreter of one of ``versions`` ("3.6"), best version first."""
    for version in versions:
        for path in _candidates(version):
            if path.is_file() and interpreter_version(path) == version:
                return path.absolute()
    return None


# A library that ends the process takes those after it with it: what was found is said at once.
_LOAD = """
import ctypes, sys
for name in sys.argv[1:]:
    try:
        ctypes.CDLL(name)
    except OSError:
        continue
    print(name)
    sys.stdout.flush()
"""


def _loaded(libraries: Sequence[str], python: Path) -> set[str]:
    """Return which shared libraries the loader finds; asked in a process of its own."""
    try:
        ended = subprocess.run(
            [python, "-I", "-c", _LOAD, *libraries],
            capture_output=True, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return set()
    return set(ended.stdout.split())


def lacking(needs: LocalNeeds, device: Device, python: Path | None = None) -> list[str]:
    """Return the programs and libraries that a backend needs and that are not on this machine.

    ``python`` is the interpreter that will load them, if it is known: it may bring some.
    """
    missing = [name for name in needs.programs_for(device) if shutil.which(name) is None]
    libraries = needs.libraries_for(device)
    found = _loaded(libraries, python or Path(sys.executable)) if libraries else set()
    return missing + [name for name in libraries if name not in found]


def lacking_text(needs: LocalNeeds, missing: Sequence[str]) -> str:
    """Return what is missing in words, with the Debian packages that have it."""
    having = dict.fromkeys(needs.packages[name] for name in missing if name in needs.packages)
    packages = f" (Debian: {'; '.join(having)})" if having else ""
    return f"not on this machine: {', '.join(missing)}{packages}"
