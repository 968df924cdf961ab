"""Text that someone else wrote, made safe to show: on a terminal, in a log, in Markdown."""

from __future__ import annotations

import codecs
import re
from typing import Any

# Longer ones are cut: a device's name or an error's message is for a person to read.
MAX_TEXT = 2000
# Deeper than anything a job says; far below what makes a serializer give up.
MAX_DEPTH = 16

# Stands where a password was.
REDACTED = "***"
_CREDENTIALS = re.compile(r"(\w://)[^/@\s]+@")
_MARKUP = re.compile(r"([\\`*\[\]<>|&])")


def without_password(text: str) -> str:
    """Return ``text`` without what stands before the host of an address: it may be secret."""
    return _CREDENTIALS.sub(rf"\1{REDACTED}@", text)


def escaped(text: str) -> str:
    r"""Return ``text`` with every character that controls or hides something as ``\x1b`` is here.

    Line ends and tabs, terminal sequences, bidirectional overrides, zero-width characters, lone
    surrogates. What is escaped stays as it is when escaped again.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def printable(raw: bytes, limit: int = 500) -> str:
    """Return ``raw`` as escaped text of one line, cut to ``limit`` bytes."""
    shown = escaped(raw[:limit].decode("utf-8", "backslashreplace"))
    return shown + (f"... ({len(raw)} bytes)" if len(raw) > limit else "")


def escaped_json(value: Any, depth: int = 0) -> Any:
    """Return a JSON value with every string and key in it escaped and cut to ``MAX_TEXT``.

    Raises ValueError where it is nested deeper than ``MAX_DEPTH``.
    """
    if isinstance(value, str):
        return escaped(value[:MAX_TEXT])[:MAX_TEXT]
    if depth > MAX_DEPTH:
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        return {escaped_json(k): escaped_json(v, depth + 1) for k, v in value.items()}
    if isinstance(value, list):
        return [escaped_json(item, depth + 1) for item in value]
    return value


def escaped_lines(text: str) -> str:
    """Return a text of several lines escaped line by line; tabs stay, any line end is a newline."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join("\t".join(map(escaped, line.split("\t"))) for line in lines)


class LogText:
    """Escapes a log's bytes as they come, so that showing the file does nothing else."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def feed(self, chunk: bytes) -> bytes:
        """Return what ``chunk`` completes; a character cut at its end comes with the next."""
        return escaped_lines(self._decoder.decode(chunk)).encode()


def markdown_text(text: str) -> str:
    """Return ``text`` as Markdown that shows it and is neither link, markup, HTML nor cell end."""
    return _MARKUP.sub(r"\\\1", escaped(text))
