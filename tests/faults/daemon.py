"""A Docker daemon of the tests' own, to be killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from docker.errors import DockerException

import docker


class Daemon:
    """A daemon whose folders are all under ``root``, in a network namespace of its own.

    One in the machine's namespace would remove the bridge of the machine's own daemon: dockerd does
    so where it is started with ``--bridge none``, and a bridge of its own could collide.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.url = f"unix://{root}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def client(self) -> docker.DockerClient:
        return docker.DockerClient(base_url=self.url, timeout=60)

    def start(self) -> None:
        """Start it and wait for its answer. The containers of a killed one, it takes over."""
        for left in ("pid", "exec/containerd/containerd.pid"):
            (self._root / left).unlink(missing_ok=True)
        with (self._root / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(
                ["unshare", "--net", "dockerd", "--data-root", self._root / "data",
                 "--exec-root", self._root / "exec", "--pidfile", self._root / "pid",
                 "--host", self.url, "--bridge", "none", "--iptables=false"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + 60
        while not self.answers():
            assert time.monotonic() < deadline, (self._root / "log.txt").read_text()[-2000:]
            time.sleep(0.1)

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except DockerException:
            return False

    def kill(self) -> None:
        """End it as kill -9 does: it can tidy nothing up."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it and all that it started, and remove its folders."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=60)
        for pid in self._of_ours():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        subprocess.run(f"umount {self._root}/data/overlay2/*/merged {self._root}/exec/netns/*",
                       shell=True, capture_output=True, check=False)  # fmt: skip
        shutil.rmtree(self._root, ignore_errors=True)

    def _of_ours(self) -> list[int]:
        """Return containerd and its shims, which outlive a killed daemon."""
        mark = str(self._root).encode()
        return [
            int(path.parent.name)
            for path in Path("/proc").glob("[0-9]*/cmdline")
            if mark in _read(path) and int(path.parent.name) != os.getpid()
        ]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
