"""What is said in words below the tables: verdicts, differences, warnings, reasons."""

import re

import pandas as pd

from runner.report.cells import FIGURE_CAPTION, PICTURE, studies_beside, study_year
from runner.spec.job import Status
from runner.spec.study import Study, reproduced_studies
from runner.tables.against_published import OrderVerdict, setup_differences
from runner.tables.published import published_setups

_DETAIL = re.compile(r" \([^()]*\)$")


def _one_line(text: str, cells: list[tuple[str, str]], everything: int) -> str:
    """Return a text with (cell, detail), a detail said once where it is the same in all cells."""
    if len({detail for _, detail in cells}) > 1:
        return f"{text}: {', '.join(cell + detail for cell, detail in cells)}"
    named = "all" if len(cells) == everything > 1 else ", ".join(cell for cell, _ in cells)
    return f"{text}{cells[0][1]}: {named}"


def grouped_lines(lines: list[tuple[str, str]], everything: int) -> list[str]:
    """Return "text: cell, cell" for pairs of (cell, text), a line for each text.

    Texts that differ only in what stands in parentheses at their end share a line, in which each
    cell has its own: "the interval is wide: cell (+-9 %), cell (+-12 %)".
    """
    by_text: dict[str, list[tuple[str, str]]] = {}
    for cell, text in lines:
        detail = match[0] if (match := _DETAIL.search(text)) else ""
        by_text.setdefault(text.removesuffix(detail), []).append((cell, detail))
    return [_one_line(text, cells, everything) for text, cells in by_text.items()]


def _name(row: pd.Series) -> str:
    settings = f" ({row['settings']})" if row["settings"] else ""
    return f"{row['configuration']}/{row['backend']} {row['model']}{settings}"


def reason_lines(summary: pd.DataFrame) -> list[str]:
    """Return a line for every reason why cells are not ok, with the cells."""
    lines = [
        (_name(row), f"{row['status']}: {row['reason']}")
        for _, row in summary.iterrows()
        if row["status"] != Status.OK
    ]
    return grouped_lines(lines, len(summary))


def warning_lines(summary: pd.DataFrame) -> list[str]:
    """Return a line for everything that makes measurements unsteady, with the cells it touches."""
    timed = summary[summary["seconds_per_epoch"].notna()]
    lines = [
        (_name(row), text)
        for _, row in timed.iterrows()
        for text in str(row["warnings"]).split("; ")
        if text
    ]
    return grouped_lines(lines, len(timed))


def asked_lines(table: pd.DataFrame) -> list[str]:
    """Return what is known of a run of which no job has a time: what was asked for, and where."""
    named = {
        "configuration": "configuration",
        "backend": "backend",
        "model": "model",
        "data": "data_source",
        "threads": "threads",
        "launcher": "launcher",
        "device": "device",
        "device's name": "device_name",
        "processor": "cpu_model",
        "kernel": "kernel",
        "runner": "runner_version",
        "commit": "git_commit",
    }
    values = {label: table[column].dropna().unique() for label, column in named.items()}
    return [f"{label}: {', '.join(map(str, v))}" for label, v in values.items() if len(v)]


def _versions(ok: pd.DataFrame) -> str:
    """Return the versions that jobs said they ran, such as "Keras 3.15.1 with jax 0.10.2"."""
    named = ok[["keras_version", "backend", "backend_version"]].dropna().drop_duplicates()
    return ", ".join(
        f"Keras {keras} with "
        + ", ".join(f"{backend} {version}" for backend, version in rows.to_numpy()[:, 1:])
        for keras, rows in named.groupby("keras_version", sort=False)
    )


def conditions_line(table: pd.DataFrame) -> str:
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
    ran = [versions] if (versions := _versions(ok)) else []
    return "; ".join([*ran, *parts, f"samples per epoch: {trained}"])


_OVER_TENSORFLOW = "; x TF: over TensorFlow's in the same test"


def _of_study(study: Study, name: str) -> str:
    """Return a sentence on a study's figures in a table, which calls them ``name``."""
    card = f" on a {study.gpu}" if study.gpu else ""
    first = f", the first epoch {study.first_epoch}" if study.first_epoch else ""
    return f"{name}: seconds per epoch{card} at full size{first}"


def caption_of(summary: pd.DataFrame) -> str:
    """Return what a table of measured and published cells must be read with."""
    beside = studies_beside(summary)
    over = _OVER_TENSORFLOW if beside or (summary["backend"] == "tensorflow").any() else ""
    caption = f"s per epoch: {FIGURE_CAPTION}{over}."
    if not beside:
        return caption
    names = [study_year(beside)] if len(beside) == 1 else [study.name for study in beside]
    studies = "; ".join(map(_of_study, beside, names))
    return (
        f"{caption} {studies}, so only the ratios can be compared; {PICTURE}: the number stands in "
        "a picture only."
    )


def detail_title(summary: pd.DataFrame) -> str:
    """Return the title of the table of cells: published figures stand in it where there are any."""
    return "Beside the published figures" if studies_beside(summary) else "Each cell"


def verdict_lines(found: list[OrderVerdict]) -> list[str]:
    """Return whether the published orders of backends hold, in words."""
    lines = [(f"{v.name} ({v.series}, {v.gpu})", f"{v.verdict}, {v.why}") for v in found]
    return grouped_lines(lines, 0)


def of_reproduced(found: list[OrderVerdict]) -> list[OrderVerdict]:
    """Return the verdicts on studies that a suite of ours reproduces."""
    known = [study.name for study in reproduced_studies()]
    return [verdict for verdict in found if verdict.study in known]


def difference_lines(table: pd.DataFrame) -> list[str]:
    """Return a line per difference from the set-up of a reproduced study, with its cells."""
    names = [study.name for study in reproduced_studies()]
    setups = published_setups()
    series = setups.loc[setups["study"].isin(names), "series"].unique()
    parts = [setup_differences(table, str(name)) for name in series]
    found = pd.concat(parts, ignore_index=True)
    cells = found["model"] + " " + found["backend"]
    return grouped_lines(list(zip(cells, found["difference"], strict=True)), cells.nunique())
