"""How long images take from nothing: each alone, and all at the same time."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from runner.machine.docker_engine import LABEL
from speed.calls import Call, took
from speed.containers import ROOT, build_options, has_engine
from speed.line import Line, Size

CONFIGURATIONS = ("theano-k208", "tf-cntk-k208", "mxnet-k122")
MOST_OF_SLOWEST = 1.15
_BEGIN = "FROM ${BASE_IMAGE}\n"


def _project(folder: Path) -> list[str]:
    """Make a project of recipes that no engine has built before, and return their names."""
    for name in ("runner", "models", "results/published", "docker/common"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    names = [f"{name}-cold" for name in CONFIGURATIONS]
    for name in names:
        shutil.copytree(ROOT / "docker" / name.removesuffix("-cold"), folder / "docker" / name)
        recipe = folder / "docker" / name / "Dockerfile"
        text = recipe.read_text()
        recipe.write_text(text.replace(_BEGIN, f"{_BEGIN}ENV COLD={uuid.uuid4()}\n", 1))
    return names


def _seconds(folder: Path, names: Sequence[str]) -> float:
    words = [sys.executable, "-m", "runner", "build", "--config", *names, "--device", "cpu",
             *build_options()]  # fmt: skip
    seconds = took(Call(words, folder)).wall
    for name in names:
        _remove(name)
    return seconds


def _remove(name: str) -> None:
    """Remove a configuration's images: each goes once what was built on it has gone."""
    count = len(found := _images(name))
    for _ in range(count):
        for image in found:
            subprocess.run(["docker", "rmi", "--force", image], capture_output=True, check=False)
        found = _images(name)
    if found:
        raise SystemExit(f"docker does not remove images of {name}: {found}")


def _images(name: str) -> list[str]:
    found = subprocess.run(["docker", "images", "--quiet", f"{LABEL}/{name}"],
                           capture_output=True, text=True, check=True)  # fmt: skip
    return list(dict.fromkeys(found.stdout.split()))


def builds(size: Size, folder: Path) -> Iterator[Line]:
    """Measure three builds alone and at the same time, all from nothing but their base.

    Packages come from the network, so that belongs to what is measured.
    """
    if not size.builds or not has_engine("builds"):
        return
    slowest, together = [], []
    for number in range(size.builds):
        alone = folder / f"alone{number}"
        slowest.append(max(_seconds(alone, [name]) for name in _project(alone)))
        beside = folder / f"together{number}"
        together.append(_seconds(beside, _project(beside)))
    reference = statistics.median(slowest)
    yield Line(
        "three cold images at the same time", statistics.median(together), "s",
        MOST_OF_SLOWEST * reference, reference, "the slowest of them alone",
    )  # fmt: skip
