"""The wheels and source archives that an image's locks name, as its own pip chooses them."""

import io
import re
import shutil
import tarfile
import tempfile
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any, cast

import requests.exceptions
from docker.errors import APIError, create_api_error_from_http_exception
from docker.models.containers import Container

from runner.environments.datasets import CHUNK, file_sha256
from runner.environments.image import ImagePlan, add_file, add_ways
from runner.environments.lockfile import ENDINGS, locked_hashes
from runner.errors import BuildError
from runner.machine.docker_engine import LABEL, Engine
from runner.spec.choices import BuildOptions
from runner.words import printable

_BUILD = "/opt/build"
_FOUND = f"{_BUILD}/found"
_PYTHON = re.compile(rb"^Python (\d+\.\d+\.\d+)", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+!-]*\Z")


def streamed(engine: Engine, path: str, params: Mapping[str, Any]) -> Generator[bytes, None, None]:
    """Yield the tar that the engine answers. Close it, or an unread rest keeps the engine waiting.

    It has no limit of time: an engine packs everything before it sends the first byte.
    """
    api = engine.client.api
    address = f"{api.base_url}/v{api.api_version}/{path}"
    with api.get(address, params=params, stream=True, timeout=None) as answer:
        try:
            answer.raise_for_status()
        except requests.exceptions.HTTPError as error:
            create_api_error_from_http_exception(error)
        yield from answer.iter_content(CHUNK)


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
    # Of a stream, tarfile asks nothing but what comes next, at most ``bufsize`` bytes.
    stream = cast(IO[bytes], SimpleNamespace(read=lambda _: next(pieces, b"")))
    with tarfile.open(fileobj=stream, mode="r|", bufsize=CHUNK) as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isreg() else None
            if content is None:
                continue
            path = folder / member.name.rpartition("/")[2]
            if not _NAME.match(path.name) or not path.name.endswith(ENDINGS):
                raise BuildError(f"pip brought a file named {path.name!r}, which is no package's")
            with path.open("wb") as file:
                shutil.copyfileobj(content, file, CHUNK)
            if file_sha256(path) not in named:
                raise BuildError(f"pip brought {path.name}, whose SHA-256 no lock names")
            received.append(path)
    return received


def _run(container: Container, log: Path) -> str | None:
    """Run the container to its end and return the version of its Python."""
    container.start()
    with log.open("ab") as file:
        for piece in container.logs(stream=True, follow=True):
            file.write(piece)
    if container.wait()["StatusCode"]:
        last_line = container.logs(tail=1).strip()
        raise BuildError(f"packages cannot be downloaded: {printable(last_line)}; see {log}")
    found = _PYTHON.search(container.logs())
    return found[1].decode() if found else None


def download_packages(
    engine: Engine, plan: ImagePlan, options: BuildOptions, folder: Path, log: Path
) -> tuple[str | None, list[Path]]:
    """Download into ``folder`` what a configuration's locks name, for its image's Python.

    pip runs in a container of the image's lowest stage, so it chooses as the build did. Returns the
    version of that Python and the files. Raises BuildError.
    """
    wanted = (plan.configuration.build_lock, plan.configuration.lock(plan.device))
    locks = {path.name: path.read_bytes() for path in wanted if path.exists()}
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
