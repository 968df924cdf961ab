"""``bundle.json``: what a bundle holds, every file with its size and hash.

Names come from outside: a path is one of three folders and a plain file name, and nothing else.
"""

import json
import os
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from runner.environments.recipe import sha256_of
from runner.errors import BundleError
from runner.spec.configuration import Device
from runner.spec.documents import Strict, explained_error
from runner.spec.regular import read_regular
from runner.words import foreign

BUNDLE_SCHEMA = 2
MANIFEST_NAME = "bundle.json"
FOLDERS = ("images", "wheels", "data")
_MAX_BYTES = 64 << 20
_PLAIN = r"[A-Za-z0-9][A-Za-z0-9_.+!-]{0,254}"
Plain = Annotated[str, StringConstraints(pattern=rf"^{_PLAIN}$")]
FilePath = Annotated[str, StringConstraints(pattern=rf"^(images|wheels|data)/{_PLAIN}$")]
Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./:@-]{0,299}$")]


class BundleFile(Strict):
    """A file of the bundle: where it lies in it, its bytes and their hash."""

    path: FilePath
    size: int = Field(ge=0)
    sha256: Hex


class KeptImage(Strict):
    """An image in an archive: its name, the hash of its configuration, and of its content.

    The second is the same in every engine (see ``image_content``).
    """

    tag: Reference
    config: Digest
    content: Digest


class KeptBase(Strict):
    """The image that a recipe begins at, as it was asked for, and its digest in a registry.

    ``digest`` is the hash of its content.
    """

    name: Reference
    digest: Digest
    repo_digest: Digest | None


class KeptConfiguration(Strict):
    """A configuration: its archive of images (the base first, the finished one last), its wheels.

    ``python`` is the version that the wheels are for.
    """

    name: Plain
    device: Device
    tag: Reference
    base: KeptBase
    lock_sha256: Hex
    archive: FilePath
    images: tuple[KeptImage, ...] = Field(min_length=1)
    python: str | None
    wheels: tuple[FilePath, ...]


class BundleManifest(Strict):
    """Everything that ``bundle.json`` says."""

    made: str
    runner_version: str
    git_commit: str | None
    models_sha256: Hex
    configurations: tuple[KeptConfiguration, ...] = Field(min_length=1)
    missing_data: tuple[str, ...]
    files: tuple[BundleFile, ...]

    @model_validator(mode="after")
    def _files_are_listed(self) -> Self:
        listed = [file.path for file in self.files]
        if len(set(listed)) != len(listed):
            raise ValueError("it lists a file twice")
        for kept in self.configurations:
            if other := next((n for n in (kept.archive, *kept.wheels) if n not in listed), None):
                raise ValueError(f"it names {other} and does not list it")
        return self

    def data(self) -> list[BundleFile]:
        """Return the files of data sets."""
        return [file for file in self.files if file.path.startswith("data/")]


def _canonical(content: Any) -> bytes:
    return json.dumps(content, sort_keys=True, ensure_ascii=True).encode()


def write_manifest(folder: Path, manifest: BundleManifest) -> None:
    """Write ``bundle.json``, which says the hash of its own content too."""
    content = manifest.model_dump(mode="json")
    whole = {"schema": BUNDLE_SCHEMA, "sha256": sha256_of(_canonical(content)), "content": content}
    with (folder / MANIFEST_NAME).open("w", encoding="utf-8") as file:
        file.write(json.dumps(whole, indent=2, sort_keys=True) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_bundle(folder: Path) -> BundleManifest:
    """Return a bundle's manifest, checked for itself. Raises BundleError."""
    path = folder / MANIFEST_NAME
    with foreign(f"{path}: cannot be read", BundleError):
        return _checked_manifest(path)


def _checked_manifest(path: Path) -> BundleManifest:
    try:
        whole = json.loads(read_regular(path, _MAX_BYTES))
        if whole["schema"] != BUNDLE_SCHEMA:
            raise BundleError(
                f"{path}: schema is {str(whole['schema'])[:40]!r}, this runner reads "
                f"{BUNDLE_SCHEMA}; take the version of the runner that made it"
            )
        found, expected = sha256_of(_canonical(whole["content"])), str(whole["sha256"])[:64]
        if found != expected:
            raise BundleError(f"{path}: SHA-256 of its content is {found}, expected {expected}")
        return BundleManifest.model_validate_json(_canonical(whole["content"]))
    except FileNotFoundError as error:
        raise BundleError(
            f"{path.parent}: holds no {MANIFEST_NAME}; is it a bundle, and was it saved whole?"
        ) from error
    except ValidationError as error:
        raise BundleError(explained_error(path, error, BundleManifest)) from error
