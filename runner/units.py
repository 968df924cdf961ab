"""Sizes and ages, as people write and read them."""

from __future__ import annotations

import re
from datetime import timedelta

from runner.errors import UsageError

GIB = 1 << 30
_SIZES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": GIB, "T": 1 << 40}
_AGES = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
# A thousand years: more is a typing error, and more than a date can hold.
_LONGEST = timedelta(days=365_000)


def size(count: int) -> str:
    """Return a number of bytes such as "1.2 GiB"."""
    value, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1000:
            break
        value, unit = value / 1024, larger
    return f"{count} B" if unit == "B" else f"{value:.3g} {unit}"


def age(span: timedelta) -> str:
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
