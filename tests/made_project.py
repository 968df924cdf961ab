"""A whole project of a test's own whose one configuration trains in a moment, by a stand-in job."""

import json
import shutil
from pathlib import Path

from made_configuration import CONFIG
from runner import paths
from runner.spec.workload import WORKLOADS

NAME = "fault-k1"
MODELS = ("mnist_mlp", "mnist_cnn")
JOB = Path(__file__).parent / "faults" / "job"
# No RUN: an engine without a network can build it.
DOCKERFILE = """
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
COPY models /opt/bench/models
ENV PYTHONPATH=/opt/bench HOME=/tmp
WORKDIR /opt/bench
ENTRYPOINT ["python3", "-m", "models"]
"""
_no_caches = shutil.ignore_patterns("__pycache__")


def make(root: Path, pace: float | None = None) -> Path:
    """Make the project under ``root`` and return its folder; an epoch takes ``pace`` seconds."""
    shutil.copytree(paths.ROOT / "runner", root / "runner", ignore=_no_caches)
    shutil.copytree(paths.CONFIGURATIONS / "common", root / "docker" / "common")
    shutil.copytree(paths.PUBLISHED, root / "results" / "published")
    folder = root / "docker" / NAME
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(CONFIG)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    for device in ("cpu", "gpu"):
        (folder / f"{device}.lock").write_text("")
    models = root / "models"
    shutil.copytree(JOB, models, ignore=_no_caches)
    for path in paths.MODELS.rglob("*.json"):
        to = models / path.relative_to(paths.MODELS)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, to)
    counts = {name: workload.parameters for name, workload in WORKLOADS.items()}
    (models / "parameters.json").write_text(json.dumps(counts))
    if pace is not None:
        (models / "pace").write_text(json.dumps(pace))
    return root


def behave(root: Path, **behaviour: str) -> None:
    """Let the jobs of some models behave in a way of their own."""
    (root / "models" / "behaviour").write_text(json.dumps(behaviour))
