"""Engines that cannot be reached: the address, its own cause, and what helps, in two lines."""

import http.server
import json
import threading

import pytest

from runner.cli.app import main
from runner.environments.engine_calls import BROKEN
from runner.errors import ExitCode, MachineError
from runner.machine.docker_engine import connect_engine, credential_problem, explained, refusals
from runner.words import without_password


@pytest.fixture(autouse=True)
def no_engine_of_the_environment(monkeypatch, tmp_path):
    for name in ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))


class AnsweringServer(http.server.ThreadingHTTPServer):
    """Listens on this machine; ``answer`` is a status and what to send as JSON."""

    def __init__(self, answer):
        super().__init__(("127.0.0.1", 0), Answering)
        self.answer = answer


class Answering(http.server.BaseHTTPRequestHandler):
    """An engine, or a proxy before one, that answers everything alike."""

    server: AnsweringServer

    def do_GET(self):
        status, content = self.server.answer
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments): ...


@pytest.fixture
def engine_that_answers():
    """Return a function that gives the address of an engine which answers like that."""
    servers = []

    def serve(status, content):
        server = AnsweringServer((status, content))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"tcp://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def lines_of(engine):
    with pytest.raises(MachineError) as caught:
        connect_engine(engine)
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    return lines


@pytest.mark.parametrize(
    ("address", "cause", "remedy"),
    [
        ("tcp://127.0.0.1:notaport", "no address of an engine", "tcp://HOST:2376"),
        ("foo", "", ""),
        ("tcp://127.0.0.1:1", "", "start one"),
        ("ssh://user@nowhere.invalid", "paramiko", "ssh -nNT -L"),
        ("/nowhere/docker.sock", "", "start one"),
        ("http://127.0.0.1:99999", "", ""),
    ],
)
@pytest.mark.parametrize("named", ["--engine", "DOCKER_HOST"])
def test_the_address_its_cause_and_a_remedy_are_named(monkeypatch, address, cause, remedy, named):
    """A port that is no number ended in a traceback; all others had one cause and one remedy."""
    if named == "DOCKER_HOST":
        monkeypatch.setenv("DOCKER_HOST", address.replace("/nowhere", "unix:///nowhere"))
    first, second = lines_of(address if named == "--engine" else None)
    assert named in first
    assert cause in first
    assert remedy in second


def test_a_password_of_an_address_is_not_shown(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://me:secret@127.0.0.1:1")
    assert "secret" not in " ".join(lines_of(None))


def test_missing_certificates_are_the_cause(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path / "none"))
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    first, second = lines_of(None)
    assert "certificates" in first
    assert "DOCKER_CERT_PATH" in second


def test_a_proxy_that_forbids_is_the_cause(engine_that_answers):
    address = engine_that_answers(403, {"message": "forbidden by policy"})
    first, second = lines_of(address)
    assert address in first
    assert "forbids" in first
    assert "info" in second


def test_an_engine_of_another_age_is_the_cause(engine_that_answers):
    first, second = lines_of(engine_that_answers(200, {"ApiVersion": "1.18"}))
    assert "too old" in first
    assert "update it" in second


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:notaport", "ssh://user@nowhere.invalid"])
@pytest.mark.parametrize("command", ["plan", "doctor", "clean", "build"])
def test_no_command_ends_in_a_traceback(address, command, tmp_path, capsys):
    what = {
        "plan": ["--config", "jax-k3", "--device", "cpu", "--launcher", "docker"],
        "doctor": ["--config", "jax-k3", "--device", "cpu", "--launcher", "docker"],
        "clean": ["--dry-run", "--kind", "images"],
        "build": ["--config", "jax-k3", "--device", "cpu"],
    }[command]
    results = [] if command == "build" else ["--results", str(tmp_path / "runs")]
    assert main([command, *what, *results, "--engine", address]) == ExitCode.MACHINE
    said = capsys.readouterr()
    shown = without_password(address)
    assert shown in (said.out + said.err).replace("\n", "").replace(" ", "")


HELPERS = [
    {"credsStore": "of-no-machine"},
    {"credHelpers": {"registry.invalid": "of-no-machine"}},
]


@pytest.mark.parametrize("config", HELPERS)
def test_a_credential_helper_that_is_missing_is_said_with_a_remedy(tmp_path, config):
    """Docker's library raises an error that is none of its own: the run ended in a traceback."""
    assert credential_problem() is None
    (tmp_path / "config.json").write_text(json.dumps(config))
    problem = credential_problem()
    assert "of-no-machine" in problem
    assert "DOCKER_CONFIG" in problem


def test_what_is_not_about_credentials_has_no_such_remedy():
    assert explained(OSError("no space left")) == "no space left"
    assert set(BROKEN) != set(refusals())
