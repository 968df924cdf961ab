"""Read a run into pandas and ask it three questions. Needs no engine and no GPU.

python examples/read_results.py [RUN]     (default: the run kept in results/measured)

Editors that know "# %%" show it as a notebook.
"""

# %% One row per epoch, with everything that is known of it.
from __future__ import annotations

import sys
from pathlib import Path

import runner

MEASURED = Path(__file__).resolve().parent.parent / "results" / "measured"
RUNS = sys.argv[1:] or [str(path) for path in sorted(MEASURED.iterdir()) if path.is_dir()][:1]

table = runner.load(*RUNS)
jobs = table.drop_duplicates(["run", "job"])
print(f"{len(table)} epochs of {len(jobs)} jobs: {jobs['status'].value_counts().to_dict()}")

# %% Which backend is fastest? Seconds per epoch after the first, a row per model.
summary = runner.summary(table)
seconds = summary.pivot_table(
    index="model", columns="backend", values="seconds_per_epoch", sort=False
)
print("\nSeconds per epoch\n", seconds.round(3).to_string(), sep="")
# The least figure is no answer: what can be told from so many processes is.
print("\n", runner.answer(table), sep="")

# %% Does a ratio of 2017 hold? Only ratios can be compared: the card was another.
ratios = summary[["model", "backend", "measured_ratio", "published_ratio"]]
known = ratios.dropna().query("backend != 'tensorflow'")
print("\nSeconds over TensorFlow's\n", known.round(2).to_string(index=False), sep="")

# %% Where does the time go besides training? Medians over the models, in seconds.
phases = ["start_seconds", "import_seconds", "build_seconds", "first_epoch_seconds"]
print("\n", jobs.groupby("backend")[phases].median().round(2).to_string(), sep="")

# %% Is the spread between repeats small enough to tell? Compare the run with itself, halved.
halves = [table[table["repeat"] % 2 == rest] for rest in (1, 0)]
if all(len(half) for half in halves):
    compared = runner.compare(*halves)
    print("\n", compared.cells[["model", "backend", "ratio", "verdict"]].to_string(), sep="")
else:
    print("\nOne repeat: nothing is known of the next process. Run with repeats=5 or more.")
