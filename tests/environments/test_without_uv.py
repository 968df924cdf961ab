"""uv makes environments; where an interpreter is given, nothing asks for it."""

import subprocess
import sys

import pytest

from given_python import make_python
from runner import paths
from runner.errors import ExitCode

WITHOUT_UV = """
import sys

class NoUv:
    def find_spec(self, name, path=None, target=None):
        if name == "uv":
            raise ModuleNotFoundError("uv is not on this machine")

sys.meta_path.insert(0, NoUv())
from runner.cli.app import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("command", ["plan", "doctor"])
def test_jobs_in_a_given_interpreter_need_no_uv(tmp_path, command):
    """A machine with a framework and no network has none, and the program did not start."""
    model = ["--model", "mnist_mlp"] if command == "plan" else []
    what = ["--config", "jax-k3", *model, "--device", "cpu", "--launcher", "local"]
    python = make_python(tmp_path / "venv", keras="3.15.1", jax="0.10.2")
    given = ["--python", str(python), "--results", str(tmp_path), "--data", "synthetic"]
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_UV, command, *what, *given],
        cwd=paths.ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == ExitCode.OK, ended.stdout + ended.stderr
