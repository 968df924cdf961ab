"""Where the commands print."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

out = Console(soft_wrap=False)
err = Console(stderr=True, soft_wrap=True)


def note(line: str) -> None:
    """Print a line of progress."""
    out.print(f"  {escape(line)}", highlight=False, soft_wrap=True, style="dim")
