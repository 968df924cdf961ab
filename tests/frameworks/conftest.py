"""Checks against real frameworks, each in a process of its configuration's own environment."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from local_environments import python_of
from runner.machine.interpreters import lacking
from runner.spec.configuration import Device, load_configurations

__all__ = ["python_of"]
HERE = Path(__file__).resolve().parent


@pytest.fixture
def run_in(python_of, tmp_path):
    """Return a function that runs a configuration's Python and gives the ended process."""

    def run(configuration, backend, *arguments):
        facts = load_configurations([configuration])[0].backends[backend]
        if missing := ", ".join(lacking(facts.local, Device.CPU)):
            pytest.skip(f"{backend} lacks {missing} on this machine")
        return subprocess.run(
            [python_of(configuration), *arguments],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path),  # a keras.json there would choose the backend
                "KERAS_BACKEND": backend,
                "PYTHONPATH": str(HERE.parent.parent),
            },
            capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip

    return run


@pytest.fixture
def check(run_in):
    """Return a function that runs a check of ``checks.py`` and gives what it found."""

    def run(configuration, backend, *arguments):
        done = run_in(configuration, backend, HERE / "checks.py", *arguments)
        assert done.returncode == 0, done.stderr
        # Frameworks print before it and after it.
        [found] = re.findall(r"^FOUND (.*)$", done.stdout, re.MULTILINE)
        return json.loads(found)

    return run
