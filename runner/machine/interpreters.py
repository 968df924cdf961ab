"""Finding a Python of a wanted version on this machine."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from runner import paths

_SHOW = "import sys; print('%d.%d' % sys.version_info[:2])"


def interpreter_version(python: Path) -> str | None:
    """Return an interpreter's "major.minor", or None if it does not run."""
    try:
        ended = subprocess.run(
            [python, "-I", "-c", _SHOW], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = ended.stdout.strip()
    return said if ended.returncode == 0 and re.fullmatch(r"\d+\.\d+", said) else None


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
