"""Wheels and source archives in a folder, as far as a lock names them by their hash."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from runner.data import file_sha256

ENDINGS = (".whl", ".tar.gz", ".tar.bz2", ".zip")
_PIN = re.compile(rb"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==", re.MULTILINE)
_HASH = re.compile(rb"--hash=sha256:([0-9a-f]{64})")


def hashes(lock: bytes) -> set[str]:
    """Return the hashes that a lock names, of any package."""
    return {found.decode() for found in _HASH.findall(lock)}


def wheels_of(folder: Path, lock: bytes) -> dict[Path, str]:
    """Return the files of ``folder`` that ``lock`` names, with their hash, and no others."""
    named = hashes(lock)
    files = (path for path in sorted(folder.iterdir()) if path.name.endswith(ENDINGS))
    found = {path: file_sha256(path) for path in files if path.is_file()}
    return {path: digest for path, digest in found.items() if digest in named}


def uncovered(lock: bytes, present: Iterable[str]) -> list[str]:
    """Return the packages of a lock of which no file is among the hashes ``present``.

    Where there is none, a folder is enough and no index needs to be asked.
    """
    there = set(present)
    starts = [*_PIN.finditer(lock)]
    ends = [*(found.start() for found in starts[1:]), len(lock)]
    return [
        found[1].decode()
        for found, end in zip(starts, ends, strict=False)
        if not hashes(lock[found.start() : end]) & there
    ]
