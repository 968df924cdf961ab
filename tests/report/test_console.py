"""What a terminal gets of text that someone else wrote."""

import shlex
import subprocess
import sys
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.markup import escape
from rich.table import Table

from runner.errors import ExitCode
from runner.plan.history import History
from runner.progress.forecast import Forecast
from runner.progress.lines import Lines
from runner.report.console import SafeConsole

PUBLISHED = (sys.executable, "-m", "runner", "published")
NO_FORECAST = Forecast(partial(History, Path("no runs")))


def shown(draw) -> str:
    file = StringIO()
    draw(SafeConsole(file=file, width=500, emoji=False))
    return file.getvalue()


def table_of(text: str) -> Table:
    table = Table(escape(text), title=escape(text))
    table.add_row(escape(text))
    return table


@pytest.mark.parametrize(
    "draw",
    [
        lambda text: lambda console: console.print(escape(text), highlight=False),
        lambda text: lambda console: console.print(f"[red]{escape(text)}[/]", highlight=False),
        lambda text: lambda console: console.print(table_of(text)),
        lambda text: lambda console: Lines(console, NO_FORECAST).note(text),
    ],
)
@given(text=st.text(max_size=40) | st.just("\x1b[2J\x1b]0;x\x07\u202e\x9b31m[red]x[/red]:skull:"))
def test_nothing_controls_the_terminal(draw, text):
    seen = shown(draw(text))
    assert all(c.isprintable() or c == "\n" for c in seen.replace("\t", " "))


def test_markup_and_emoji_names_are_shown_as_they_are():
    text = "[red]x[/red] [link=http://y]z[/link] :skull: \\[a]"
    assert text in shown(lambda console: console.print(escape(text), highlight=False))


def test_a_reader_that_has_gone_ends_nothing():
    with subprocess.Popen(PUBLISHED, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


@pytest.mark.parametrize("arguments", [PUBLISHED, (*PUBLISHED[:3], "--help")])
def test_what_cannot_be_written_is_said_and_fails(arguments):
    """It ended in a traceback."""
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            arguments, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ended.returncode == ExitCode.MACHINE
    assert ended.stderr.startswith("error: No space left on device: is there room")
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "> /dev/full 2>&1"])
def test_streams_that_are_closed_or_full_are_no_traceback(closed):
    ended = subprocess.run(
        ["sh", "-c", f"{shlex.join(PUBLISHED)} {closed}"], capture_output=True, check=False
    )
    assert ended.returncode == (ExitCode.MACHINE if "full" in closed else ExitCode.OK)
    assert ended.stderr == b""


def test_what_the_encoding_lacks_is_escaped():
    ended = subprocess.run(
        [*PUBLISHED[:3], "report", "é", "--results", "ü"],
        env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1", "PATH": ""},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == ExitCode.USAGE
    assert "\\xe9" in ended.stderr
