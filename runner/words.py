"""Texts, sizes and times: made safe to show, read, and written as people read them."""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from runner.errors import BenchmarkError, UsageError

# Longer ones are cut: a device's name or an error's message is for a person to read.
MAX_TEXT = 2000
# Deeper than anything a job says; far below what makes a serializer give up.
MAX_DEPTH = 16
# Stands where a password was.
REDACTED = "***"
_CREDENTIALS = re.compile(r"(\w://)[^/@\s]+@")
_MARKUP = re.compile(r"([\\`*\[\]<>|&])")
_HASH = re.compile(r"\b(?:sha256:)?([0-9a-f]{12})[0-9a-f]{28,}\b")


def without_password(text: str) -> str:
    """Return ``text`` without what stands before the host of an address: it may be secret."""
    return _CREDENTIALS.sub(rf"\1{REDACTED}@", text)


class _Escapes(dict[int, str]):
    """What stands for each character, found when it is first met; so many are kept."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        is_plain = character.isprintable()
        shown = character if is_plain else character.encode("unicode_escape").decode()
        if len(self) < _KEPT_ESCAPES:
            self[code] = shown
        return shown


_KEPT_ESCAPES = 4096
_ESCAPES = _Escapes()
_ESCAPES_IN_LINES = _Escapes({ord(kept): kept for kept in "\t\n"})


def escaped(text: str) -> str:
    r"""Return ``text`` with every character that controls or hides something as ``\x1b`` is here.

    Line ends and tabs, terminal sequences, bidirectional overrides, zero-width characters, lone
    surrogates. What is escaped stays as it is when escaped again.
    """
    if text.isprintable():
        return text
    return text.translate(_ESCAPES)


@contextmanager
def foreign(what: str, kind: type[BenchmarkError]) -> Iterator[None]:
    """Make one line of ``kind`` of whatever is raised while something of somebody else's is read.

    The line begins with ``what``. Libraries raise more than their pages name: an archive's is of
    the nesting of a document in it, a table's of a field's length.
    """
    try:
        yield
    except BenchmarkError:
        raise
    except Exception as error:
        text = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
        raise kind(f"{what}: {escaped(text.splitlines()[0])[:MAX_TEXT]}") from error


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


_LONG_TEXT = re.compile(rb'"[^"]{%d}' % (MAX_TEXT + 1))


def needs_no_escape(raw: bytes) -> bool:
    """Return whether ``escaped_json`` would change nothing of what ``raw`` holds as JSON.

    JSON has no control characters in its texts but escaped ones.
    """
    return _nested(raw) <= MAX_DEPTH and _has_plain_texts(raw)


def _nested(raw: bytes) -> int:
    """Return a depth that what is nested in JSON does not exceed."""
    return raw.count(b"{") + raw.count(b"[")


def _has_plain_texts(raw: bytes) -> bool:
    is_plain = raw.isascii() and b"\\" not in raw and b"\x7f" not in raw
    return is_plain and _LONG_TEXT.search(raw) is None


def _is_shallow(value: Any, depth: int = 0) -> bool:
    """Return whether nothing that a JSON value holds lies deeper than ``MAX_DEPTH``."""
    if not isinstance(value, dict | list):
        return True
    parts = value.values() if isinstance(value, dict) else value
    return depth < MAX_DEPTH and all(_is_shallow(part, depth + 1) for part in parts)


def read_json(raw: bytes) -> Any:
    """Return what ``raw`` holds as JSON, its texts as ``escaped_json`` has them.

    Raises ValueError or RecursionError where it is none, or nested too deep.
    """
    value = json.loads(raw)
    is_as_escaped = _has_plain_texts(raw) and (_nested(raw) <= MAX_DEPTH or _is_shallow(value))
    return value if is_as_escaped else escaped_json(value)


def escaped_lines(text: str) -> str:
    """Return a text of several lines escaped line by line; tabs stay, any line end is a newline."""
    if text.isprintable():
        return text
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_ESCAPES_IN_LINES)


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


GIB = 1 << 30
_SIZES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": GIB, "T": 1 << 40}
_AGES = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
# A thousand years: more is a typing error, and more than a date can hold.
_LONGEST = timedelta(days=365_000)


def short_hashes(text: str) -> str:
    """Return a text with its hashes cut to what a person compares."""
    return _HASH.sub(r"\1", text)


def size_text(count: int) -> str:
    """Return a number of bytes such as "1.2 GiB"."""
    value, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1000:
            break
        value, unit = value / 1024, larger
    return f"{count} B" if unit == "B" else f"{value:.3g} {unit}"


def age_text(span: timedelta) -> str:
    """Return how long ago something was: "5 min", "3 h", "12 d"."""
    seconds = max(0, int(span.total_seconds()))
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return "now"


def parse_size(text: str) -> int:
    """Return the bytes of "20G", "500M", "1.5T" (binary). Raises UsageError."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?) ?([KMGT]?)(?:i?B)?", text.strip(), re.I)
    if found is None:
        raise UsageError(f"'{text}' is no size; write it such as 20G or 500M")
    return int(float(found[1]) * _SIZES[found[2].upper()])


def parse_age(text: str) -> timedelta:
    """Return the time of "12h", "30d", "4w". Raises UsageError."""
    found = re.fullmatch(r"(\d{1,9}) ?([hdw])", text.strip(), re.I)
    span = int(found[1]) * _AGES[found[2].lower()] if found else None
    if span is None or span > _LONGEST:
        raise UsageError(f"'{text}' is no age; write it such as 12h, 30d or 4w")
    return span


def parse_percentage(text: str, option: str) -> float:
    """Return "2%" as 0.02. Raises UsageError for anything that is no such percentage."""
    try:
        width = float(text.strip().removesuffix("%")) / 100
    except ValueError:
        width = 0.0
    if not 0 < width < 1:
        raise UsageError(f"{option} '{text}' is no percentage between 0 and 100, such as 2%")
    return width


_MINUTE, _HOUR = 60, 3600


def parse_duration(text: str, option: str) -> float:
    """Return the seconds of "10m", "1h30m", "90s", "2.5h". Raises UsageError, naming the option."""
    found = re.fullmatch(
        r"(?:(\d{1,4}(?:\.\d+)?)h)?(?:(\d{1,6}(?:\.\d+)?)m(?:in)?)?(?:(\d{1,8}(?:\.\d+)?)s)?",
        text.replace(" ", "").lower(),
    )
    parts = [float(part or 0) for part in found.groups()] if found else [0.0]
    seconds = sum(part * unit for part, unit in zip(parts, (_HOUR, _MINUTE, 1), strict=False))
    if not seconds:
        raise UsageError(f"{option} '{text}' is no time; write it such as 10m, 90s or 1h30m")
    return seconds


def duration_text(seconds: float) -> str:
    """Return seconds in words that promise no more than an estimate can: ``3 h 20 min``."""
    if seconds < 2 * _MINUTE:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / _MINUTE)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def clock_text(seconds: float) -> str:
    """Return seconds as a clock shows them: ``1:04:09``, ``0:43``."""
    whole = int(seconds)
    rest = f"{whole % _HOUR // _MINUTE}:{whole % _MINUTE:02}"
    return f"{whole // _HOUR}:{rest:0>5}" if whole >= _HOUR else rest


Say = Callable[[str], None]


def version_numbers(version: str) -> tuple[int, ...]:
    """Return "3.11" as (3, 11)."""
    return tuple(int(part) for part in version.split("."))
