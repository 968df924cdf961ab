"""From the summary to tables that a person reads: on the terminal and as Markdown."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from runner import comparison, limits, phases, publications, remedies, studies
from runner.files import whole
from runner.jobs import Status
from runner.studies import FIGURE, Study
from runner.text import markdown_text

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


def _beside(summary: pd.DataFrame) -> list[Study]:
    """Return the studies whose figures stand beside a summary's models: all where none has any."""
    models = set(summary["model"].astype(str))
    known = studies.reproduced()
    return [s for s in known if models & {test.model for test in s.tests.values()}] or known


def _year(beside: list[Study]) -> str:
    years = {study.year for study in beside}
    return str(years.pop()) if len(years) == 1 else "published"


def published_name(summary: pd.DataFrame) -> str:
    """Return the word for the published side of a summary: the year where there is one."""
    return _year(_beside(summary))


def published_titles(summary: pd.DataFrame) -> dict[str, str]:
    """Return the titles of the columns with published figures that stand beside a summary's."""
    beside = _beside(summary)
    kinds = dict.fromkeys(kind for study in beside for kind in study.kinds)
    year = _year(beside)
    return {kind: f"{year} {kind}" for kind in kinds} | {"published_ratio": f"{year} x TF"}


def _strongest(compared: pd.DataFrame, kinds: list[str]) -> pd.Series:
    """Return each cell's published text: the last kind's that has one."""
    found = compared[kinds[0]]
    for kind in kinds[1:]:
        found = compared[kind].where(compared[kind] != "-", found)
    return found


def short_cells(summary: pd.DataFrame) -> pd.DataFrame:
    """Return text rows, one per cell: measured ones, and in ``published`` the published figure."""
    compared = publications.compare(summary)
    width = (compared["seconds_high"] - compared["seconds_low"]) / 2
    compared["spread"] = width / compared["seconds_per_epoch"]
    titles = published_titles(summary)
    kinds = [column for column in titles if column != "published_ratio"]
    compared["published"] = _strongest(compared, kinds)
    shown = text_cells(compared[[*_MEASURED, *titles, "published"]])
    return shown.replace(publications.IN_A_PICTURE, _PICTURE)


def _titled(summary: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    kept = {**_MEASURED, **titles}
    if summary.groupby("backend")["configuration"].nunique().max() == 1:
        kept.pop("configuration")
    return short_cells(summary)[list(kept)].rename(columns=kept)


def details(summary: pd.DataFrame) -> pd.DataFrame:
    """Return text rows, one per cell, with the published figures and the ratios beside it."""
    return _titled(summary, published_titles(summary))


def short_details(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the same for a terminal: of several published figures of a cell the one that counts.

    Of the kinds of a study the last that has a figure counts.
    """
    ratio = published_titles(summary)["published_ratio"]
    return _titled(summary, {"published": published_name(summary), "published_ratio": ratio})


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


_CAPTION = (
    "s per epoch: median of the epochs after the first, validation included, and half its 95 % "
    "interval; x TF: over TensorFlow's in the same test. "
)
# In tables of many columns.
_PICTURE = "picture"


def _of_study(study: Study, name: str) -> str:
    """Return a sentence on a study's figures in a table, which calls them ``name``."""
    card = f" on a {study.gpu}" if study.gpu else ""
    first = f", the first epoch {study.first_epoch}" if study.first_epoch else ""
    return f"{name}: seconds per epoch{card} at full size{first}"


def caption(summary: pd.DataFrame) -> str:
    """Return what a table of measured and published cells must be read with."""
    beside = _beside(summary)
    names = [_year(beside)] if len(beside) == 1 else [study.name for study in beside]
    said = "; ".join(map(_of_study, beside, names))
    return (
        f"{_CAPTION}{said}, so only the ratios can be compared; {_PICTURE}: the number stands in "
        "a picture only."
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


def verdict_lines(found: list[comparison.Verdict]) -> list[str]:
    """Return whether the published orders of backends hold, in words."""
    said = [(f"{v.model} ({v.series}, {v.gpu})", f"{v.verdict}, {v.why}") for v in found]
    return grouped(said, 0)


def of_reproduced(found: list[comparison.Verdict]) -> list[comparison.Verdict]:
    """Return the verdicts on studies that a suite of ours reproduces."""
    known = [study.name for study in studies.reproduced()]
    return [verdict for verdict in found if verdict.study in known]


def difference_lines(table: pd.DataFrame) -> list[str]:
    """Return a line per difference from the set-up of a reproduced study, with its cells."""
    parts = [comparison.differences(table, study.name) for study in studies.reproduced()]
    found = pd.concat(parts, ignore_index=True)
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
        caption(summary),
        markdown_text(conditions(table)),
        "## Beside the published figures",
        markdown_table(details(summary)),
        *_section("Does the published order hold?", verdict_lines(comparison.verdicts(summary))),
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


def article_tables(study: Study) -> list[tuple[str, pd.DataFrame]]:
    """Return a study's cells, a table per model of ours: each has a title."""
    cells = publications.cells(study)
    columns = {"backend": "backend"}
    columns |= {kind: f"{title}, {publications.SECONDS}" for kind, title in study.kinds.items()}
    columns |= {"statement": f"what the {next(iter(study.kinds.values()))} says"}
    return [
        (
            ", ".join(
                [f"{workload.title} (batch {workload.batch_size}", f"{workload.epochs} epochs"]
                + ([study.gpu] if study.gpu else [])
            )
            + ")",
            cells[cells["model"] == workload.name][list(columns)].rename(columns=columns),
        )
        for workload in study.workloads
    ]


_WHERE = ["series", "device", "backend", "framework_version", "keras_version", "batch",
          "precision", "phase", "epochs"]  # fmt: skip


def _figure_text(row: pd.Series) -> str:
    """Return one published figure as it is shown."""
    if pd.isna(row["value"]):
        return str(row["left_out"])
    return f"{row['value']:.6g}" + (f"-{row['high']:.6g}" if pd.notna(row["high"]) else "")


def _of_test(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a test's figures as text: a row per set-up and source, a column per kind and unit."""
    kinds = rows["kind"].where(rows["kind"] != FIGURE, "")
    titles = kinds.str.cat(rows["unit"], sep=", ").str.removeprefix(", ")
    left_out = rows["left_out"].where(rows["value"].notna(), "")
    shown = rows[_WHERE].astype("string").fillna("")
    # The same set-up in another source, or there again, is another row.
    again = rows.groupby([*_WHERE, "source", titles], dropna=False).cumcount()
    shown = shown.assign(source=rows["source"], again=again, title=titles)
    shown = shown.assign(left_out=left_out, text=rows.apply(_figure_text, axis=1))
    keys = [*_WHERE, "source", "again", "left_out"]
    wide = shown.pivot(index=keys, columns="title", values="text")
    wide = wide.loc[shown.set_index(keys).index.unique(), titles.unique()].fillna("-")
    found = wide.rename_axis(columns=None).reset_index().drop(columns=["source", "again"])
    found.insert(len(found.columns) - 1, "not counted", found.pop("left_out"))
    said = [name for name in found if (found[name] != "").any()]
    return found[said].replace("", "-").rename(columns=lambda name: name.replace("_", " "))


def figure_tables(study: Study) -> list[tuple[str, pd.DataFrame]]:
    """Return all figures of a study as text, a table per test with its name."""
    rows = publications.figures(study)
    rows = rows[rows["unit"] != ""]
    # What is evaluated belongs to the training before it, and its column says what it is.
    rows = rows.assign(
        phase=rows["phase"].where(rows["phase"] == "predict", ""),
        series=rows["series"].where(rows["series"] != study.name, ""),
        device=rows["device"].where(rows["device"] != (study.gpu or ""), ""),
    )
    return [(str(test), _of_test(found)) for test, found in rows.groupby("test", sort=False)]


def study_lines(study: Study) -> list[str]:
    """Return what a study is, a line for each thing that is known of it."""
    who = ", ".join(study.authors)
    said = {
        "hardware": "; ".join([*study.gpus, *([study.machine] if study.machine else [])]),
        "timing": study.timing,
        "first epoch": study.first_epoch,
        "figures": study.numbers,
        "source": study.source,
        "reproduced by": ", ".join(study.configurations),
    }
    head = f"{study.title} ({who + ', ' if who else ''}{study.year})"
    found = [f"{name}: {text}" for name, text in said.items() if text]
    return [head, *study.addresses, *found]
