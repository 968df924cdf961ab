"""From the summary to tables that a person reads: on the terminal and as Markdown."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from runner import comparison, limits, phases, publications, remedies
from runner.files import whole
from runner.jobs import Status
from runner.text import markdown_text
from runner.workloads import published_workloads

_MEASURED = {
    "model": "model",
    "backend": "backend",
    "configuration": "configuration",
    "seconds_per_epoch": "s per epoch",
    "spread": "95 %",
    "first_epoch_seconds": "first epoch",
    "val_accuracy": "val acc",
    "measured_ratio": "x TF",
}
_PUBLISHED = {
    "article": "2017 article",
    "notebook": "2017 notebook",
    "published_ratio": "2017 x TF",
}
_PUBLISHED_SHORT = {"either": "2017", "published_ratio": "2017 x TF"}


def seconds_text(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _number(column: str, value: str | float | None) -> str:
    """Return one figure as it is shown; a missing one as a dash."""
    if value is None or pd.isna(value):
        return "-"
    if isinstance(value, float):
        if column == "spread":
            return f"+-{100 * value:.0f}%"
        if "ratio" in column or "accuracy" in column:
            return f"{value:.2f}" if "ratio" in column else f"{value:.3f}"
        return seconds_text(value)
    return str(value)


def text_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with every cell as a person reads it; what is missing as a dash."""
    shown = frame.astype(object)
    for column in shown:
        shown[column] = [_number(str(column), value) for value in shown[column]]
    return shown


def _time(row: pd.Series) -> str:
    """Return a cell's time, or its status where it has none."""
    if pd.notna(row["seconds_per_epoch"]):
        mark = "" if row["status"] == Status.OK else "*"
        return seconds_text(row["seconds_per_epoch"]) + mark
    if row["status"] != Status.OK:
        return str(row["status"])
    return "one epoch only"


def pivot(summary: pd.DataFrame) -> pd.DataFrame:
    """Return text cells: rows are models, columns configuration/backend, seconds per epoch.

    A cell without a time shows its status; one with a time from fewer repeats than were planned
    is marked with an asterisk.
    """
    named = summary.assign(
        model=summary["model"].astype("string"),
        column=summary["configuration"].astype(str) + "/" + summary["backend"].astype(str),
        cell=summary.apply(_time, axis=1),
    )
    if named["device"].nunique() > 1:
        named["column"] = named["column"] + " (" + named["device"] + ")"
    table = named.pivot_table(
        index="model", columns="column", values="cell", aggfunc=" / ".join, sort=False
    )
    return table.fillna("not asked for").rename_axis(None, axis="columns").reset_index()


def _details(summary: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    compared = publications.compare(summary)
    width = (compared["seconds_high"] - compared["seconds_low"]) / 2
    compared["spread"] = width / compared["seconds_per_epoch"]
    compared["either"] = compared["notebook"].where(
        compared["notebook"] != "-", compared["article"]
    )
    kept = list(columns)
    if compared.groupby("backend")["configuration"].nunique().max() == 1:
        kept.remove("configuration")
    return text_cells(compared[kept]).rename(columns=columns)


def details(summary: pd.DataFrame) -> pd.DataFrame:
    """Return text rows, one per cell, with the published figures and the ratios beside it."""
    return _details(summary, {**_MEASURED, **_PUBLISHED})


def short_details(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the same for a terminal: the notebooks' figure, or else the article's."""
    return _details(summary, {**_MEASURED, **_PUBLISHED_SHORT})


def grouped(lines: list[tuple[str, str]], everything: int) -> list[str]:
    """Return "text: cell, cell" for pairs of (cell, text), a line for each text."""
    by_text: dict[str, list[str]] = {}
    for cell, text in lines:
        by_text.setdefault(text, []).append(cell)
    return [
        f"{text}: {'all' if len(cells) == everything > 1 else ', '.join(cells)}"
        for text, cells in by_text.items()
    ]


def _name(row: pd.Series) -> str:
    return f"{row['configuration']}/{row['backend']} {row['model']}"


def reasons(summary: pd.DataFrame) -> list[str]:
    """Return a line for every cell that is not ok, with why."""
    return [
        f"{_name(row)}: {row['status']}: {row['reason']}"
        for _, row in summary.iterrows()
        if row["status"] != Status.OK
    ]


def advice(summary: pd.DataFrame) -> list[str]:
    """Return a line for every status but ok that there is, with what to do."""
    return remedies.of(summary["status"].astype(str))


def warnings(summary: pd.DataFrame) -> list[str]:
    """Return a line for everything that makes measurements unsteady, with the cells it touches."""
    timed = summary[summary["seconds_per_epoch"].notna()]
    said = [
        (_name(row), text)
        for _, row in timed.iterrows()
        for text in str(row["warnings"]).split("; ")
        if text
    ]
    return grouped(said, len(timed))


def conditions(table: pd.DataFrame) -> str:
    """Return one line on what the figures were measured with."""
    ok = table[table["status"] == Status.OK]
    parts = [
        f"{label} {'/'.join(sorted(map(str, ok[column].dropna().unique()))) or 'unknown'}"
        for label, column in (
            ("device:", "device_name"),
            ("threads:", "threads"),
            ("data:", "data_source"),
            ("launcher:", "launcher"),
        )
    ]
    sizes = ok.groupby("model", sort=False)["samples"].max().to_dict()
    each = ", ".join(f"{model} {count:,}" for model, count in sizes.items())
    counts = set(sizes.values())
    trained = f"{counts.pop():,}" if len(counts) == 1 else each
    return "; ".join([*parts, f"samples per epoch: {trained}"])


CAPTION = (
    "s per epoch: median of the epochs after the first, validation included, and half its 95 % "
    "interval; x TF: over TensorFlow's in the same test. 2017: seconds per epoch on a Tesla K80 "
    "at full size, the first epoch included, so only the ratios can be compared; image: the "
    "number stands in a picture."
)


_LONGEST_LABEL = 40


def _narrow(title: str) -> str:
    """Return a column's title broken into short lines."""
    return escape(title).replace(" ", "\n").replace("/", "/\n")


def rich_table(frame: pd.DataFrame, title: str) -> Table:
    """Return a frame of text cells as a table for the terminal."""
    table = Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0)
    )
    for position, column in enumerate(frame):
        longest = max(map(len, frame[column]), default=0)
        is_text = position == 0 or bool(frame[column].str.contains("[a-z]{4}$").all())
        table.add_column(
            escape(str(column)) if is_text else _narrow(str(column)),
            justify="left" if is_text else "right",
            no_wrap=longest <= _LONGEST_LABEL,
        )
    # Space between groups of rows, not between rows that are a group each.
    is_grouped = bool(frame.iloc[:, 0].duplicated().any())
    last = None
    for row in frame.itertuples(index=False):
        if is_grouped and last is not None and row[0] != last:
            table.add_section()
        last = row[0]
        table.add_row(*(escape(str(value)) for value in row))
    return table


def markdown_table(frame: pd.DataFrame) -> str:
    """Return a frame of text cells as a Markdown table."""
    rows = [[markdown_text(str(v)) for v in row] for row in frame.itertuples(index=False)]
    titles = [markdown_text(str(name)) for name in frame.columns]
    lines = [titles, ["---"] * len(frame.columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def phase_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return text rows, one per job, of where its wall time went, in seconds."""
    found = phases.table(table).drop(columns=["run"])
    shown = found.rename(columns=lambda name: name.removesuffix("_seconds").replace("_", " "))
    return shown.astype(object).map(lambda value: _number("", value))


def limit_table(table: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Return text rows, one per timed cell: seconds per step and the distance to the peak."""
    found = limits.table(table, summary)
    return pd.DataFrame(
        {
            "model": found["model"],
            "backend": found["backend"],
            "ms per step": [_number("", value) for value in found["ms_per_step"]],
            "GFLOP/s": [_number("", value / 1e9) for value in found["flops_per_second"]],
            "peak GFLOP/s": [_number("", v / 1e9) for v in found["peak_flops_per_second"]],
            "of peak": [_percent(value) for value in found["of_peak"]],
            "input share": [_percent(value) for value in found["input_share"]],
            "finding": found["finding"],
        }
    ).astype("string")


def _percent(value: float | None) -> str:
    return "-" if value is None or pd.isna(value) else f"{100 * value:.2g}%"


def verdict_lines(summary: pd.DataFrame, series: str = "") -> list[str]:
    """Return whether the published orders of backends hold, for all series or those named so."""
    found = [v for v in comparison.verdicts(summary) if v.series.startswith(series)]
    said = [(f"{v.model} ({v.series}, {v.gpu})", f"{v.verdict}, {v.why}") for v in found]
    return grouped(said, 0)


def difference_lines(table: pd.DataFrame, series: str = "bhatia2017") -> list[str]:
    """Return a line per difference from the published set-up, with the cells it touches."""
    found = comparison.differences(table, series)
    cells = found["model"] + " " + found["backend"]
    return grouped(list(zip(cells, found["difference"], strict=True)), cells.nunique())


def _section(title: str, lines: list[str]) -> list[str]:
    items = "\n".join(f"- {markdown_text(line)}" for line in lines)
    return [f"## {title}", items] if lines else []


def markdown(table: pd.DataFrame, summary: pd.DataFrame) -> str:
    """Return the whole report of a run as Markdown."""
    parts = [
        "# Seconds per epoch",
        markdown_table(pivot(summary)),
        CAPTION,
        markdown_text(conditions(table)),
        "## Beside the published figures",
        markdown_table(details(summary)),
        *_section("Does the published order hold?", verdict_lines(summary)),
        *_section("Differences from the published set-up", difference_lines(table)),
        "## Distance to the limit",
        markdown_table(limit_table(table, summary)),
        "## Where the time went, in seconds",
        markdown_table(phase_table(table)),
        *_section("Not steady", warnings(summary)),
        *_section("Without a time", [*reasons(summary), *advice(summary)]),
    ]
    return "\n\n".join(parts) + "\n"


def write(folder: Path, table: pd.DataFrame, summary: pd.DataFrame) -> None:
    """Write the summary beside a run's table: CSV, Parquet and Markdown."""
    compared = publications.compare(summary)
    with whole(folder / "summary.csv") as partial:
        compared.to_csv(partial, index=False)
    with whole(folder / "summary.parquet") as partial:
        compared.to_parquet(partial, index=False)
    with whole(folder / "summary.md") as partial:
        partial.write_text(markdown(table, summary), encoding="utf-8")


def published_tables() -> list[tuple[str, pd.DataFrame]]:
    """Return the article's five tables, each with its title."""
    cells = publications.cells()
    columns = {"backend": "backend", "article": "article, s/epoch",
               "notebook": "notebooks, s/epoch", "statement": "what the article says"}  # fmt: skip
    return [
        (
            f"{workload.title} (batch {workload.batch_size}, {workload.epochs} epochs, Tesla K80)",
            cells[cells["model"] == workload.name][list(columns)].rename(columns=columns),
        )
        for workload in published_workloads()
    ]
