"""What other runners take for a job that does nothing, beside ours and the bare process.

Installs each from PyPI into an environment of its own below --folder, and calls them in turns: one
job, one repetition, nothing drawn. Prints seconds and CPU seconds beyond the bare process.

    python benchmarks/others.py --rounds 15 --ann-benchmarks DIR --wheels DIR

ann-benchmarks is on no package index: without a copy of its repository it is left out. A runner
that cannot be installed, or fails when tried, is left out too, and a line says why.

optimum-benchmark runs no job without a model of a framework: both of its processes load PyTorch
and Transformers, and one a model of one layer. What it takes to import the two once stands below.

Not here: what the runners do for their time. Each does something else.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from other_runners import Place, others
from speed.calls import Call, Took, in_turns
from speed.commands import Bench


def _row(name: str, found: Took, bare: Took) -> str:
    return f"| {name} | {found.wall - bare.wall:.2f} s | {found.cpu - bare.cpu:.2f} s |"


def main() -> None:
    """Install, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--folder", type=Path, help="Where they are installed, and kept.")
    parser.add_argument(
        "--ann-benchmarks", type=Path, metavar="DIR",
        help="A checkout or git directory of github.com/erikbern/ann-benchmarks.",
    )  # fmt: skip
    parser.add_argument(
        "--wheels", type=Path, metavar="DIR",
        help="Wheels to take beside those of PyPI, such as PyTorch's for the CPU: PyPI's has CUDA.",
    )  # fmt: skip
    asked = parser.parse_args()
    # Else whoever comes without bytecode, as what uv installs does, compiles anew in every call.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    folder = (asked.folder or Path(tempfile.mkdtemp(prefix="others-"))).resolve()
    job = folder / "job.py"
    job.write_text("")
    calls = {
        "bare": Call([sys.executable, job], folder),
        "this runner": Bench(folder / "ours").run(1),
        **others(Place(folder, asked.wheels and asked.wheels.resolve(), asked.ann_benchmarks)),
    }
    found = in_turns(calls, asked.rounds)
    bare = found.pop("bare")
    print(f"the bare process: {bare.wall:.3f} s\n")
    print("| runner | beyond the bare process | of processors |\n| --- | --- | --- |")
    for name, took in found.items():
        print(_row(name, took, bare))


if __name__ == "__main__":
    main()
