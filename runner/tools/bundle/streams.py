"""Tars that an engine sends, piece by piece."""

import io
from collections.abc import Generator, Iterator, Mapping
from typing import Any

import requests.exceptions
from docker.errors import create_api_error_from_http_exception

from runner.environments.datasets import CHUNK
from runner.machine.docker_engine import Engine


def streamed(engine: Engine, path: str, params: Mapping[str, Any]) -> Generator[bytes, None, None]:
    """Yield what the engine answers. Close it, or an unread rest keeps the engine waiting.

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


class Pieces(io.RawIOBase):
    """A stream of pieces, read as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size
