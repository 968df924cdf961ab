"""The wheels and source archives that an image's locks name, as its own pip chooses them."""

import io
import re
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO

import requests.exceptions
from docker.errors import APIError
from docker.models.containers import Container

from runner.environments.datasets import CHUNK, file_sha256
from runner.environments.image import ImagePlan, add_file, add_ways
from runner.environments.lockfile import ENDINGS, locked_hashes
from runner.errors import BuildError
from runner.machine.docker_engine import LABEL, Engine
from runner.spec.choices import BuildOptions
from runner.tools.bundle.streams import Pieces, streamed
from runner.words import printable

_BUILD = "/opt/build"
_FOUND = f"{_BUILD}/found"
_PYTHON = re.compile(rb"^Python (\d+\.\d+\.\d+)", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+!-]*\Z")


def locks_of(plan: ImagePlan) -> dict[str, bytes]:
    """Return the locks that a configuration's packages come from, by a name for each."""
    wanted = (plan.configuration.build_lock, plan.configuration.lock(plan.device))
    return {path.name: path.read_bytes() for path in wanted if path.exists()}


def _upload(locks: dict[str, bytes], options: BuildOptions) -> IO[bytes]:
    """Return what the container needs: the locks, the CA bundle, the wheels that are at hand."""
    packed = tempfile.TemporaryFile()  # noqa: SIM115 - the caller's to close
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in locks.items():
            add_file(tar, f"locks/{name}", io.BytesIO(content))
        add_ways(tar, options, b"\n".join(locks.values()))
    packed.seek(0)
    return packed


def _receive(pieces: Iterator[bytes], folder: Path, named: set[str]) -> list[Path]:
    """Write the files of a tar to ``folder``; only those that a lock names."""
    received = []
    with tarfile.open(fileobj=io.BufferedReader(Pieces(pieces)), mode="r|") as tar:
        for member in tar:
            name = member.name.rpartition("/")[2]
            content = tar.extractfile(member) if member.isreg() else None
            if content is None:
                continue
            if not _NAME.match(name) or not name.endswith(ENDINGS):
                raise BuildError(f"pip brought a file named {name!r}, which is no package's")
            path = folder / name
            with path.open("wb") as file:
                while chunk := content.read(CHUNK):
                    file.write(chunk)
            if file_sha256(path) not in named:
                raise BuildError(f"pip brought {name}, whose SHA-256 no lock names")
            received.append(path)
    return received


def _run(container: Container, log: Path) -> str | None:
    """Run the container to its end and return the version of its Python."""
    container.start()
    with log.open("ab") as file:
        for piece in container.logs(stream=True, follow=True):
            file.write(piece)
    if container.wait()["StatusCode"]:
        said = container.logs(tail=1).strip()
        raise BuildError(f"packages cannot be downloaded: {printable(said)}; see {log}")
    found = _PYTHON.search(container.logs())
    return found[1].decode() if found else None


def download_packages(
    engine: Engine, plan: ImagePlan, options: BuildOptions, folder: Path, log: Path
) -> tuple[str | None, list[Path]]:
    """Download into ``folder`` what a configuration's locks name, for its image's Python.

    pip runs in a container of the image's lowest stage, so it chooses as the build did. Returns the
    version of that Python and the files. Raises BuildError.
    """
    locks = locks_of(plan)
    named = set().union(*map(locked_hashes, locks.values()))
    if not named:
        return None, []
    try:
        container = engine.client.containers.create(
            plan.stages[0].tag,
            entrypoint=[f"{_BUILD}/common/download-locked.sh"],
            command=[_FOUND, *(f"{_BUILD}/locks/{name}" for name in locks)],
            environment={"PIP_INDEX_URL": options.package_index or ""},
            labels={LABEL: "download"},
        )
        try:
            with _upload(locks, options) as packed:
                container.put_archive(_BUILD, packed)
            python = _run(container, log)
            path = f"containers/{container.id}/archive"
            with closing(streamed(engine, path, {"path": _FOUND})) as pieces:
                return python, _receive(pieces, folder, named)
        finally:
            container.remove(force=True)
    except (APIError, requests.exceptions.RequestException, tarfile.TarError) as error:
        raise BuildError(f"packages cannot be downloaded: {error}; see {log}") from error
