"""Seconds as a person says them."""

from __future__ import annotations

_MINUTE, _HOUR = 60, 3600


def duration(seconds: float) -> str:
    """Return seconds in words that promise no more than an estimate can: ``3 h 20 min``."""
    if seconds < 2 * _MINUTE:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / _MINUTE)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def clock(seconds: float) -> str:
    """Return seconds as a clock shows them: ``1:04:09``, ``0:43``."""
    whole = int(seconds)
    rest = f"{whole % _HOUR // _MINUTE}:{whole % _MINUTE:02}"
    return f"{whole // _HOUR}:{rest:0>5}" if whole >= _HOUR else rest
