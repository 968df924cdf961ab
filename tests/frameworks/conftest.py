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


@pytest.fixture(scope="session")
def made_checks():
    """Keep what came of checks: to import a framework takes longer than most of them."""
    return {}


@pytest.fixture
def check(run_in, made_checks):
    """Return a function that gives what a check of ``checks.py`` found.

    With it, in one process, it makes the same check with others' arguments; what came of a check
    is kept for whoever asks for the same.
    """

    def run(configuration, backend, *asked, others=()):
        where = (configuration, backend)
        if (where, asked) not in made_checks:
            every = list(dict.fromkeys([asked, *((asked[0], *more) for more in others)]))
            done = run_in(*where, HERE / "checks.py", json.dumps(every))
            lines = re.findall(r"^(FOUND|FAILED) (.*)$", done.stdout, re.MULTILINE)
            assert (done.returncode, len(lines)) == (0, len(every)), done.stderr
            for one, (outcome, said) in zip(every, lines, strict=True):
                made_checks[where, one] = (outcome, json.loads(said))
        outcome, found = made_checks[where, asked]
        assert outcome == "FOUND", found
        return found

    return run
