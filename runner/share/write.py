"""Writes a run as a pack: its texts scrubbed, its table derived from them, all of it hashed."""

import hashlib
import json
import re
import tempfile
import zipfile
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from runner import paths
from runner.errors import StoreError, UsageError
from runner.locks import is_held
from runner.spec.regular import read_regular
from runner.store.atomic import output_file
from runner.store.credentials import doubtful_in
from runner.store.events import MOST_EVENT_BYTES
from runner.store.pack import DESCRIPTION, JOB_FILES, PACK_SCHEMA, Pack, PackedFile
from runner.store.scrub import Names, Scrubber
from runner.tables.columns import ASKED
from runner.tables.load import load_runs
from runner.words import LogText, foreign

_LOG = "log.txt"
_LINES = ("events.jsonl", "telemetry.jsonl")
# Of every archive the same, so that one run makes one pack.
_DATE = (1980, 1, 1, 0, 0, 0)
_TABLE_COLUMNS = ("configuration", "backend", "model", "device", "status", "data_source",
                  "precision", "phase", "launcher")  # fmt: skip
_FIGURES = (
    *ASKED, "job", "repeat", "status", "epoch", "seconds", "samples", "loss", "val_accuracy",
    "keras_version", "backend_version", "image_digest", "lock_sha256",
)  # fmt: skip
Content = dict[str, bytes]


@dataclass(frozen=True)
class Shared:
    """What is shared: what the pack says of itself, its files, and what was taken out."""

    pack: Pack
    content: Content
    scrubber: Scrubber


def table_csv(table: pd.DataFrame) -> bytes:
    """Return the table as a pack holds it."""
    return table.to_csv(index=False, lineterminator="\n").encode()


def _files(folder: Path, with_logs: bool) -> Iterator[tuple[str, bytes]]:
    """Yield a run's files that are shared, as they are on disk."""
    yield "manifest.json", read_regular(folder / "manifest.json", MOST_EVENT_BYTES)
    names = [name for name in JOB_FILES if with_logs or name != _LOG]
    for job in sorted((folder / "jobs").glob("*/")):
        if job.is_symlink() or not any(job.glob("*.json*")):
            continue
        for name in names:
            with suppress(FileNotFoundError):
                yield f"jobs/{job.name}/{name}", read_regular(job / name, MOST_EVENT_BYTES)


def _kept_words(table: pd.DataFrame) -> frozenset[str]:
    """Return the words of a table that a figure rests on, which no name may take out of it."""
    values = {str(value) for name in _TABLE_COLUMNS for value in table[name].dropna().unique()}
    return frozenset(part.lower() for text in values for part in (text, *text.split("-")))


def _json(value: Any) -> bytes:
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False)
    return (text + "\n").encode()


def _scrubbed_line(line: bytes, scrubber: Scrubber) -> bytes:
    """Return a line of JSON without what says whose it is; one that is none as a text."""
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError):
        return scrubber.text(line.decode("utf-8", "replace")).encode() + b"\n"
    return json.dumps(scrubber.value(value), ensure_ascii=False).encode() + b"\n"


def _scrubbed(name: str, content: bytes, scrubber: Scrubber) -> bytes:
    base = name.rpartition("/")[2]
    if base in _LINES:
        return b"".join(_scrubbed_line(line, scrubber) for line in content.splitlines())
    if base == _LOG:
        return scrubber.text(LogText().feed(content).decode("utf-8", "replace")).encode()
    with foreign(f"{name}: cannot be read, so it cannot be shared", StoreError):
        return _json(scrubber.value(json.loads(content)))


def _derived(content: Content, run: str) -> pd.DataFrame:
    """Return the table of what is shared, derived from that alone."""
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent, run)
        for name, text in content.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
        return load_runs(folder)


def citation_of(table: pd.DataFrame, run: str, author: str | None) -> str:
    """Return how a run is cited: by whom, when, what, on which device, with which runner."""
    began = str(table["started"].dropna().min())[:10]
    configurations = ", ".join(sorted(table["configuration"].unique()))
    devices = ", ".join(sorted(table["device_name"].dropna().unique())) or "an unnamed device"
    versions = ", ".join(sorted(table["runner_version"].dropna().unique())) or "unknown"
    by = f"{author} ({began[:4]}). " if author else ""
    return (
        f"{by}Timings of Keras backends ({configurations}) on {devices}, run {run}, {began}. "
        f"Measured with keras-backend-benchmarks {versions}."
    )


def _readme(pack: Pack) -> bytes:
    taken = ", ".join(f"{kind} {count}" for kind, count in pack.taken_out.items()) or "nothing"
    return (
        f"{pack.citation}\n\n"
        f"Licence: {pack.licence}\n\n"
        "table.csv has a row for each epoch. It derives from the events in jobs/. Whether it\n"
        "does, and whether every file is as it was packed, says\n\n"
        f"    python -m runner verify {pack.run}.run.zip\n\n"
        "and `report`, `compare`, `history` and `site` take this file as they take a run.\n"
        f"Taken out before it was packed: {taken}.\n"
    ).encode()


def _check_figures(before: pd.DataFrame, after: pd.DataFrame) -> None:
    """Raise StoreError where what was taken out changed a figure, or what it is of."""
    for name in _FIGURES:
        if not before[name].reset_index(drop=True).equals(after[name].reset_index(drop=True)):
            raise StoreError(
                f"the run cannot be shared: what has to be taken out of it stands in its {name!r}"
            )


def _scrubbed_run(files: Content, scrubber: Scrubber) -> tuple[str, Content]:
    """Return a run's name and files without what says whose they are."""
    content = {name: _scrubbed(name, text, scrubber) for name, text in files.items()}
    manifest = json.loads(content["manifest.json"])
    # As a folder may be called, whatever was taken out of the name.
    run = re.sub(r"[^A-Za-z0-9._]+", "-", str(manifest["run"])).strip("-._") or "run"
    return run, {**content, "manifest.json": _json({**manifest, "run": run})}


def _refuse_doubtful(content: Content, allowed: Collection[str]) -> None:
    """Raise UsageError for what may be a credential of a form that no rule knows."""
    for name, text in content.items():
        for word in doubtful_in(text.decode("utf-8", "replace")):
            if word not in allowed:
                raise UsageError(
                    f"{name}: may hold a credential: {word}\n"
                    f"if it is none, say so: --allow {word}; else take it out of the run"
                )


def make_pack(
    folder: Path,
    with_logs: bool,
    licence: str,
    author: str | None,
    allowed: Collection[str] = (),
) -> Shared:
    """Return a run as it is shared. Raises UsageError for one that is running still.

    It is raised, too, for a word that looks like a credential and is not ``allowed``. Raises
    StoreError where something of it cannot be read, or where its figures would not be the
    same without what has to be taken out.
    """
    if is_held(folder):
        raise UsageError(f"{folder}: a runner is working in it; share it when it has ended")
    table = load_runs(folder)
    try:
        files = dict(_files(folder, with_logs))
    except OSError as error:
        raise StoreError(f"{error.filename or folder}: {error.strerror or error}") from error
    texts = [content.decode("utf-8", "replace") for content in files.values()]
    scrubber = Scrubber(Names.of(texts, table["node"].dropna().unique(), _kept_words(table)))
    run, content = _scrubbed_run(files, scrubber)
    _refuse_doubtful(content, allowed)
    derived = _derived(content, run)
    _check_figures(table, derived)
    content["table.csv"] = table_csv(derived)
    pack = Pack(
        pack=PACK_SCHEMA,
        run=run,
        made=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        runner_version=paths.version(),
        licence=licence,
        citation=citation_of(derived, run, author),
        taken_out=scrubber.counts(),
        files=[],
    )
    content["README.txt"] = _readme(pack)
    listed = [
        PackedFile(path=name, size=len(text), sha256=hashlib.sha256(text).hexdigest())
        for name, text in sorted(content.items())
    ]
    return Shared(pack.model_copy(update={"files": listed}), content, scrubber)


def write_pack(shared: Shared, path: Path) -> str:
    """Write a pack to ``path``, and return its SHA-256. One run makes one pack but for the time."""
    described = {DESCRIPTION: shared.pack.model_dump_json(indent=2).encode() + b"\n"}
    with output_file(path) as partial:
        with zipfile.ZipFile(partial, "w") as archive:
            for name, text in {**described, **dict(sorted(shared.content.items()))}.items():
                entry = zipfile.ZipInfo(name, _DATE)
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, text, zipfile.ZIP_DEFLATED)
        with partial.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def left_names(shared: Shared) -> list[str]:
    """Return the names that still stand in a pack: as words of the table, or in longer words."""
    whole = b"\n".join(shared.content.values()).decode("utf-8", "replace").lower()
    names = shared.scrubber.names
    return sorted(name for name in {*names.users, *names.hosts} if name.lower() in whole)
