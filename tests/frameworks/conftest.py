"""Checks against real frameworks, each in a process of its configuration's own environment."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from local_environments import python_of

HERE = Path(__file__).resolve().parent


@pytest.fixture
def check(tmp_path):
    """Return a function that runs a check of ``checks.py`` and gives what it found."""

    def run(configuration, backend, *arguments):
        done = subprocess.run(
            [python_of(configuration), HERE / "checks.py", *arguments],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path),  # a keras.json there would choose the backend
                "KERAS_BACKEND": backend,
                "PYTHONPATH": str(HERE.parent.parent),
            },
            capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run
