"""Checks against real frameworks; each runs in a process of its own and skips without them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent


@pytest.fixture
def check(tmpdir):
    """Return a function that runs a check of ``checks.py`` and gives what it found."""

    def run(backend, *arguments):
        command = [sys.executable, str(HERE / "checks.py"), *arguments]
        paths = [str(HERE.parent.parent), *sys.path]
        process = subprocess.Popen(
            command,
            env=dict(
                os.environ,
                HOME=str(tmpdir),  # a keras.json there would choose the backend
                KERAS_BACKEND=backend,
                PYTHONPATH=os.pathsep.join(paths),
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, log = process.communicate()
        assert process.returncode == 0, log.decode(errors="replace")
        return json.loads(out.decode().splitlines()[-1])

    return run
