"""Runs written with the project's own store and no process: as many jobs, and as odd, as wanted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from launcher_contract import make_job
from runner.spec.job import Job, Status
from runner.store.record import Record
from runner.store.run_folder import RunStore
from scripted import good_event, stream

BEGAN = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
# Seconds between one event and the next, where events carry their time.
GAP = 10.0


def events(job: Job, pace: float = 1.0, is_stamped: bool = True) -> list[bytes]:
    """Return a good job's stream whose epochs take ``pace`` times the usual seconds."""
    versions = {"keras": "2.0.8", "python": "3.6.15", job.backend: "1.0"}
    lines = stream(start={"model": job.model, "backend": job.backend, "versions": versions})
    said = [json.loads(line) for line in lines]
    for number, event in enumerate(said, start=1):
        if event["event"] == "epoch":
            event["seconds"] *= pace
            event["val_accuracy"] = 1 - 0.5 / event["epoch"]
        if is_stamped:
            event["at"] = BEGAN.timestamp() + GAP * number
    return [json.dumps(event).encode() for event in said]


def write_job(
    store: RunStore,
    job: Job,
    lines: Iterable[bytes],
    *,
    status: Status = Status.OK,
    log: bytes = b"",
    samples: Iterable[str] = (),
    **record: Any,
) -> None:
    """Write a job that said ``lines`` and ended with ``status``."""
    kept = store.job(job)
    for line in lines:
        kept.event(good_event(line))
    kept.log(log)
    if told := "".join(f"{sample}\n" for sample in samples):
        (kept.folder / "telemetry.jsonl").write_text(told)
    told_by_record = {
        "launcher": "scripted",
        "started": BEGAN.isoformat(),
        "wall_seconds": 100.0,
        "device_name": "a processor",
        "identity": {"image_digest": f"sha256:{job.configuration}", "lock_sha256": "1" * 64},
    }
    kept.close(Record(status, **{**told_by_record, **record}))


def sample(number: int) -> str:
    """Return a line of telemetry of a job on a GPU."""
    card = {"utilization_percent": 90.0, "temperature_c": 60.0 + number, "power_w": 200.0,
            "sm_mhz": 1500.0}  # fmt: skip
    return json.dumps({"at": number, "seconds": 1.0, "foreign_load": 0.1, "cpu_mhz": 2000.0,
                       "gpu": card, "strangers": None})  # fmt: skip


HOSTILE = (
    "</script><script>window.pwned = 1</script><img src=x onerror='window.pwned = 1'>"
    "<!--<script>{{ 7 * 7 }} \x1b[31mred\x1b[0m \x07\x00 \u202eesrever\u202c \u2028 &amp; \"'"
)


def small_run(root: Path) -> Path:
    """Write a run of two backends by two models, one job hostile, one unsupported."""
    identity = {"git_commit": f"{'c' * 40}-modified", "cpu_model": "a processor", "kernel": "1.2"}
    call = {"arguments": ["--config", "a b", "$(touch x)"], "identity": identity}
    store = RunStore.create(root, call)
    for model in ("mnist_mlp", "mnist_cnn"):
        for pace, backend in enumerate(("tensorflow", "cntk"), start=1):
            for repeat in (1, 2):
                job = make_job(model, configuration="tf-cntk-k208", backend=backend, repeat=repeat)
                write_job(store, job, events(job, pace + repeat / 10), log=b"a quiet log\n",
                          samples=map(sample, range(20)))  # fmt: skip
    hostile = make_job(configuration="mxnet-k122")
    said = f"first\r\nsecond\rthird\n{HOSTILE}\n".encode() + b"\xff\xfe"
    write_job(store, hostile, [], status=Status.FAILED, reason=HOSTILE, warnings=[HOSTILE],
              log=said, device_name=HOSTILE, exit_code=1)  # fmt: skip
    unsupported = make_job("babi_rnn", configuration="mxnet-k122", unsupported="it cannot")
    store.unstarted(unsupported, Record(Status.UNSUPPORTED, "it cannot"))
    return store.folder


def large_run(root: Path, jobs: int) -> Path:
    """Write a run of many jobs: every seventh failed, each with a log of its own."""
    store = RunStore.create(root, {})
    models = ("mnist_mlp", "mnist_cnn", "cifar10_cnn", "mnist_hrnn", "babi_rnn")
    backends = ("tensorflow", "cntk", "theano", "mxnet")
    for number in range(jobs):
        cell, repeat = number % 20, number // 20 + 1
        job = make_job(models[cell % 5], configuration="many-k1", backend=backends[cell // 5],
                       repeat=repeat)  # fmt: skip
        log = "".join(f"line {n} of job {number}\n" for n in range(40)).encode()
        is_bad = number % 7 == 0
        lines = events(job, 1 + number % 13 / 100)
        write_job(store, job, lines[:4] if is_bad else lines, log=log,
                  status=Status.FAILED if is_bad else Status.OK,
                  reason=f"exit code {number % 5}" if is_bad else None)  # fmt: skip
    return store.folder
