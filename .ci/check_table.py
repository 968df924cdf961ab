"""Fail unless a run of the published comparison filled every cell, and filled it rightly."""

import sys

from runner.spec.study import choose_workloads
from runner.spec.workload import WORKLOADS
from runner.tables.load import load_runs
from runner.tables.per_cell import summarize

table = load_runs(sys.argv[1])
summary = summarize(table)
problems = [
    f"{row['backend']} {row['model']}: {row['status']}: {row['reason']}"
    for _, row in summary.iterrows()
    if row["status"] != "ok" or not row["seconds_per_epoch"] > 0
]
cells = set(zip(summary["backend"], summary["model"], strict=True))
published = [workload.name for workload in choose_workloads([])]
wanted = {(b, m) for b in ("tensorflow", "cntk", "theano", "mxnet") for m in published}
problems += [f"{backend} {model}: no cell" for backend, model in sorted(wanted - cells)]
for model, found in table.groupby("model")["parameters"].unique().items():
    if found.tolist() != [WORKLOADS[model].parameters]:
        problems.append(f"{model}: parameters {found.tolist()}")
for column in ("image_digest", "lock_sha256", "data_sha256", "keras_version", "backend_version"):
    if table[column].isna().any():
        problems.append(f"column {column} has gaps")
print("\n".join(problems) or f"all {len(cells)} cells are filled and their parameters right")
sys.exit(bool(problems))
