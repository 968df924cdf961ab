"""Archives of images, as ``docker save`` writes them: which images they hold, by name."""

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.environments.image_content import image_content
from runner.environments.recipe import sha256_of
from runner.errors import BundleError
from runner.machine.docker_engine import plain_tag
from runner.words import foreign

_MAX_BYTES = 64 << 20
# Where an engine with containerd's store takes the names from, in the order in which it looks.
_NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")


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


def _images(archive: tarfile.TarFile) -> Iterator[ArchivedImage]:
    entries: list[dict[str, Any]] = json.loads(_small_file(archive, "manifest.json"))
    for entry in entries:
        config = _small_file(archive, entry["Config"])
        settings = json.loads(config)
        content = image_content(settings["rootfs"]["diff_ids"], settings.get("config") or {})
        for tag in map(str, entry["RepoTags"] or []):
            yield ArchivedImage(tag, f"sha256:{sha256_of(config)}", content)


def _named_in_index(archive: tarfile.TarFile) -> Iterator[str]:
    """Yield the names that ``index.json`` sets."""
    if "index.json" not in archive.getnames():
        return
    for entry in json.loads(_small_file(archive, "index.json"))["manifests"]:
        names = [(entry.get("annotations") or {}).get(key) for key in _NAMES]
        if (name := next(filter(None, names), None)) is not None:
            yield plain_tag(str(name))


def _agreed(archive: tarfile.TarFile) -> dict[str, ArchivedImage]:
    """Return the images of ``manifest.json``, if ``index.json`` has no other names."""
    found: dict[str, ArchivedImage] = {}
    for image in _images(archive):
        # Two that differ in the registry alone would be verified as one.
        if (name := plain_tag(image.name)) in found:
            raise ValueError(f"it names {name!r} twice")
        found[name] = image
    if strange := sorted(set(_named_in_index(archive)) - found.keys()):
        raise ValueError(f"its index.json names {strange[0]!r} and its manifest.json does not")
    return found


def archived_images(path: Path) -> dict[str, ArchivedImage]:
    """Return the images that loading an archive would name, by that name.

    Docker's own store and Podman take the names from one file in it, containerd's store from
    another, whose names must be among those of the first; what a name means is known by its content
    once it is loaded. Raises BundleError for another name, or a file that is no such archive.
    """
    is_none = f"{path}: is no archive of images"
    with foreign(is_none, BundleError), tarfile.open(path, mode="r:") as archive:
        return _agreed(archive)
