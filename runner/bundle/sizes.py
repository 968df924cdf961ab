"""Sizes and spans of time in words."""

from __future__ import annotations


def shown(size: float) -> str:
    """Return a number of bytes as a person reads it: ``1.2 GB``."""
    for unit in ("B", "kB", "MB"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.1f} GB" if size < 100 else f"{size:.0f} GB"
