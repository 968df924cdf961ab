"""A registry of one small image, as an engine on this machine pulls from it."""

import gzip
import hashlib
import http.server
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from runner.environments.image_content import image_content

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _layer() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("hello")
        entry.size = 5
        tar.addfile(entry, io.BytesIO(b"hello"))
    return packed.getvalue()


class _Registry(http.server.ThreadingHTTPServer):
    """What it serves, by the last word of the address."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        layer = _layer()
        packed = gzip.compress(layer, mtime=0)
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {},
                "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
            }
        ).encode()
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": {
                    "mediaType": "application/vnd.docker.container.image.v1+json",
                    "size": len(config),
                    "digest": _digest(config),
                },
                "layers": [
                    {
                        "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                        "size": len(packed),
                        "digest": _digest(packed),
                    }
                ],
            }
        ).encode()
        self.content = image_content([_digest(layer)], {})
        self.digest = _digest(manifest)
        self.repository = f"127.0.0.1:{self.server_port}/some/base"
        self.manifest = manifest
        self.blobs = {_digest(config): config, _digest(packed): packed}


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Registry

    def do_GET(self) -> None:
        *_, kind, name = ["", *self.path.strip("/").split("/")]
        if self.path == "/v2/":
            return self._answer(200, b"{}", "application/json")
        if kind == "manifests" and name in ("1", "latest", self.server.digest):
            return self._answer(200, self.server.manifest, MANIFEST)
        if kind == "blobs" and name in self.server.blobs:
            return self._answer(200, self.server.blobs[name], "application/octet-stream")
        return self._answer(404, b"{}", "application/json")

    do_HEAD = do_GET  # noqa: N815 - the library's name

    def _answer(self, status: int, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Docker-Content-Digest", _digest(content))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *arguments: object) -> None: ...


@contextmanager
def serving() -> Iterator[_Registry]:
    """Serve while the block runs."""
    with _Registry() as registry:
        threading.Thread(target=registry.serve_forever, daemon=True).start()
        yield registry
        registry.shutdown()
