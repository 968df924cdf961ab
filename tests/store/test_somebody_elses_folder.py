"""A run's folder that somebody else packed: what in it is no plain file is not read."""

import os
import time
from pathlib import Path

import pytest

import runner
from launcher_contract import make_job
from made_runs import events, sample, write_job
from runner.cli.app import main
from runner.errors import ConfigurationError, ExitCode
from runner.spec.documents import Strict, read_document
from runner.spec.regular import open_regular, read_regular
from runner.store.run_folder import RunStore

SECRET = "what only this machine knows"
HOLES = 1 << 40


def run_of_two(root):
    """Write a run of two jobs that have every file that a job can have."""
    store = RunStore.create(root, {})
    for backend in ("tensorflow", "cntk"):
        job = make_job(configuration="tf-cntk-k208", backend=backend)
        write_job(store, job, events(job), log=b"a log\n", samples=map(sample, range(3)))
    return store.folder


@pytest.fixture
def run(tmp_path):
    return run_of_two(tmp_path / "runs")


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.write_text(SECRET)
    return path


def become_link(path, secret):
    path.unlink()
    path.symlink_to(secret)


def become_pipe(path, _):
    path.unlink()
    os.mkfifo(path)


def become_holes(path, _):
    os.truncate(path, HOLES)


def become_folder(path, _):
    path.unlink()
    path.mkdir()


BECOME = [become_link, become_pipe, become_holes, become_folder]
NAMES = ["manifest.json", "jobs/*/job.json", "jobs/*/record.json", "jobs/*/events.jsonl",
         "jobs/*/log.txt", "jobs/*/telemetry.jsonl"]  # fmt: skip


@pytest.mark.parametrize("become", BECOME)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("command", ["report", "page", "export", "compare"])
def test_what_is_no_plain_file_is_neither_read_nor_waited_for(
    run, secret, tmp_path, capsys, become, name, command
):
    """A log that was a link put any file of the reader into the page; a pipe hung it."""
    first = min(run.glob(name))
    become(first, secret)
    page = tmp_path / "page.html"
    began = time.monotonic()
    code = main({
        "report": ["report", str(run)],
        "page": ["report", str(run), "--html", str(page)],
        "export": ["export", str(run), "--format", "csv"],
        "compare": ["compare", str(run), str(run_of_two(tmp_path / "other")), "--json"],
    }[command])  # fmt: skip
    assert time.monotonic() - began < 20
    said = capsys.readouterr()
    assert code in (ExitCode.OK, ExitCode.JOBS_NOT_OK, ExitCode.USAGE), said
    written = page.read_text() if page.exists() else ""
    assert SECRET not in said.out + said.err + written
    if name == "manifest.json":
        assert code == ExitCode.USAGE
        assert str(first) in said.err.replace("\n", "")


@pytest.mark.parametrize("link", ["jobs", "job"])
def test_a_folder_that_is_a_link_is_not_entered(run, tmp_path, capsys, link):
    inside = run / "jobs" if link == "jobs" else min(run.glob("jobs/*"))
    inside.rename(tmp_path / "elsewhere")
    inside.symlink_to(tmp_path / "elsewhere")
    code = main(["report", str(run), "--html", str(tmp_path / "page.html")])
    said = capsys.readouterr()
    if link == "jobs":
        assert code == ExitCode.USAGE
        assert "it is a link, which is not followed" in said.err.replace("\n", "")
    else:
        rows = runner.load(run)
        told = rows.loc[rows["job"] == inside.name, "reason"].iloc[0]
        assert "it is a link, which is not followed" in told


def test_a_run_may_itself_lie_behind_a_link(run, tmp_path):
    (tmp_path / "link").symlink_to(run)
    assert len(runner.load(tmp_path / "link")) == len(runner.load(run))


def test_a_file_is_read_up_to_its_bound(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_regular(path, 5) == b"12345"
    with pytest.raises(OSError, match="it has 5 B, more than 4 B"):
        read_regular(path, 4)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "none")
    with pytest.raises(OSError, match="it is not a plain file"):
        open_regular(Path("/dev/zero"))


@pytest.mark.parametrize("become", [become_pipe, become_holes, become_folder])
def test_a_configuration_is_a_plain_file_of_a_persons_size(tmp_path, become):
    path = tmp_path / "config.toml"
    path.touch()
    become(path, None)
    with pytest.raises(ConfigurationError, match=r"config\.toml: "):
        read_document(path, Strict)


def test_a_byte_order_mark_and_windows_line_ends_are_no_error(tmp_path):
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbf# a comment\r\n")
    read_document(path, Strict)
