"""How long images take from nothing: each alone, and all at the same time."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from runner.machine.docker_engine import LABEL
from speed.calls import Call, took
from speed.containers import ROOT, build_options, has_engine
from speed.line import Line, Size

CONFIGURATIONS = ("theano-k208", "tf-cntk-k208", "mxnet-k122")
MOST = 1.15
_BEGIN = "FROM ${BASE_IMAGE}\n"


@dataclass(frozen=True)
class Built:
    """What builds took: seconds, and the processors' seconds of the whole machine meanwhile."""

    seconds: float
    busy: float


def _busy() -> float:
    """Return the seconds that this machine's processors have worked since it started."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - times.iowait - times.steal - times.guest - times.guest_nice


def _project(folder: Path, chosen: Sequence[str]) -> list[str]:
    """Make a project of recipes that no engine has built before, and return their names.

    What they have in common was not built before either.
    """
    mark = f"ENV COLD={uuid.uuid4()}\n"
    for name in ("runner", "models", "results/published", "docker/common"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    names = [f"{name}-cold" for name in chosen]
    for name in names:
        shutil.copytree(ROOT / "docker" / name.removesuffix("-cold"), folder / "docker" / name)
        recipe = folder / "docker" / name / "Dockerfile"
        text = recipe.read_text()
        recipe.write_text(text.replace(_BEGIN, f"{_BEGIN}{mark}", 1))
    return names


def _build(folder: Path, chosen: Sequence[str]) -> Built:
    names = _project(folder, chosen)
    words = [sys.executable, "-m", "runner", "build", "--config", *names, "--device", "cpu",
             *build_options()]  # fmt: skip
    before = _busy()
    seconds = took(Call(words, folder)).wall
    built = Built(seconds, _busy() - before)
    for name in names:
        _remove(name)
    return built


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

    Packages come from the network, so that belongs to what is measured. Where there is no core for
    each, the slowest alone cannot be met: then all their work, spread evenly over the cores, is
    what they are measured by.
    """
    if not size.builds or not has_engine("builds"):
        return
    least, together = [], []
    for number in range(size.builds):
        alone = [_build(folder / f"{name}{number}", [name]) for name in CONFIGURATIONS]
        slowest = max(one.seconds for one in alone)
        spread = sum(one.busy for one in alone) / len(os.sched_getaffinity(0))
        print(f"builds: the slowest alone {slowest:.1f} s, their work on all cores {spread:.1f} s",
              file=sys.stderr)  # fmt: skip
        least.append(max(slowest, spread))
        together.append(_build(folder / f"together{number}", CONFIGURATIONS).seconds)
    reference = statistics.median(least)
    yield Line(
        "three cold images at the same time", statistics.median(together), "s",
        MOST * reference, reference, "the slowest alone, or all their work on these cores",
    )  # fmt: skip
