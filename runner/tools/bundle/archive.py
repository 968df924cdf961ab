"""Archives of images, as ``docker save`` writes them: which images they hold, by name."""

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

from runner.errors import BundleError

_MAX_BYTES = 64 << 20


def _small_file(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.getmember(name)
    content = archive.extractfile(member) if member.isreg() else None
    if content is None or member.size > _MAX_BYTES:
        raise ValueError(f"{name} is not a plain file of an allowed size")
    return content.read()


def _images(archive: tarfile.TarFile) -> dict[str, str]:
    entries: list[dict[str, Any]] = json.loads(_small_file(archive, "manifest.json"))
    found = {}
    for entry in entries:
        config = _small_file(archive, entry["Config"])
        for tag in entry["RepoTags"] or []:
            found[str(tag)] = "sha256:" + hashlib.sha256(config).hexdigest()
    return found


def archived_images(path: Path) -> dict[str, str]:
    """Return the names that loading an archive would set, and the hash of what they mean.

    The hash is of the image's configuration, which names its layers by hash. Raises BundleError if
    the file is no such archive.
    """
    try:
        with tarfile.open(path, mode="r:") as archive:
            return _images(archive)
    except (OSError, tarfile.TarError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"{path}: is no archive of images: {error}") from error
