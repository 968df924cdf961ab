"""A real Slurm of two nodes, and a project whose jobs train in a moment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine_fixtures import cannot
from given_python import make_python
from made_project import MODELS, NAME, make
from real_slurm import Cluster, cluster_in, lacking
from runner.tables.load import load_runs

_NOT_OURS = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "DOCKER_HOST")
# A second queue whose tasks take the nodes of the first one's.
_QUEUES = """
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=urgent Nodes=ALL MaxTime=60 State=UP PriorityTier=10 PreemptMode=OFF
"""


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    if missing := lacking():
        cannot(f"no Slurm: {', '.join(missing)} not installed")
    if os.geteuid():
        cannot("a Slurm of one's own needs root")
    folder = tmp_path_factory.mktemp("slurm")
    # munged trusts no socket below a folder that others cannot pass through.
    for parent in (folder, *folder.parents[:3]):
        parent.chmod(parent.stat().st_mode | 0o055)
    with cluster_in(folder, _QUEUES) as cluster:
        yield cluster


@dataclass
class Bench:
    """A project with jobs of a moment, on the cluster."""

    root: Path
    environment: dict[str, str]
    python: Path
    slurm: Cluster

    def call(self, *arguments, timeout=240):
        """Call the command to its end; return its exit code and what it printed."""
        told = subprocess.run(
            [sys.executable, "-m", "runner", *arguments, "--results", self.root / "runs"],
            cwd=self.root, env=self.environment, timeout=timeout, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return told.returncode, told.stdout

    def asked(self, *more, epochs=3):
        return (
            "--launcher", "slurm", "--python", str(self.python), "--device", "cpu",
            "--config", NAME, "--model", *MODELS, "--data", "synthetic", "--samples", "8",
            "--epochs", str(epochs), "--name", "night", *more,
        )  # fmt: skip

    def start(self, *arguments):
        """Begin the command, in a session of its own."""
        with (self.root / "output.txt").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "runner", *arguments, "--results", self.root / "runs"],
                cwd=self.root, env=self.environment, stdout=output, stderr=output,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip

    @property
    def folder(self):
        return self.root / "runs" / "night"

    def records(self):
        return {
            path.parent.name: json.loads(path.read_text())
            for path in sorted(self.folder.glob("jobs/*/record.json"))
        }

    def running(self):
        """Return the names of the jobs that have made their model and have not ended."""
        return [
            path.parent.name
            for path in self.folder.glob("jobs/*/events.jsonl")
            if b'"model"' in path.read_bytes() and not (path.parent / "record.json").exists()
        ]

    def rows(self):
        return load_runs(self.folder)


@pytest.fixture
def bench(slurm, tmp_path):
    make(tmp_path)
    python = make_python(tmp_path / "venv", keras="1.0", mxnet="1.0")
    plain = {name: value for name, value in os.environ.items() if name not in _NOT_OURS}
    environment = {
        **plain,
        **slurm.environment,
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "TMPDIR": str(tmp_path / "tmp"),
    }
    (tmp_path / "tmp").mkdir()
    slurm.wait_until_idle()
    yield Bench(tmp_path, environment, python, slurm)
    slurm.run("scancel", "--user=root", check=False)
