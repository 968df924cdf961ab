"""Nothing heavy is loaded before the first job starts, and a command ends at once."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from given_python import make_python
from made_project import NAME, make
from runner.errors import ExitCode

HEAVY = ("pandas", "numpy", "pyarrow", "scipy", "docker", "requests", "jinja2")
# The program, that tells what is loaded when a job's process is asked for.
TELLING = f"""
import sys
sys.path.insert(0, ".")
from runner.launchers import local
start = local.LocalProcess.__init__
def told(*given, **named):
    print("LOADED", [name for name in {HEAVY} if name in sys.modules])
    return start(*given, **named)
local.LocalProcess.__init__ = told
from runner.cli.app import entry
entry()
"""


@pytest.fixture
def project(tmp_path):
    make(tmp_path, pace=0.0)
    python = make_python(tmp_path / "venv", keras="1.0", mxnet="1.0")
    asked = [
        "--config", NAME, "--model", "mnist_mlp", "--data", "synthetic", "--device", "cpu",
        "--launcher", "local", "--python", str(python), "--samples", "8", "--epochs", "2",
        "--wait", "240",  # for the CPUs, which a test of another part may hold
    ]  # fmt: skip

    def call(code, *arguments):
        return subprocess.run(
            [sys.executable, "-c", code, *asked, *arguments], cwd=tmp_path, text=True, check=False,
            env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}, capture_output=True,
        )  # fmt: skip

    return call


@pytest.mark.parametrize("style", [[], ["--quiet"], ["--json"]])
def test_nothing_heavy_is_loaded_before_the_first_job(project, style):
    ended = project(TELLING, *style)
    assert ended.returncode == ExitCode.OK, ended.stderr
    assert "LOADED []" in ended.stdout.splitlines()


def test_what_a_command_wrote_and_its_code_survive_its_end(project):
    code = "import sys; sys.path.insert(0, '.')\nfrom runner.cli.app import entry\nentry()"
    assert "files: " in project(code).stdout.splitlines()[-1]
    wrong = project(code, "--epochs", "0")
    assert wrong.returncode == ExitCode.USAGE
    assert "--epochs" in wrong.stderr


def test_what_libraries_leave_for_the_end_is_done(project):
    code = (
        "import atexit, sys, threading, time; sys.path.insert(0, '.')\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "ThreadPoolExecutor().submit(int)  # never told to end\n"
        "from runner.cli.app import entry\n"
        "atexit.register(print, 'at exit', flush=True)\n"
        "late = lambda: (time.sleep(0.5), print('a thread', flush=True))\n"
        "threading.Thread(target=late).start()\n"
        "sys.argv = ['runner', '--version']\n"
        "entry()"
    )
    assert project(code).stdout.splitlines()[-2:] == ["a thread", "at exit"]
