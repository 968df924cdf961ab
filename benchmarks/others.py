"""What other runners take for a job that does nothing, beside ours and the bare process.

Installs each from PyPI into an environment of its own below --folder, and calls them in turns: one
job, one repetition, nothing drawn. Prints seconds and CPU seconds beyond the bare process.

    python benchmarks/others.py --rounds 15

Not here: ann-benchmarks is on no package index, and optimum-benchmark runs no job without a model
of a framework, which takes longer to load than all of this.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from speed.calls import Call, Took, in_turns
from speed.commands import Bench

PYPERF, BENCHOPT = "pyperf==2.11.0", "benchopt==1.10.0"
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


def _installed(folder: Path, package: str) -> Path:
    """Return the programs' folder of an environment with one package."""
    environment = folder / package.partition("=")[0]
    uv = [str(Path(sys.executable).with_name("uv")), "--quiet", "--no-config"]
    subprocess.run([*uv, "venv", environment], check=True)
    python = environment / "bin" / "python"
    subprocess.run([*uv, "pip", "install", "--python", python, package], check=True)
    return python.parent


def _benchopt(folder: Path) -> Call:
    programs, bench = _installed(folder, BENCHOPT), folder / "nothing"
    for name, text in _BENCHOPT_FILES.items():
        (bench / name).parent.mkdir(parents=True, exist_ok=True)
        (bench / name).write_text(text)
    return Call(
        [programs / "benchopt", "run", bench, "-r", "1", "-n", "1", "--no-plot"], folder,
        {"PATH": f"{programs}:/usr/bin:/bin"},
    )  # fmt: skip


def _pyperf(folder: Path, job: Path) -> Call:
    once = ["--processes", "1", "--values", "1", "--warmups", "0", "--loops", "1"]
    python = _installed(folder, PYPERF) / "python"
    return Call([python, "-m", "pyperf", "command", *once, "--", sys.executable, job], folder)


def _row(name: str, found: Took, bare: Took) -> str:
    return f"| {name} | {found.wall - bare.wall:.2f} s | {found.cpu - bare.cpu:.2f} s |"


def main() -> None:
    """Install, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--folder", type=Path, help="Where they are installed, and kept.")
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="others-"))
    job = folder / "job.py"
    job.write_text("")
    ours = Bench(folder / "ours")
    calls = {
        "bare": Call([sys.executable, job], folder),
        "this runner": ours.run(1),
        PYPERF.replace("==", " "): _pyperf(folder, job),
        BENCHOPT.replace("==", " "): _benchopt(folder),
    }
    found = in_turns(calls, asked.rounds)
    bare = found.pop("bare")
    print(f"the bare process: {bare.wall:.3f} s\n")
    print("| runner | beyond the bare process | of processors |\n| --- | --- | --- |")
    for name, took in found.items():
        print(_row(name, took, bare))


if __name__ == "__main__":
    main()
