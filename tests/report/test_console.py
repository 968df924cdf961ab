"""What a terminal gets of text that someone else wrote."""

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

from runner.plan.history import History
from runner.progress.forecast import Forecast
from runner.progress.lines import Lines
from runner.report.console import SafeConsole

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
    code = "from runner.cli import app; import sys; sys.exit(app.main(['published']))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0
