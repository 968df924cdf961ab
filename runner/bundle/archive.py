"""Archives of images, as ``docker save`` writes them: which images they hold, by name."""

import hashlib
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.environments.image_content import image_content
from runner.errors import BundleError
from runner.machine.docker_engine import plain_tag

_MAX_BYTES = 64 << 20
# Where an engine with containerd's store takes the names from, in the order in which it looks.
_NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
_DEEPEST = 2  # an index of an index of manifests


@dataclass(frozen=True)
class ArchivedImage:
    """An image in an archive: the hash of its configuration's file, and of what it holds.

    The configuration names the layers by hash. ``name`` is what the archive calls it: Podman puts
    a registry's before what it was called by.
    """

    name: str
    config: str
    content: str


def _small_file(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.getmember(name)
    content = archive.extractfile(member) if member.isreg() else None
    if content is None or member.size > _MAX_BYTES:
        raise ValueError(f"{name} is not a plain file of an allowed size")
    return content.read()


def _hash(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _images(archive: tarfile.TarFile) -> dict[str, ArchivedImage]:
    entries: list[dict[str, Any]] = json.loads(_small_file(archive, "manifest.json"))
    found = {}
    for entry in entries:
        config = _small_file(archive, entry["Config"])
        told = json.loads(config)
        content = image_content(told["rootfs"]["diff_ids"], told.get("config") or {})
        for tag in map(str, entry["RepoTags"] or []):
            # Two that differ in the registry alone would be verified as one.
            if (plain := plain_tag(tag)) in found:
                raise ValueError(f"it names {plain!r} twice")
            found[plain] = ArchivedImage(tag, _hash(config), content)
    return found


def _blob(archive: tarfile.TarFile, digest: str) -> bytes:
    content = _small_file(archive, f"blobs/sha256/{digest.removeprefix('sha256:')}")
    if _hash(content) != digest:
        raise ValueError(f"blob {digest} has another hash")
    return content


def _configs(archive: tarfile.TarFile, digest: str, depth: int = 0) -> Iterator[str]:
    """Yield the hashes of the configurations that a manifest, or an index of them, leads to."""
    if depth > _DEEPEST:
        raise ValueError("its index is nested too deep")
    told = json.loads(_blob(archive, digest))
    if "manifests" not in told:
        yield str(told["config"]["digest"])
        return
    for below in told["manifests"]:
        # A manifest of another platform is named, and not in the archive.
        if f"blobs/sha256/{below['digest'].removeprefix('sha256:')}" in archive.getnames():
            yield from _configs(archive, below["digest"], depth + 1)


def _named_in_index(archive: tarfile.TarFile) -> Iterator[tuple[str, set[str]]]:
    """Yield the names that ``index.json`` sets, and the configurations that each can mean."""
    if "index.json" not in archive.getnames():
        return
    for entry in json.loads(_small_file(archive, "index.json"))["manifests"]:
        names = [(entry.get("annotations") or {}).get(key) for key in _NAMES]
        if (name := next(filter(None, names), None)) is not None:
            yield plain_tag(str(name)), set(_configs(archive, entry["digest"]))


def _agreed(archive: tarfile.TarFile) -> dict[str, ArchivedImage]:
    """Return the images of ``manifest.json``, if ``index.json`` means the same by each name."""
    found = _images(archive)
    for name, configs in _named_in_index(archive):
        if name not in found or found[name].config not in configs:
            raise ValueError(f"its index.json names {name!r} and its manifest.json does not")
    return found


def archived_images(path: Path) -> dict[str, ArchivedImage]:
    """Return the images that loading an archive would name, by that name.

    Docker's own store and Podman take the names from one file in it, containerd's store from
    another. Raises BundleError if the two differ, or the file is no such archive.
    """
    try:
        with tarfile.open(path, mode="r:") as archive:
            return _agreed(archive)
    except (OSError, tarfile.TarError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"{path}: is no archive of images: {error}") from error
