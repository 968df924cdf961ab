"""Recipes: the files that decide what an image holds, and the stages that they are built in.

A recipe is cut where it asks for the device, where it copies in the locked requirements and where
it copies in the models. Each stage is an image of its own, named after all that went into it. So a
change of the models is built on the stage below, and a change of the lock on the one below that,
with nothing else fetched or made again: on a machine without a network too. What comes before the
device is often the same in several recipes, and then is made once for all of them.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from runner import paths
from runner.errors import UsageError
from runner.machine.docker_engine import LABEL
from runner.spec.configuration import Configuration, Device

_FROM = "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\n"
# What installs packages learns again how to reach them: it may be built on another machine.
_REACH = "ARG DEVICE\nARG PIP_INDEX_URL\nCOPY ca-bundle.pem /opt/build/\n"


# Where a stage begins: at the line that begins so, and after which lines of its own.
_CUTS = {
    "device": ("ARG DEVICE\n", _FROM + _REACH),
    "environment": ("COPY requirements.lock ", _FROM + _REACH),
    "models": ("COPY models ", _FROM),
}
# The stage that is the finished image.
FINISHED = "models"


@dataclass(frozen=True)
class Stage:
    """One image of a recipe: built from the image ``base`` with ``files``, Dockerfile included."""

    name: str
    tag: str
    base: str
    files: dict[str, bytes]

    @property
    def work(self) -> str:
        """Return a name that stages share which are built from the same, comments apart."""
        lines = self.files["Dockerfile"].splitlines()
        content = {
            **self.files,
            "Dockerfile": b"\n".join(x for x in lines if not x.startswith(b"#")),
        }
        return sha256_of(repr((self.base, sorted(content.items()))).encode())[:32]


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 of ``content`` in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def read_input(path: Path, what: str) -> bytes:
    """Return a file's content. Raises UsageError that names it as ``what``."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{what} {path}: {error.strerror}") from error


def _tree(root: Path, prefix: str) -> dict[str, bytes]:
    """Return a folder's files by their name in the build context."""
    return {
        f"{prefix}/{path.relative_to(root).as_posix()}": path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def recipe_files(configuration: Configuration, device: Device) -> dict[str, bytes]:
    """Return the files that decide what an image holds, by their name in the build context."""
    return {
        "Dockerfile": read_input(configuration.folder / "Dockerfile", "recipe"),
        "requirements.lock": read_input(configuration.lock(device), "locked requirements"),
        **_tree(paths.CONFIGURATIONS / "common", "common"),
        **_tree(paths.MODELS, "models"),
    }


def _does(text: str) -> bool:
    """Return whether a part of a Dockerfile changes an image's files."""
    return any(line.startswith(("RUN ", "COPY ")) for line in text.splitlines())


def _parts(dockerfile: str) -> Iterator[tuple[str, str]]:
    """Yield each stage's name and its own Dockerfile.

    No stage is begun where the one below would change no files, or the new one itself.
    """
    lines = dockerfile.splitlines(keepends=True)
    begun = [
        (n, name)
        for n, line in enumerate(lines)
        for name, (cut, _) in _CUTS.items()
        if line.startswith(cut)
    ]
    name, head, text = "system", "", "".join(lines[: begun[0][0] if begun else None])
    for (at, stage), (end, _) in pairwise([*begun, (len(lines), "")]):
        own = "".join(lines[at:end])
        if _does(text) and _does(own):
            yield name, head + text
            name, head, text = stage, _head(stage, lines[:at]), ""
        text += own
    yield name, head + text


def _head(stage: str, before: Sequence[str]) -> str:
    """Return how a stage begins: with what was declared ``before``, too, as a FROM forgets it."""
    head = _CUTS[stage][1]
    if stage == FINISHED:
        return head
    declared = [line for line in before if line.startswith("ARG ")]
    return head + "".join(line for line in declared if line not in head)


def _copied(dockerfile: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return those of ``files`` that a Dockerfile copies in; a build sees no others."""
    sources = {
        word
        for line in dockerfile.splitlines()
        if line.startswith("COPY ")
        for word in line.split()[1:-1]
    }
    return {
        name: content
        for name, content in files.items()
        if any(name == source or name.startswith(f"{source}/") for source in sources)
    }


def _inputs_hash(files: Mapping[str, bytes], base: str, device: Device) -> str:
    digest = hashlib.sha256()
    for part in (base, str(device), *(n + sha256_of(c) for n, c in sorted(files.items()))):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()


def recipe_stages(
    configuration: Configuration,
    device: Device,
    files: Mapping[str, bytes],
    base: str,
    base_digest: str,
) -> list[Stage]:
    """Return the stages of a recipe, the finished image last.

    ``base`` is what the engine calls the base image, ``base_digest`` its id. The last tag holds a
    hash of all ``files``, the others of what they and the stages below them copy in.
    """
    found: list[Stage] = []
    below, known = base, base_digest
    parts = list(_parts(files["Dockerfile"].decode()))
    for number, (name, text) in enumerate(parts, start=1):
        own = {"Dockerfile": text.encode(), **_copied(text, files)}
        known = _inputs_hash(own, known, device)
        label = f"{device}-{name}-{known[:16]}"
        if number == len(parts):
            label = f"{device}-{_inputs_hash(files, base_digest, device)[:16]}"
        found.append(Stage(name, f"{LABEL}/{configuration.name}:{label}", below, own))
        below = found[-1].tag
    return found
