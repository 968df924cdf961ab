"""Mutated event lines by the million: every one is read, judged and kept, and nothing breaks.

Short by default; ``FAULTS=long`` reads at least a million lines.
"""

import json
import os
import random
import time
from collections import Counter

import pytest

from launcher_contract import make_job
from runner.execution.outcome import FloodError, Heard, conclude
from runner.launchers.base import Exit
from runner.spec.job import Status
from runner.store.events import BadLine, LineReader, parse_event
from scripted import stream

LINES = 1_000_000 if os.environ.get("FAULTS") == "long" else 50_000
WORDS = [
    b"NaN", b"Infinity", b"-Infinity", b"null", b"true", b"{}", b"[]", b'""', b"1e999", b"-1",
    b"1" * 400, b"9223372036854775808", b"\\ud800", b"\\u202e", b"\x1b[2J", b"\xff\xfe", b"\0",
    b"\r", b'"', b"{", b"}", b",", b":", b"[" * 50, b'{"a":' * 20, b"0.1", b"epoch", b"end",
    b"start", b"error", b"schema", b"2", b"versions", b"loss",
]  # fmt: skip
LIMITS = {
    "event": "limits", "schema": 1, "flops_per_sample_forward": 10, "steps_per_epoch": 1,
    "flops_per_sample_training": 30, "peak_flops_per_second": 1e9, "matmul_size": 512,
    "input_seconds_per_epoch": None, "input_batches": None, "seconds": 1.0,
}  # fmt: skip
ERROR = {"event": "error", "schema": 1, "type": "ValueError", "message": "no"}
# Values of the same event and of others take each other's place as well.
GOOD = [line.strip() for line in stream()] + [json.dumps(e).encode() for e in (LIMITS, ERROR)]


def cut(line: bytes, rng: random.Random) -> bytes:
    return line[: rng.randrange(len(line) + 1)]


def flip(line: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(line))
    return line[:at] + bytes([rng.randrange(256)]) + line[at + 1 :]


def insert(line: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(line) + 1)
    return line[:at] + rng.choice(WORDS) + line[at:]


def splice(line: bytes, rng: random.Random) -> bytes:
    other = rng.choice(GOOD)
    return line[: rng.randrange(len(line) + 1)] + other[rng.randrange(len(other) + 1) :]


def exchange(line: bytes, rng: random.Random) -> bytes:
    """Put a value of another event, or an odd one, where one was."""
    event, other = json.loads(line), json.loads(rng.choice(GOOD))
    name = rng.choice(list(event))
    event[name] = rng.choice([
        rng.choice(list(other.values())),
        rng.choice([None, True, [], {}, "", -1, 0, 2**63, 10**40]),
        rng.choice([float("nan"), float("inf"), 1e308, 5e-324]), "\x1b[31m\u202e|<b>[red]" * 3,
    ])  # fmt: skip
    return json.dumps(event).encode()


def nothing(line: bytes, rng: random.Random) -> bytes:
    return line


MUTATIONS = [cut, flip, insert, splice, exchange, exchange, nothing]


def mutated(rng: random.Random) -> bytes:
    line = rng.choice(MUTATIONS)(rng.choice(GOOD), rng)
    while line and rng.random() < 0.2:
        line = rng.choice([cut, flip, insert, splice])(line, rng)
    return line


def chunks(data: bytes, rng: random.Random):
    at = 0
    while at < len(data):
        size = rng.choice([1, 7, 100, 4096, 65536])
        yield data[at : at + size]
        at += size


def job_lines(rng: random.Random) -> list[bytes]:
    """Return what a job says: a good stream with some lines mutated, doubled, lost or swapped."""
    lines = list(stream())
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(lines) + 1)
        match rng.randrange(3):
            case 0:
                lines.insert(at, mutated(rng) + b"\n")
            case 1 if lines:
                lines.pop(at % len(lines))
            case 2 if lines:
                lines.append(lines.pop(at % len(lines)))
    return lines + [mutated(rng) + b"\n" for _ in range(rng.choice([0, 0, 0, 5, 40]))]


@pytest.mark.timeout(1800)
def test_no_line_breaks_the_reader_the_judge_or_the_store(figure):
    rng = random.Random(2017)
    job = make_job(epochs=3)
    count: Counter = Counter()
    statuses: Counter = Counter()
    began = time.monotonic()
    while count["lines"] < LINES:
        said = b"".join(job_lines(rng))
        reader, heard = LineReader(), Heard(job)
        try:
            items = [item for chunk in chunks(said, rng) for item in reader.feed(chunk)]
            items += reader.close()
            try:
                for item in items:
                    heard.add(item)
            except FloodError:
                count["floods"] += 1
            outcome = conclude(job, heard, Exit(rng.choice([0, 0, 0, 1, -9])), "the last line")
            kept = [item.model_dump_json(by_alias=True) for item in heard.events]
        except Exception as error:
            count["crashes"] += 1
            print(f"{type(error).__name__}: {error}\n{said!r}")
            continue
        count["lines"] += said.count(b"\n")
        count["bad"] += sum(isinstance(item, BadLine) for item in items)
        count["events"] += sum(not isinstance(item, BadLine) for item in items)
        statuses[outcome.status] += 1
        assert (outcome.reason or "").isprintable()
        if outcome.status is Status.OK:
            sound = [json.loads(line)["event"] for line in kept]
            assert sound in (
                ["start", "data", "model", "epoch", "epoch", "epoch", "end"],
                ["start", "data", "model", "epoch", "epoch", "epoch", "limits", "end"],
            )
            assert not any(isinstance(parse_event(line.encode()), BadLine) for line in kept)
    seconds = time.monotonic() - began
    figure(
        f"fuzz: lines {count['lines']}, events {count['events']}, bad {count['bad']}, "
        f"crashes {count['crashes']}; {seconds:.1f} s; "
        f"jobs {', '.join(f'{status} {n}' for status, n in sorted(statuses.items()))}"
    )
    assert count["crashes"] == 0
    assert min(statuses[s] for s in (Status.OK, Status.FAILED, Status.INVALID)) > 0
    assert count["floods"] > 0
