"""Files of somebody else, mutated: each is read, or refused with one error of the house's own.

Short by default; ``FAULTS=long`` reads a hundred thousand.
"""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import tarfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from test_fuzz import WORDS, cut, flip

from runner import paths
from runner.bundle.archive import archived_images
from runner.bundle.manifest import BUNDLE_SCHEMA, MANIFEST_NAME, _canonical, read_bundle
from runner.environments.recipe import sha256_of
from runner.errors import BenchmarkError
from runner.share.check import check_run
from runner.share.write import make_pack, write_pack
from runner.spec.configuration import read_configuration
from runner.spec.study import read_study
from runner.spec.workload import read_workloads
from runner.store.pack import unpacked_run
from runner.tables.load import load_runs
from runner.tables.per_cell import summarize
from runner.tables.published import published_cells, study_figures
from steady_runs import steady_run

TRIES = 15_000 if os.environ.get("FAULTS") == "long" else 60
LONG_FIELD = b"x" * 140_000
ODD = [None, True, [], {}, "", -1, 0, 1.5, 2**63, 10**40, float("nan"), float("inf"), "\x1b[31m",
       "../../x", "x" * 3000, [[]] * 50, {"a": {}}]  # fmt: skip


@dataclass(frozen=True)
class Reader:
    """Files as they should be, and what reads them."""

    files: list[Path]
    read: Callable[[], object]
    # What makes content consistent again, so that more than its checksum is tried.
    sign: Callable[[bytes], bytes] = bytes


def of_run(root: Path) -> Reader:
    run = steady_run(root, {("mnist_mlp", "tensorflow"): 1.0}, repeats=2)
    (run / "table.csv").write_bytes(load_runs(run).to_csv(index=False).encode())
    files = [path for path in run.rglob("*") if path.suffix in (".json", ".jsonl", ".csv")]

    def read() -> None:
        summarize(load_runs(run))
        check_run(str(run), root)

    return Reader(files, read)


def of_pack(root: Path) -> Reader:
    run = steady_run(root / "runs", {("mnist_mlp", "tensorflow"): 1.0}, repeats=2)
    pack = root / "run.zip"
    write_pack(make_pack(run, False, "CC0-1.0", None), pack)
    return Reader([pack], lambda: unpacked_run(pack))


def signed(content: bytes) -> bytes:
    whole = json.loads(content)
    return json.dumps({**whole, "sha256": sha256_of(_canonical(whole["content"]))}).encode()


def of_bundle(root: Path) -> Reader:
    path, plain = root / MANIFEST_NAME, "0" * 64
    digest = f"sha256:{plain}"
    kept = {
        "name": "jax-k3", "device": "cpu", "tag": "t:1", "archive": "images/a.tar",
        "python": "3.11",
        "base": {"name": "b:1", "digest": digest, "repo_digest": None}, "lock_sha256": plain,
        "images": [{"tag": "t:1", "config": digest, "content": digest}], "wheels": [],
    }  # fmt: skip
    content = {
        "made": "2026-01-01", "runner_version": "1", "git_commit": None, "models_sha256": plain,
        "configurations": [kept], "missing_data": [],
        "files": [{"path": "images/a.tar", "size": 1, "sha256": plain}],
    }  # fmt: skip
    path.write_bytes(
        signed(json.dumps({"schema": BUNDLE_SCHEMA, "sha256": "", "content": content}).encode())
    )
    return Reader([path], lambda: read_bundle(root), signed)


def of_archive(root: Path) -> Reader:
    path = root / "images.tar"
    files = {"manifest.json": [{"Config": "1.json", "RepoTags": ["one:1"]}],
             "1.json": {"rootfs": {"diff_ids": ["a"]}, "config": {}}}  # fmt: skip
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            raw = json.dumps(content).encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(raw)
            tar.addfile(entry, io.BytesIO(raw))
    return Reader([path], lambda: archived_images(path))


def of_configuration(root: Path) -> Reader:
    folder = root / "jax-k3"
    shutil.copytree(paths.CONFIGURATIONS / "jax-k3", folder)
    return Reader([folder / "config.toml"], lambda: read_configuration(folder))


def of_suites(root: Path) -> Reader:
    shutil.copytree(paths.MODELS, root / "models")
    files = list(paths.suites(root / "models").glob("*/suite.json"))
    return Reader(files, lambda: read_workloads(root / "models"))


def of_study(root: Path) -> Reader:
    folder = root / "bhatia2017"
    shutil.copytree(paths.PUBLISHED / "bhatia2017", folder)

    def read() -> None:
        study = read_study(folder)
        study_figures(study)
        published_cells(study)

    return Reader([folder / "study.toml", folder / "figures.csv"], read)


READERS = {
    "run": of_run, "pack": of_pack, "bundle": of_bundle, "archive": of_archive,
    "configuration": of_configuration, "suites": of_suites, "study": of_study,
}  # fmt: skip


def insert(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] + rng.choice([*WORDS, LONG_FIELD]) + content[at:]


def double(content: bytes, rng: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    at = rng.randrange(len(lines))
    return b"".join([*lines[: at + 1], *lines[at:]])


def _leaves(value, place=()):
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in inner:
        yield (*place, key)
        if isinstance(part, dict | list):
            yield from _leaves(part, (*place, key))


def exchange(content: bytes, rng: random.Random) -> bytes:
    """Put an odd value at any place of a JSON document, or of one of its lines."""
    lines = [content] if content.startswith(b"{\n") else content.splitlines()
    at = rng.randrange(len(lines))
    try:
        value = json.loads(lines[at])
        places = list(_leaves(value))
    except (ValueError, AttributeError, TypeError):
        return flip(content, rng)
    inner, place = value, rng.choice(places)
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = rng.choice(ODD)
    return b"\n".join([*lines[:at], json.dumps(value).encode(), *lines[at + 1 :]])


def mutated(content: bytes, rng: random.Random) -> bytes:
    change = rng.choice([cut, flip, insert, double, exchange, exchange])
    content = change(content, rng)
    while content and rng.random() < 0.2:
        content = rng.choice([cut, flip, insert])(content, rng)
    return content


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", READERS)
def test_no_file_of_somebody_else_breaks_its_reader(name, tmp_path, monkeypatch, figure):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    reader = READERS[name](tmp_path)
    reader.read()
    rng, refused, slowest = random.Random(2026), 0, 0.0
    good = {path: path.read_bytes() for path in reader.files}
    for _ in range(TRIES):
        path = rng.choice(reader.files)
        content = mutated(good[path], rng)
        # What cannot be signed any more is tried as it is.
        with suppress(ValueError, KeyError, TypeError, RecursionError):
            content = reader.sign(content)
        path.write_bytes(content)
        began = time.perf_counter()
        try:
            reader.read()
        except BenchmarkError:
            refused += 1
        slowest = max(slowest, time.perf_counter() - began)
        path.write_bytes(good[path])
    figure(f"foreign {name}: {TRIES} inputs, {refused} refused, slowest {slowest:.2f} s")
    assert refused
