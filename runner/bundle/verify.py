"""Checking a bundle: nothing is loaded from a folder that fails here."""

import os
from collections.abc import Iterator
from pathlib import Path

from runner.bundle.archive import archived_images
from runner.bundle.manifest import (
    FOLDERS,
    MANIFEST_NAME,
    BundleFile,
    BundleManifest,
    KeptConfiguration,
    read_bundle,
)
from runner.environments.datasets import DOWNLOADS, file_sha256
from runner.errors import BundleError
from runner.words import Say, size_text


def _strangers(folder: Path, listed: set[str], below: str = "") -> Iterator[str]:
    """Yield what lies in the folder and should not."""
    for entry in sorted(os.scandir(folder / below), key=lambda entry: entry.name):
        path = below + entry.name
        if entry.is_symlink():
            yield f"{path}: is a symbolic link"
        elif path in FOLDERS and entry.is_dir():
            yield from _strangers(folder, listed, f"{path}/")
        elif path not in listed:
            yield f"{path}: is not listed in {MANIFEST_NAME}"
        elif not entry.is_file():
            yield f"{path}: is not a plain file"


def _problems_of_file(folder: Path, file: BundleFile) -> Iterator[str]:
    path = folder / file.path
    if not os.path.lexists(path):
        yield f"{file.path}: is missing"
    elif path.is_file() and not (path.is_symlink() or path.parent.is_symlink()):
        try:
            size, found = path.stat().st_size, file_sha256(path)
        except OSError as error:
            yield f"{file.path}: cannot be read: {error.strerror}"
            return
        if (size, found) != (file.size, file.sha256):
            yield (
                f"{file.path}: SHA-256 is {found}, expected {file.sha256} "
                f"({size:,} bytes, expected {file.size:,})"
            )
    # Anything else is a stranger, told as such.


def _problems_of_archive(folder: Path, kept: KeptConfiguration) -> Iterator[str]:
    """Compare the names that loading would set with those that the manifest admits."""
    try:
        found = archived_images(folder / kept.archive)
    except BundleError as error:
        yield str(error)
        return
    there = {(tag, image.config, image.content) for tag, image in found.items()}
    listed = {(image.tag, image.config, image.content) for image in kept.images}
    for tag, config, _ in sorted(there - listed):
        yield f"{kept.archive}: the image {tag!r} is {config}, which {MANIFEST_NAME} does not say"
    for tag, config, _ in sorted(listed - there):
        yield f"{kept.archive}: the image {tag!r} is not the expected {config}, or not there"
    if kept.tag not in {image.tag for image in kept.images}:
        yield f"{MANIFEST_NAME}: {kept.name}: {kept.tag!r} is none of its images"


def _problems(folder: Path, whole: BundleManifest, say: Say) -> Iterator[str]:
    yield from _strangers(folder, {MANIFEST_NAME, *(file.path for file in whole.files)})
    for file in whole.files:
        say(f"checking {file.path}, {size_text(file.size)}")
        yield from _problems_of_file(folder, file)
    known = {item.name: item.sha256 for item in DOWNLOADS.values()}
    for file in whole.data():
        expected = known.get(file.path.removeprefix("data/"), "no such file")
        if expected != file.sha256:
            yield f"{file.path}: SHA-256 is {file.sha256}, this runner knows {expected}"


def verify_bundle(folder: Path, say: Say) -> BundleManifest:
    """Return the manifest of a bundle in which all is as it says.

    Raises BundleError with a line for each file that is wrong, missing or not listed.
    """
    whole = read_bundle(folder)
    problems = list(_problems(folder, whole, say))
    if not problems:  # archives are opened only once their hashes are right
        problems = [p for kept in whole.configurations for p in _problems_of_archive(folder, kept)]
    if problems:
        raise BundleError("\n".join([f"{folder}: {problems[0]}", *problems[1:]]))
    return whole
