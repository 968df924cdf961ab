"""Several cards, one job at a time on each: by the command, below it a stand-in of the driver."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from given_python import make_python
from made_project import MODELS, NAME, behave, make
from runner.errors import ExitCode
from runner.spec.job import Status
from runner.tables.load import load_runs
from runner.tables.per_cell import summarize

pytestmark = pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2, reason="two cards need a CPU each, and there is one"
)


@dataclass
class Bench:
    """A project with jobs that sleep for a second, on a machine with two cards."""

    root: Path
    environment: dict[str, str]
    python: Path
    cards: tuple[str, ...]

    def driver(self, **said):
        """Let the driver show the cards, and say of them what is given."""
        uuids = {f"uuid{number}": card for number, card in enumerate(self.cards)}
        lines = [f"{key}={value}" for key, value in {"count": 2, **uuids, **said}.items()]
        (self.root / "answers").write_text("\n".join(lines) + "\n")

    def start(self, *arguments):
        with (self.root / "output.txt").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "runner", *arguments, "--results", self.root / "runs"],
                cwd=self.root, env=self.environment, stdout=output, stderr=output,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip

    def begin(self, *more, epochs=7):
        return self.start(
            "--config", NAME, "--model", *MODELS, "--launcher", "local", "--python", self.python,
            "--device", "gpu", "--data", "synthetic", "--samples", "8", "--epochs", str(epochs),
            *more,
        )  # fmt: skip

    def ends(self, process):
        """Return a command's exit code and all that was printed so far."""
        try:
            code = process.wait(timeout=120)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        return code, (self.root / "output.txt").read_text()

    @property
    def folder(self):
        """Return the one run's folder."""
        [found] = (self.root / "runs").iterdir()
        return found

    def records(self):
        """Return what is on record of each job that ended, with what it saw of the machine."""
        found = {}
        for path in sorted(self.folder.glob("jobs/*/record.json")):
            seen = (path.parent / "log.txt").read_text().partition("\n")[0]
            found[path.parent.name] = {**json.loads(path.read_text()), **json.loads(seen)}
        return found

    def running(self):
        """Return the streams of the jobs that have made their model and have not ended."""
        return [
            path
            for path in (self.root / "runs").glob("*/jobs/*/events.jsonl")
            if b'"model"' in path.read_bytes() and not (path.parent / "record.json").exists()
        ]


@pytest.fixture
def bench(libraries, tmp_path):
    make(tmp_path)
    python = make_python(tmp_path / "venv", keras="1.0", mxnet="1.0")
    hiding = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "SLURM_STEP_GPUS", "SLURM_JOB_GPUS")
    environment = {name: value for name, value in os.environ.items() if name not in hiding} | {
        "NVML_ANSWERS": str(tmp_path / "answers"),
        "LD_LIBRARY_PATH": str(libraries["current"].parent),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "TMPDIR": str(tmp_path / "tmp"),
    }
    (tmp_path / "tmp").mkdir()
    # Of its own: the locks of the cards are the machine's.
    cards = tuple(f"GPU-{uuid.uuid4()}" for _ in range(2))
    made = Bench(tmp_path, environment, python, cards)
    made.driver()
    return made


def appears(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


def spans(records):
    """Return from when to when each job ran, and on which card."""
    for record in records.values():
        began = datetime.fromisoformat(record["started"]).timestamp()
        yield began, began + record["wall_seconds"], record["device_uuid"]


def assert_one_job_a_card(bench, records):
    for record in records.values():
        assert record["card"] == record["device_uuid"]
        assert record["device_uuid"] in bench.cards
    for card in bench.cards:
        own = sorted(span for span in spans(records) if span[2] == card)
        assert own, f"no job on {card}"
        assert all(a[1] <= b[0] + 0.01 for a, b in pairwise(own))


def test_all_cards_run_a_job_each_at_the_same_time(bench):
    code, said = bench.ends(bench.begin("--gpu", "all", "--repeats", "3"))
    assert code == ExitCode.OK, said
    records = bench.records()
    assert len(records) == 3 * len(MODELS)
    assert {record["status"] for record in records.values()} == {Status.OK}
    assert_one_job_a_card(bench, records)
    times = list(spans(records))
    together = max(end for _, end, _ in times) - min(began for began, _, _ in times)
    assert together < 0.75 * sum(end - began for began, end, _ in times), said
    told = json.loads((bench.folder / "manifest.json").read_text())["side_by_side"]
    assert 0.15 <= told["alone_seconds"] < 1
    assert len(told["beside_seconds"]) == 2
    ratio = max(told["beside_seconds"]) / told["alone_seconds"]
    assert f"with a job on each of 2 cards, {ratio:.2f} times as long" in " ".join(said.split())
    # Each card's jobs are kept to CPUs of their own.
    cpus = {card: {tuple(r["cpus"]) for r in records.values() if r["card"] == card}
            for card in bench.cards}  # fmt: skip
    first, second = ({cpu for seen in cpus[card] for cpu in seen} for card in bench.cards)
    assert first.isdisjoint(second)
    assert len(first) == len(second) == len(os.sched_getaffinity(0)) // 2
    rows = load_runs(bench.folder)
    assert not rows.duplicated(["job", "epoch"]).any()
    assert rows.groupby("job")["epoch"].count().tolist() == [7] * len(records)
    assert set(rows["threads"]) == {str(len(first))}
    cells = summarize(rows)
    assert len(cells) == len(MODELS)
    assert cells["repeats"].tolist() == [3] * len(MODELS)


def test_a_run_that_was_killed_goes_on_with_both_cards_and_loses_nothing(bench):
    process = bench.begin("--gpu", ",".join(bench.cards), "--repeats", "3")
    appears(lambda: len(bench.running()) == 2 and len(bench.records()) >= 2)
    process.kill()
    process.wait()
    before = {name: json.dumps(record) for name, record in bench.records().items()}
    code, said = bench.ends(bench.start("--resume", "latest"))
    assert code == ExitCode.OK, said
    records = bench.records()
    assert before.items() <= {name: json.dumps(record) for name, record in records.items()}.items()
    assert len(records) == 3 * len(MODELS)
    rows = load_runs(bench.folder)
    assert set(rows["status"]) == {Status.OK}
    assert rows.groupby("job")["epoch"].count().tolist() == [7] * len(records)
    assert {record["device_uuid"] for record in records.values()} == set(bench.cards)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_wish_to_end_ends_the_jobs_of_all_cards(bench, number):
    behave(bench.root, **dict.fromkeys(MODELS, "hangs when measured"))
    process = bench.begin("--gpu", "all", "--repeats", "2")
    appears(lambda: len(bench.running()) == 2)
    process.send_signal(number)
    code, said = bench.ends(process)
    assert code == ExitCode.INTERRUPTED, said
    records = bench.records()
    assert [record["status"] for record in records.values()] == [Status.INTERRUPTED] * 2
    assert {record["device_uuid"] for record in records.values()} == set(bench.cards)
    assert "Traceback" not in said
    assert list((bench.root / "tmp").glob("bench-job-*")) == []


@pytest.mark.parametrize("hanging", MODELS)
def test_a_wish_to_end_is_heard_when_one_card_has_nothing_left_to_do(bench, hanging):
    """The thread that hears signals runs that job, or waits for it."""
    behave(bench.root, **{hanging: "hangs when measured"})
    process = bench.begin("--gpu", "all", epochs=1)
    appears(lambda: len(bench.running()) == 1 and len(bench.records()) == 1)
    process.send_signal(signal.SIGINT)
    code, said = bench.ends(process)
    assert code == ExitCode.INTERRUPTED, said
    statuses = sorted(record["status"] for record in bench.records().values())
    assert statuses == [Status.INTERRUPTED, Status.OK]


def refusal(bench, *arguments):
    code, said = bench.ends(bench.begin(*arguments))
    assert "Traceback" not in said
    assert not (bench.root / "runs").exists()
    return code, said.split()


@pytest.mark.parametrize(
    "said",
    [{"name1": "NVIDIA A100-SXM4-80GB"}, {"capability1": "8.0"}, {"memory_total1": str(40 << 30)}],
)
def test_cards_of_different_kinds_are_never_pooled(bench, said):
    bench.driver(**said)
    code, told = refusal(bench, "--gpu", "all")
    assert code == ExitCode.MACHINE
    text = " ".join(told)
    assert "the cards are of different kinds" in text
    assert "NVIDIA H100 80GB HBM3" in text
    assert f"name equal cards: --gpu {bench.cards[0]}" in text


@pytest.mark.parametrize("option", [("--until", "2%"), ("--budget", "1m")])
def test_what_is_decided_by_the_results_so_far_takes_one_card(bench, option):
    code, told = refusal(bench, "--gpu", "all", *option)
    assert code == ExitCode.USAGE
    assert "so they take one card" in " ".join(told)


def test_more_threads_than_a_card_has_cpus_of_its_own_are_refused(bench):
    own = len(os.sched_getaffinity(0)) // 2
    code, told = refusal(bench, "--gpu", "all", "--threads", str(own + 1))
    assert code == ExitCode.MACHINE
    assert f"ask for at most {own}" in " ".join(told)


def test_a_card_that_is_named_twice_is_one(bench):
    code, said = bench.ends(bench.begin("--gpu", f"0,{bench.cards[0]}", epochs=1))
    assert code == ExitCode.OK, said
    records = bench.records().values()
    assert {record["card"] for record in records} == {bench.cards[0]}
    # Jobs that have none beside them may use all CPUs.
    assert {len(record["cpus"]) for record in records} == {len(os.sched_getaffinity(0))}


def test_a_cost_that_cannot_be_told_stops_nothing(bench):
    behave(bench.root, **dict.fromkeys(MODELS, "fails when tried"))
    code, said = bench.ends(bench.begin("--gpu", "all", epochs=1))
    assert code == ExitCode.OK, said
    assert "cost each other is not known" in " ".join(said.split())
    assert {record["status"] for record in bench.records().values()} == {Status.OK}
    assert "side_by_side" not in json.loads((bench.folder / "manifest.json").read_text())


def test_one_card_is_tried_beside_none(bench):
    code, said = bench.ends(bench.begin("--gpu", "0", epochs=1))
    assert code == ExitCode.OK, said
    assert not (bench.folder / "side-by-side").exists()
