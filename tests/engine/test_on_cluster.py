"""Runs through a real Slurm beside runs here, and containers on its nodes.

They use the engine, or hold the lock of this machine's CPUs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from made_project import MODELS, NAME, behave
from real_slurm import NODES
from runner import paths
from runner.errors import ExitCode
from runner.spec.job import Status
from runner.tables.load import load_runs
from runner.tables.per_cell import summarize
from waiting import appears

OF_A_CELL = ["model", "configuration", "backend", "device", "settings", "repeats", "epochs"]


def test_two_nodes_work_at_once_and_fill_the_table_that_the_local_launcher_fills(cluster):
    code, said = cluster.call(*cluster.asked("--repeats", "3"))
    assert code == ExitCode.OK, said
    records = cluster.records()
    assert {record["status"] for record in records.values()} == {Status.OK}
    assert {record["identity"]["node"] for record in records.values()} == set(NODES)
    spans: dict[str, list[tuple[float, float]]] = {node: [] for node in NODES}
    for record in records.values():
        began = datetime.fromisoformat(record["started"]).timestamp()
        spans[record["identity"]["node"]].append((began, began + record["wall_seconds"]))
    for own in spans.values():
        assert all(a[1] <= b[0] + 0.01 for a, b in pairwise(sorted(own)))
    assert any(a[0] < b[1] and b[0] < a[1] for a in spans[NODES[0]] for b in spans[NODES[1]]), spans
    assert "Seconds per epoch" in said
    assert said.count(": ok in") == len(records) == 3 * len(MODELS)
    local = ("--launcher", "local", "--python", str(cluster.python), "--device", "cpu", "--config",
             NAME, "--model", *MODELS, "--data", "synthetic", "--samples", "8", "--epochs", "3",
             "--repeats", "3", "--threads", "1", "--name", "here", "--wait", "290")  # fmt: skip
    code, said = cluster.call(*local)
    assert code == ExitCode.OK, said
    on_cluster = summarize(cluster.rows())[OF_A_CELL]
    assert on_cluster.equals(summarize(load_runs(cluster.root / "runs" / "here"))[OF_A_CELL])


def test_jax_trains_on_both_nodes_and_gives_the_cells_that_it_gives_here(
    slurm, python_of, tmp_path
):
    python_of("jax-k3")
    asked = [sys.executable, "-m", "runner", "--config", "jax-k3", "--model", "mnist_mlp",
             "--device", "cpu", "--data", "synthetic", "--samples", "128", "--epochs", "2",
             "--repeats", "2", "--threads", "1", "--results", tmp_path]  # fmt: skip
    environment = {n: v for n, v in os.environ.items() if n != "DOCKER_HOST"} | slurm.environment
    cells = []
    for launcher in (["slurm", "--inside", "local"], ["local", "--wait", "290"]):
        told = subprocess.run(
            [*asked, "--launcher", *launcher, "--name", launcher[0]], cwd=paths.ROOT, check=False,
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=290,
        )  # fmt: skip
        assert told.returncode == ExitCode.OK, told.stdout
        cells.append(summarize(load_runs(tmp_path / launcher[0]))[OF_A_CELL])
    assert cells[0].equals(cells[1])
    assert set(load_runs(tmp_path / "slurm")["node"]) == set(NODES)


def test_a_container_ends_with_its_task_and_one_that_was_left_goes_at_the_next(
    cluster, engine, base_image
):
    """The engine's daemon started it: Slurm does not know it."""

    def containers():
        label = "keras-backend-benchmarks.run=night"
        return engine.client.containers.list(all=True, filters={"label": label})

    named = {name: value for name, value in os.environ.items() if name == "DOCKER_HOST"}
    cluster.environment |= named
    behave(cluster.root, mnist_mlp="hangs")
    asked = [
        *cluster.asked("--inside", "docker", "--base-image", base_image, "--model", "mnist_mlp")
    ]
    where = asked.index("--python")
    del asked[where : where + 2]
    where = asked.index("mnist_cnn")
    del asked[where]
    code, said = cluster.call(*asked, "--detach")
    assert code == ExitCode.OK, said
    appears(lambda: len(cluster.running()) == 1)
    assert len(containers()) == 1
    assert cluster.call("cancel", "night")[0] == ExitCode.OK
    appears(lambda: not containers())
    assert cluster.call("collect", "night")[0] == ExitCode.JOBS_NOT_OK
    assert cluster.call("--resume", "night", "--detach")[0] == ExitCode.OK
    appears(lambda: len(cluster.running()) == 1)
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if b"work" in (words := path.read_bytes().split(b"\0")) and (
                str(cluster.folder).encode() in words
            ):
                os.kill(int(path.parent.name), signal.SIGKILL)
    code, said = cluster.call("collect", "night")
    assert code == ExitCode.JOBS_NOT_OK, said
    [left] = containers()
    assert cluster.call("--resume", "night", "--retry", "failed", "--detach")[0] == ExitCode.OK
    appears(lambda: len(cluster.running()) == 1)
    [own] = containers()
    assert own.id != left.id
    assert cluster.call("cancel", "night")[0] == ExitCode.OK
    appears(lambda: not containers())
