"""Other benchmark runners: how each is installed, and how it is called to do next to nothing once.

Each gets an environment of its own below one folder, and is tried there before it is measured.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from speed.calls import Call, Words

PYPERF, BENCHOPT = "pyperf==2.11.0", "benchopt==1.10.0"
# Optimum-benchmark 0.6.0 imports a name that Transformers 5 no longer has.
OPTIMUM = "optimum-benchmark==0.6.0"
TORCH, TRANSFORMERS = "torch==2.13.0", "transformers==4.57.6"
# As in its requirements.txt, without what only plots, tests and downloads.
ANN_REQUIREMENTS = (
    "ansicolors==1.1.8", "docker==7.1.0", "h5py==3.13.0", "numpy==2.2.4", "psutil==7.0.0",
    "pyyaml==6.0.2", "scikit-learn==1.6.1",
)  # fmt: skip

_BENCHOPT_FILES = {
    "objective.py": """
from benchopt import BaseObjective

class Objective(BaseObjective):
    name = "Nothing"
    def set_data(self, nothing): self.nothing = nothing
    def get_objective(self): return {"nothing": self.nothing}
    def evaluate_result(self, nothing): return {"value": 0.0}
    def get_one_result(self): return {"nothing": 0}
""",
    "datasets/nothing.py": """
from benchopt import BaseDataset

class Dataset(BaseDataset):
    name = "Nothing"
    def get_data(self): return {"nothing": 0}
""",
    "solvers/nothing.py": """
from benchopt import BaseSolver

class Solver(BaseSolver):
    name = "Nothing"
    sampling_strategy = "run_once"
    def set_objective(self, nothing): self.nothing = nothing
    def run(self, _): pass
    def get_result(self): return {"nothing": 0}
""",
}

# The set of its own with the fewest queries, which it makes itself: one hundred, answered at once.
_ANN_DATA = "random-xs-16-hamming"
_ANN_FILES = {
    "nothing/config.yml": """
bit:
  hamming:
  - {name: nothing, module: nothing, constructor: Nothing, docker_tag: none,
     base_args: ['@metric'], run_groups: {once: {args: []}}}
""",
    "nothing/module.py": """
from ann_benchmarks.algorithms.base.module import BaseANN

class Nothing(BaseANN):
    name = "Nothing"
    def __init__(self, metric): pass
    def batch_query(self, queries, count): self.res = [[]] * len(queries)
""",
}
# Its worker ends where it finds its queue still empty, and the command with 0. What then did not
# run is called again, and what that takes is part of what it takes.
_UNTIL_MADE = 'rm -f "$0"; for n in 1 2 3 4 5 6 7 8 9; do "$@" || exit; [ -e "$0" ] && exit; done'

_OPTIMUM_MODEL = """
import sys
from transformers import BertConfig, BertForSequenceClassification
BertForSequenceClassification(BertConfig(
    vocab_size=2, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8,
    max_position_embeddings=2,
)).save_pretrained(sys.argv[1])
"""
# A process of its own, as ours: "inline" is for debugging, it says. With weights: to do without
# (no_weights) it asks the hub for the model, and refuses a folder.
_OPTIMUM_FILE = """
defaults: [benchmark, scenario: inference, launcher: process, backend: pytorch, _self_]
name: nothing
scenario:
  {iterations: 1, duration: 0, warmup_runs: 0, latency: true, memory: false, energy: false,
   input_shapes: {batch_size: 1, sequence_length: 1}}
backend:
  {device: cpu, no_weights: false, library: transformers, task: text-classification,
   model_type: bert, model: MODEL}
"""


class LeftOutError(Exception):
    """Why a runner is not measured, in one line."""


@dataclass(frozen=True)
class Place:
    """The folder below which they are installed, and what was given beside PyPI."""

    folder: Path
    wheels: Path | None
    ann_benchmarks: Path | None

    def installed(self, name: str, *packages: str) -> Path:
        """Return the programs' folder of an environment with these packages."""
        environment = self.folder / name
        uv = [str(Path(sys.executable).with_name("uv")), "--quiet", "--no-config"]
        links: Words = ["--find-links", self.wheels] if self.wheels else []
        python = environment / "bin" / "python"
        _done(Call([*uv, "venv", environment], self.folder))
        _done(Call([*uv, "pip", "install", "--python", python, *links, *packages], self.folder))
        return python.parent


def _done(call: Call) -> str:
    """Call a command that must succeed, and return what it printed."""
    try:
        found = subprocess.run(
            call.words, cwd=call.cwd, env={**os.environ, **call.environment}, check=False,
            text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
    except OSError as error:
        raise LeftOutError(str(error)) from error
    if found.returncode:
        lines = [line.strip() for line in found.stdout.splitlines() if line.strip()] or [
            "(nothing)"
        ]
        said = next((line for line in reversed(lines) if "rror" in line), lines[-1])
        raise LeftOutError(f"{call.words[0]} ended with {found.returncode} and said: {said}")
    return found.stdout


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def _title(package: str) -> str:
    return package.replace("==", " ")


def _pyperf(place: Place) -> dict[str, Call]:
    python = place.installed("pyperf", PYPERF) / "python"
    once = ["--processes", "1", "--values", "1", "--warmups", "0", "--loops", "1"]
    words: Words = [python, "-m", "pyperf", "command", *once, "--", sys.executable, "job.py"]
    return {_title(PYPERF): Call(words, place.folder)}


def _benchopt(place: Place) -> dict[str, Call]:
    programs, bench = place.installed("benchopt", BENCHOPT), place.folder / "nothing"
    _write(bench, _BENCHOPT_FILES)
    words: Words = [programs / "benchopt", "run", bench, "-r", "1", "-n", "1", "--no-plot"]
    call = Call(words, place.folder, {"PATH": f"{programs}:/usr/bin:/bin"})
    return {_title(BENCHOPT): call}


def _ann_benchmarks(place: Place) -> dict[str, Call]:
    if place.ann_benchmarks is None:
        raise LeftOutError(
            "it is on no package index; get a copy of github.com/erikbern/ann-benchmarks, "
            "and give --ann-benchmarks DIR"
        )
    copy, definitions = place.folder / "ann-benchmarks", place.folder / "ann-definitions"
    _done(Call(["git", "clone", "--quiet", place.ann_benchmarks.resolve(), copy], place.folder))
    commit = _done(Call(["git", "rev-parse", "--short", "HEAD"], copy)).strip()
    python = place.installed("ann-environment", *ANN_REQUIREMENTS) / "python"
    _done(Call([python, "create_dataset.py", "--dataset", _ANN_DATA], copy))
    _write(definitions, _ANN_FILES)
    made = copy / "results" / _ANN_DATA / "1" / "nothing-batch" / "hamming.hdf5"
    what: Words = ["--dataset", _ANN_DATA, "--definitions", definitions, "--algorithm", "nothing"]
    once = ["--local", "--batch", "--count", "1", "--runs", "1", "--force"]
    words: Words = ["sh", "-c", _UNTIL_MADE, made, python, "run.py", *what, *once]
    return {f"ann-benchmarks {commit}": Call(words, copy, {"PYTHONPATH": str(definitions)})}


def _optimum_benchmark(place: Place) -> dict[str, Call]:
    programs = place.installed("optimum-benchmark", OPTIMUM, TORCH, TRANSFORMERS)
    bench = place.folder / "optimum"
    offline = {
        "HF_HOME": str(place.folder / "hub"), "HF_HUB_OFFLINE": "1",
        "OVERRIDE_BENCHMARKS": "1",  # else it ends at once where it finds a report
    }  # fmt: skip
    _write(bench, {"nothing.yaml": _OPTIMUM_FILE.replace("MODEL", str(bench / "model"))})
    _done(Call([programs / "python", "-c", _OPTIMUM_MODEL, bench / "model"], bench, offline))
    words: Words = [
        programs / "optimum-benchmark",
        "--config-dir",
        bench,
        "--config-name",
        "nothing",
    ]
    imports: Words = [programs / "python", "-c", "import torch, transformers"]
    return {
        f"{_title(OPTIMUM)}, with PyTorch and a model loaded": Call(words, bench, offline),
        "no runner: its interpreter importing torch and transformers": Call(
            imports, bench, offline
        ),
    }


_RUNNERS: Mapping[str, Callable[[Place], dict[str, Call]]] = {
    "pyperf": _pyperf,
    "benchopt": _benchopt,
    "ann-benchmarks": _ann_benchmarks,
    "optimum-benchmark": _optimum_benchmark,
}


def others(place: Place) -> dict[str, Call]:
    """Install and try all of them; say in a line of each that cannot be measured why it is not."""
    calls: dict[str, Call] = {}
    for name, make in _RUNNERS.items():
        try:
            made = make(place)
            for call in made.values():
                _done(call)
        except LeftOutError as error:
            print(f"left out: {name}: {error}")
        else:
            calls |= made
    return calls
