"""Data and policy as the page embeds them."""

import base64
import hashlib
import json
from collections.abc import Iterable
from io import BytesIO
from typing import Any

import pandas as pd

# Of a file that the page carries: a larger one is made by the command that exports.
_LARGEST_FILE = 1 << 17


def embedded_json(content: Any) -> str:
    """Return ``content`` as JSON that cannot end the script element that holds it.

    Raises ValueError for a number that JSON does not have.
    """
    written = json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return written


def embedded_parquet(table: pd.DataFrame) -> str | None:
    """Return a table as the address of a Parquet file within the page; None if it is too large."""
    file = BytesIO()
    table.to_parquet(file, index=False, compression="zstd")
    content = file.getvalue()
    if len(content) > _LARGEST_FILE:
        return None
    return f"data:application/vnd.apache.parquet;base64,{base64.b64encode(content).decode()}"


def _source(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def content_policy(scripts: Iterable[str], style: str) -> str:
    """Return the Content-Security-Policy under which only these scripts and this style work."""
    allowed = " ".join(map(_source, scripts)) or "'none'"
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {allowed}",
            f"style-src {_source(style)}",
            "img-src data:",  # the empty icon, so that a server is not asked for favicon.ico
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
