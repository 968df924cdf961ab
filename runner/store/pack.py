"""Packs: a run in one file, as ``share`` writes it and as anyone may send it.

A pack is a zip of plain files: ``PACK.json``, which names each of the others with its size and
SHA-256, and of a run its manifest, its table and, of each job, its files. It is unpacked
to this user's cache once, by the hash of its content, and is a run's folder from then on.
"""

import hashlib
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import Annotated, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runner import paths
from runner.errors import StoreError, UsageError
from runner.spec.documents import explained_error
from runner.spec.naming import checked_run_name
from runner.spec.regular import open_regular
from runner.store.atomic import whole_folder
from runner.words import foreign, size_text

PACK_SUFFIX = ".run.zip"
PACK_SCHEMA = 1
DESCRIPTION = "PACK.json"
RUN_FILES = ("README.txt", "manifest.json", "table.csv")
JOB_FILES = ("job.json", "events.jsonl", "record.json", "telemetry.jsonl", "log.txt")
_JOB = re.compile(r"jobs/[A-Za-z0-9_][A-Za-z0-9._+-]{0,250}/([a-z.]+)")
_MOST_FILES = 200_000
_MOST_BYTES = 2 << 30
_MOST_DESCRIPTION = 64 << 20
_TEXT = Field(max_length=2000)


class PackedFile(BaseModel):
    """One file of a pack."""

    model_config = ConfigDict(extra="forbid")

    path: Annotated[str, Field(max_length=300)]
    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Pack(BaseModel):
    """What a pack says of itself.

    ``taken_out`` counts, by kind, what was taken out of the run's texts.
    """

    model_config = ConfigDict(extra="ignore")

    pack: Literal[1]
    run: str
    made: Annotated[str, _TEXT]
    runner_version: Annotated[str, _TEXT]
    licence: Annotated[str, _TEXT]
    citation: Annotated[str, _TEXT]
    taken_out: dict[str, int]
    files: list[PackedFile]


def is_pack(path: Path) -> bool:
    """Return whether a path is a file that may be a pack."""
    return path.is_file()


def _is_admitted(name: str) -> bool:
    """Return whether a pack may hold a file of this name."""
    job = _JOB.fullmatch(name)
    return job[1] in JOB_FILES if job else name in RUN_FILES


def _read(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """Return a member of at most ``most`` bytes, whatever the archive says of its size."""
    with archive.open(name) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{name} has more than {size_text(most)}")
    return content


def _described(archive: zipfile.ZipFile) -> Pack:
    names = archive.namelist()
    if DESCRIPTION not in names:
        raise ValueError(f"it has no {DESCRIPTION}, so it is no pack")
    if len(names) > _MOST_FILES or len(set(names)) < len(names):
        raise ValueError("it has too many files, or two of one name")
    found = Pack.model_validate_json(_read(archive, DESCRIPTION, _MOST_DESCRIPTION))
    checked_run_name(found.run)
    listed = [file.path for file in found.files]
    if bad := next((name for name in listed if not _is_admitted(name)), None):
        raise ValueError(f"a pack holds no {bad!r}")
    if odd := {*listed, DESCRIPTION} ^ set(names):
        raise ValueError(f"{min(odd)!r} is listed and missing, or there and not listed")
    if sum(file.size for file in found.files) > _MOST_BYTES:
        raise ValueError(f"it holds more than {size_text(_MOST_BYTES)}")
    return found


def read_pack(path: Path) -> Pack:
    """Return what a pack says of itself. Raises StoreError if it is none."""
    with _foreign_pack(path), open_regular(path) as file, zipfile.ZipFile(file) as archive:
        return _described(archive)


@contextmanager
def _foreign_pack(path: Path) -> Iterator[None]:
    """Make a StoreError that names the pack of whatever is raised while it is read."""
    with foreign(f"{path}: no pack of a run that can be read", StoreError):
        try:
            yield
        except ValidationError as error:
            raise ValueError(explained_error(DESCRIPTION, error, Pack)) from error
        except UsageError as error:  # of a run's name
            raise ValueError(str(error)) from error


def unpacked_run(path: Path) -> Path:
    """Return the folder of the run in a pack, unpacked to this user's cache.

    Raises StoreError for what is no pack, or one that is not what it says; nothing is left of it.
    """
    with _foreign_pack(path), open_regular(path) as file:
        digest = hashlib.file_digest(cast("BufferedReader", file), "sha256").hexdigest()
        with zipfile.ZipFile(file) as archive:
            found = _described(archive)
            place = paths.cache() / "packs" / digest
            if not place.exists():
                _unpack(archive, found, place)
    return place / found.run


def _unpack(archive: zipfile.ZipFile, found: Pack, place: Path) -> None:
    """Write the run of a pack to ``place``, each file checked before the next, or leave nothing."""
    place.parent.mkdir(parents=True, exist_ok=True)
    # Another process may have unpacked the same meanwhile.
    with suppress(FileExistsError), whole_folder(place, place.parent) as folder:
        for file in found.files:
            content = _read(archive, file.path, file.size)
            if hashlib.sha256(content).hexdigest() != file.sha256:
                raise ValueError(f"{file.path} is not what its SHA-256 says: it was changed")
            path = folder / found.run / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
