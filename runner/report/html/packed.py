"""Frames packed small for the script: by column, text as positions in a list of its values."""

import math
from typing import Any

import pandas as pd

from runner.words import escaped_lines

_DIGITS = 5


def plain_value(value: Any) -> Any:
    """Return a cell as JSON has it: five significant digits, missing and non-finite as None."""
    if isinstance(value, str):
        return escaped_lines(value)
    if value is None or value is pd.NA:
        return None
    number = value.item() if hasattr(value, "item") else value
    if not isinstance(number, float):
        return None if pd.isna(number) else number
    return float(f"{number:.{_DIGITS}g}") if math.isfinite(number) else None


def _texts(column: list[Any]) -> dict[str, Any]:
    values = list(dict.fromkeys(value for value in column if value is not None))
    position = {value: number for number, value in enumerate(values)}
    return {"values": values, "index": [position.get(value, -1) for value in column]}


def pack_frame(frame: pd.DataFrame) -> dict[str, Any]:
    """Return a frame by column; one without any value is left out."""
    columns: dict[str, Any] = {}
    for name in frame:
        column = list(map(plain_value, frame[name].astype(object)))
        if any(value is not None for value in column):
            is_text = any(isinstance(value, str) for value in column)
            columns[str(name)] = _texts(column) if is_text else column
    return {"length": len(frame), "columns": columns}
