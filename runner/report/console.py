"""Where everything is printed, so that no text can control the terminal."""

import json
import os
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from runner.words import escaped_lines, printable


def safe_text(text: str, limit: int = 500) -> str:
    """Return text that a job may have chosen as one line without control characters."""
    return printable(text.encode("utf-8", "backslashreplace"), limit)


def safe_markup(text: str, limit: int = 500) -> str:
    """Return the same where markup is read: without any of its own."""
    return escape(safe_text(text, limit))


class SafeConsole(Console):
    """A console whose terminal no text that it is given can control.

    Rich takes out a few control characters and lets the rest through, the escape character and
    bidirectional overrides among them.
    """

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(escaped_lines(text), **options)

    def on_broken_pipe(self) -> None:
        """Go on unheard: a run of hours does not end because its reader did."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


# Text is shown as it is: markup is for those who ask for it with ``markup=True``.
out = SafeConsole(soft_wrap=False, emoji=False, markup=False)
err = SafeConsole(stderr=True, soft_wrap=True, emoji=False, markup=False)


def print_json(value: dict[str, Any]) -> None:
    """Print an object as one line of JSON, for programs."""
    out.print(json.dumps(value, allow_nan=False), highlight=False, soft_wrap=True)


def print_line(line: str) -> None:
    """Print a line as it is, however long."""
    out.print(line, highlight=False, soft_wrap=True)


def print_note(line: str) -> None:
    """Print a line of progress."""
    out.print(f"  {line}", highlight=False, soft_wrap=True, style="dim")


def print_labelled(console: Console, label: str, text: str, style: str) -> None:
    """Print a label in ``style`` and a text of any origin after it."""
    line = Text.assemble((label, style), " ", escaped_lines(text))
    console.print(line, highlight=False, soft_wrap=True)
