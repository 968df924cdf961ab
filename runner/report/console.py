"""Where everything is printed, so that no text can control the terminal."""

import json
import os
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from runner.words import escaped_lines, printable


def safe_markup(text: str, limit: int = 500) -> str:
    """Return text that a job may have chosen as one line without control characters or markup."""
    return escape(printable(text.encode("utf-8", "backslashreplace"), limit))


class SafeConsole(Console):
    """A console whose terminal no text that it is given can control.

    Rich takes out a few control characters and lets the rest through, the escape character and
    bidirectional overrides among them. Markup is the caller's to escape.
    """

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(escaped_lines(text), **options)

    def on_broken_pipe(self) -> None:
        """Go on unheard: a run of hours does not end because its reader did."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


out = SafeConsole(soft_wrap=False, emoji=False)
err = SafeConsole(stderr=True, soft_wrap=True, emoji=False)


def print_json(value: dict[str, Any]) -> None:
    """Print an object as one line of JSON, for programs."""
    out.print(escape(json.dumps(value, allow_nan=False)), highlight=False, soft_wrap=True)


def print_note(line: str) -> None:
    """Print a line of progress."""
    out.print(f"  {escape(line)}", highlight=False, soft_wrap=True, style="dim")
