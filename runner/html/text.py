"""Text from elsewhere made harmless, and data and policy as the page embeds them."""

from __future__ import annotations

import base64
import hashlib
import json
import unicodedata
from collections.abc import Iterable
from typing import Any

# C0 controls have pictures of their own from here on: U+001B is shown as the picture of ESC.
_PICTURES = 0x2400
_DELETE, _DELETE_PICTURE = 0x7F, "\u2421"
# Controls, invisible formats (bidirectional overrides too), lone surrogates, private use, and the
# separators that scripts take for the end of a line.
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def _shown(character: str) -> str:
    code = ord(character)
    if character in "\n\t" or unicodedata.category(character) not in _UNSEEN:
        return character
    if code < 0x20:
        return chr(_PICTURES + code)
    return _DELETE_PICTURE if code == _DELETE else f"[U+{code:04X}]"


def visible(text: str) -> str:
    """Return ``text`` with every character that controls or hides something made visible."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return lines if lines.isascii() and lines.isprintable() else "".join(map(_shown, lines))


def embed(content: Any) -> str:
    """Return ``content`` as JSON that cannot end the script element that holds it.

    Raises ValueError for a number that JSON does not have.
    """
    written = json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return written


def _source(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def policy(scripts: Iterable[str], style: str) -> str:
    """Return the Content-Security-Policy under which only these scripts and this style work."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(map(_source, scripts))}",
            f"style-src {_source(style)}",
            "img-src data:",  # the empty icon, so that a server is not asked for favicon.ico
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
