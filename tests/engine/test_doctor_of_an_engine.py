"""The doctor and a real engine: what it says must be what the engine says."""

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner import paths
from runner.errors import MachineError
from runner.machine.docker_engine import WORK_SECONDS, connect_engine

CALL = ["-m", "runner", "doctor", "--config", "jax-k3", "--data", "synthetic", "--json"]


def ask(tmp_path, *arguments):
    ended = subprocess.run(
        [sys.executable, *CALL, "--results", str(tmp_path / "runs"), *arguments],
        cwd=paths.ROOT,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert ended.stdout, ended.stderr
    told = json.loads(ended.stdout)
    assert ended.returncode == (0 if told["can_work"] else 3)
    return {(f["check"], f["subject"]): f for f in told["findings"]}


def test_an_engine_that_answers(engine, tmp_path):
    found = ask(tmp_path, "--device", "cpu", "--launcher", "docker")
    assert engine.client.api.timeout == WORK_SECONDS
    assert engine.info["ServerVersion"] in found["engine", "engine"]["text"]
    assert found["engine", "GPU in a container"]["state"] == "ok"
    rooms = [said["text"] for (_, subject), said in found.items() if subject.startswith("disk of ")]
    assert rooms
    assert all(" free, " in text and " needed" in text for text in rooms)
    assert not (tmp_path / "runs").exists()


def connect_as_nobody(socket, answers):
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    try:
        connect_engine(socket)
        answers.put("connected")
    except MachineError as error:
        answers.put(str(error))


def test_a_socket_that_is_not_ours_to_use(engine):
    if os.getuid() != 0:
        pytest.skip("needs root, to become a user who may not use the engine")
    socket = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not socket.startswith("unix://") or Path(socket[7:]).stat().st_mode & 0o006:
        pytest.skip("needs an engine whose socket is closed to others")
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=connect_as_nobody, args=(socket, answers))
    child.start()
    assert "no permission" in answers.get(timeout=60)
    child.join(60)
