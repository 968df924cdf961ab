"""Images: from a configuration's folder to a built image, named after all that went into it."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests.exceptions
from docker.errors import APIError, ImageNotFound

from runner import paths
from runner.configurations import Configuration, Device
from runner.engine import LABEL, Engine
from runner.errors import BuildError, UsageError
from runner.events import printable

LINE = Callable[[str], None]
_SHOWN = 76


@dataclass(frozen=True)
class BuildOptions:
    """What may differ between two machines that build the same configuration.

    ``package_index`` and ``ca_bundle`` say how to reach the packages, whose hashes are locked;
    they do not change what is built, so they are no part of an image's name. ``build_seconds``
    and ``pull_seconds`` are what making one environment and fetching its base may take.
    """

    base_image: str | None = None
    ca_bundle: Path | None = None
    package_index: str | None = None
    wheels: Path | None = None
    build_seconds: float = 2 * 3600.0
    pull_seconds: float = 3600.0


@dataclass(frozen=True)
class Image:
    """A built image. ``digest`` is its content's id, ``base_digest`` that of its base."""

    tag: str
    digest: str
    base_digest: str
    lock_sha256: str


def sha256(content: bytes) -> str:
    """Return the SHA-256 of ``content`` in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _tree(root: Path, prefix: str) -> dict[str, bytes]:
    """Return a folder's files by their name in the build context."""
    return {
        f"{prefix}/{path.relative_to(root).as_posix()}": path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{what} {path}: {error.strerror}") from error


def recipe(configuration: Configuration, device: Device) -> dict[str, bytes]:
    """Return the files that decide what an image holds, by their name in the build context."""
    return {
        "Dockerfile": _read(configuration.folder / "Dockerfile", "recipe"),
        "requirements.lock": _read(configuration.lock(device), "locked requirements"),
        **_tree(paths.CONFIGURATIONS / "common", "common"),
        **_tree(paths.MODELS, "models"),
    }


def wheels_of(folder: Path, lock: bytes) -> list[Path]:
    """Return the wheels of ``folder`` that ``lock`` names by their hash, and no others."""
    return [
        path for path in sorted(folder.glob("*.whl")) if sha256(path.read_bytes()).encode() in lock
    ]


def _context(files: dict[str, bytes], options: BuildOptions) -> io.BytesIO:
    """Return the build context as a tar: the same files give the same bytes."""
    bundle = _read(options.ca_bundle, "CA bundle") if options.ca_bundle else b""
    wheels = {"wheels/.keep": b""}
    if options.wheels:
        fitting = wheels_of(options.wheels, files["requirements.lock"])
        wheels |= {f"wheels/{path.name}": path.read_bytes() for path in fitting}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in {**files, **wheels, "ca-bundle.pem": bundle}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o755 if name.endswith(".sh") else 0o644
            tar.addfile(entry, io.BytesIO(content))
    packed.seek(0)
    return packed


def _inputs_hash(files: dict[str, bytes], base_digest: str, device: Device) -> str:
    digest = hashlib.sha256()
    for part in (base_digest, str(device), *(n + sha256(c) for n, c in sorted(files.items()))):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()


def _base_digest(engine: Engine, base: str, say: LINE) -> str:
    """Return the base image's id, pulling it if the engine does not hold it."""
    try:
        return str(engine.client.images.get(base).id)
    except ImageNotFound:
        say(f"pulling {base}")
    try:
        repository, _, tag = (
            base.rpartition(":") if ":" in base.split("/")[-1] else (base, "", "latest")
        )
        return str(engine.client.images.pull(repository, tag=tag).id)
    except (APIError, requests.exceptions.RequestException) as error:
        raise BuildError(
            f"the base image {base} cannot be pulled ({error}); "
            "name another, such as a mirror's, with --base-image"
        ) from error


def _stream(engine: Engine, context: io.BytesIO, tag: str, arguments: dict[str, str],
            labels: dict[str, str]) -> Iterator[dict[str, Any]]:  # fmt: skip
    answers: Iterator[dict[str, Any]] = engine.client.api.build(
        fileobj=context,
        custom_context=True,
        tag=tag,
        buildargs=arguments,
        labels=labels,
        rm=True,
        forcerm=True,
        decode=True,
    )
    return answers


def _follow(answers: Iterator[dict[str, Any]], log: Path, say: LINE) -> str | None:
    """Write a build's output to ``log`` as it comes and return its error, if any."""
    with log.open("a", encoding="utf-8") as file:
        for answer in answers:
            text = answer.get("stream") or answer.get("error", "")
            file.write(text)
            file.flush()
            if text.startswith("Step "):
                say(printable(text.splitlines()[0].encode())[:_SHOWN])
            if "error" in answer:
                return str(answer["error"]).strip()
    return None


def build(
    engine: Engine,
    configuration: Configuration,
    device: Device,
    options: BuildOptions,
    log: Path,
    say: LINE,
) -> Image:
    """Return the configuration's image for ``device``, building it if its inputs changed.

    The tag holds a hash of the recipe, the locked requirements, ``models/`` and the base image's
    id. The build's output goes to ``log``, line by line to ``say``. Raises BuildError.
    """
    files = recipe(configuration, device)
    base = options.base_image or configuration.images.base(device)
    base_digest = _base_digest(engine, base, say)
    inputs = _inputs_hash(files, base_digest, device)
    tag = f"{LABEL}/{configuration.name}:{device}-{inputs[:16]}"
    try:
        found = engine.client.images.get(tag)
        say(f"{tag} is up to date")
    except ImageNotFound:
        say(f"building {tag}")
        arguments = {
            "BASE_IMAGE": base,
            "DEVICE": str(device),
            "PIP_INDEX_URL": options.package_index or "",
        }
        labels = {LABEL: "image", f"{LABEL}.configuration": configuration.name}
        try:
            answers = _stream(engine, _context(files, options), tag, arguments, labels)
            problem = _follow(answers, log, say)
        except (APIError, requests.exceptions.RequestException) as error:
            problem = str(error)
        if problem:
            raise BuildError(f"{printable(problem.encode())}; see {log}") from None
        found = engine.client.images.get(tag)
    return Image(tag, str(found.id), base_digest, sha256(files["requirements.lock"]))
