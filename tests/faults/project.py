"""A whole project of its own whose one configuration trains in a moment, driven by its command.

Everything is the real thing but the code inside the job: the command line, the store, the engine.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from made_project import MODELS, NAME
from runner.spec.job import Status
from runner.store.find import list_resumable_runs

EPOCHS = 3


@dataclass
class Project:
    """The project, and how its command is called."""

    root: Path
    engine_url: str
    base_image: str
    repeats: int = 3

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command on the project's runs in a process group of its own."""
        return self.call(*arguments, "--results", str(self.runs))

    def call(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start any command in a process group of its own."""
        command = [sys.executable, "-m", "runner", *arguments]
        with (self.root / "output.txt").open("ab") as output:
            return subprocess.Popen(
                command, cwd=self.root, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={**os.environ, **self._environment()}, start_new_session=True,
            )  # fmt: skip

    def _environment(self) -> dict[str, str]:
        return {"DOCKER_HOST": self.engine_url, "TMPDIR": str(self.root / "tmp")}

    def begin(self, *more: str) -> subprocess.Popen[bytes]:
        """Start a run of all its jobs."""
        return self.start(
            "--config", NAME, "--device", "cpu", "--launcher", "docker", "--model", *MODELS,
            "--epochs", str(EPOCHS), "--samples", "8", "--repeats", str(self.repeats),
            "--data", "synthetic", "--base-image", self.base_image, "--wait", "600", *more,
        )  # fmt: skip

    def go_on(self, run: str = "latest", *more: str) -> subprocess.Popen[bytes]:
        """Start a session that resumes a run."""
        return self.start("--resume", run, "--wait", "600", *more)

    def output(self) -> str:
        return (self.root / "output.txt").read_text(errors="replace")

    def run_folder(self) -> Path | None:
        """Return the newest run's folder, if one was begun."""
        found = list_resumable_runs(self.runs) if self.runs.exists() else []
        return found[-1] if found else None

    @property
    def planned(self) -> int:
        return len(MODELS) * self.repeats


def finished(folder: Path | None) -> dict[str, bytes]:
    """Return what is on disk of every job that has ended well, by the path of the file."""
    if folder is None:
        return {}
    kept = {}
    for record in folder.glob("jobs/*/record.json"):
        if json.loads(record.read_text())["status"] == Status.OK:
            for path in sorted(record.parent.iterdir()):
                kept[str(path.relative_to(folder))] = path.read_bytes()
    return kept


def wait(process: subprocess.Popen[bytes], seconds: float = 240) -> int:
    """Return a command's exit code; kill it and fail if it does not end."""
    try:
        return process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise


def appears(condition, seconds: float = 60, step: float = 0.05):
    """Wait until a condition gives something, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(step)
    return found
