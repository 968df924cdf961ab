"""From the summary to text cells as a person reads them."""

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import pandas as pd

from runner.spec.facts import keras_generation
from runner.spec.job import Status
from runner.spec.study import FIGURE, Study, reproduced_studies
from runner.tables.columns import CELL
from runner.tables.distance import Bound, limit_rows, throughput_rows
from runner.tables.per_cell import figure_of
from runner.tables.per_job import phase_rows
from runner.tables.published import (
    IN_A_PICTURE,
    published_cells,
    study_figures,
    with_published,
)
from runner.tables.statistics import Interval
from runner.words import size_text

_MEASURED = {
    "model": "model",
    "backend": "backend",
    "configuration": "configuration",
    "settings": "settings",
    "machine": "machine",
    "seconds_per_epoch": "s per epoch",
    "spread": "95 %",
    "first_epoch_seconds": "first epoch",
    "val_accuracy": "val acc",
    "measured_ratio": "x TF",
}


def seconds_text(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


# What a cell's figure is, for a caption.
FIGURE_CAPTION = (
    "each process's median over its epochs after the first, validation included, and the geometric "
    "mean over processes, with half its 95 % interval"
)


def spread_text(figure: Interval | None) -> str:
    """Return half a figure's interval, "too few" where it tells nothing, a dash without one."""
    if figure is None or math.isnan(figure.relative_width):
        return "-"
    return "too few" if figure.tells_nothing else f"+-{100 * figure.relative_width:.0f}%"


def figure_text(figure: Interval | None) -> str:
    """Return a cell's seconds and half their interval, as they are written in one place."""
    if figure is None:
        return "-"
    spread = spread_text(figure)
    beside = {"-": "", "too few": " (too few)"}.get(spread, f" {spread}")
    return seconds_text(figure.seconds) + beside


def number_text(column: str, value: str | float | None) -> str:
    """Return one figure as it is shown; a missing one as a dash."""
    if value is None or pd.isna(value):
        return "-"
    if isinstance(value, float):
        if "ratio" in column or "accuracy" in column:
            return f"{value:.2f}" if "ratio" in column else f"{value:.3f}"
        return seconds_text(value)
    return str(value)


def text_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with every cell as a person reads it; what is missing as a dash."""
    shown = frame.astype(object)
    for column in shown:
        shown[column] = [number_text(str(column), value) for value in shown[column]]
    return shown


def time_text(row: pd.Series) -> str:
    """Return a cell's time, or why it has none; an asterisk where some of its jobs failed."""
    is_ok = row["status"] == Status.OK
    if pd.notna(row["seconds_per_epoch"]):
        return seconds_text(row["seconds_per_epoch"]) + ("" if is_ok else "*")
    return "one epoch only" if is_ok else str(row["status"])


def pivot_cells(
    summary: pd.DataFrame, fastest: Collection[tuple[str, ...]] = frozenset()
) -> pd.DataFrame:
    """Return text cells: rows are models, columns configuration/backend, seconds per epoch.

    A cell without a time shows its status; one with a time from fewer repeats than were planned
    is marked with an asterisk, and one of the cells ``fastest`` with "(fastest)".
    """
    keys = summary[CELL].astype("string").itertuples(index=False, name=None)
    texts = [
        time_text(row) + " (fastest)" * (key in fastest)
        for key, (_, row) in zip(keys, summary.iterrows(), strict=True)
    ]
    named = summary.assign(
        model=summary["model"].astype("string"),
        column=summary["configuration"].astype(str) + "/" + summary["backend"].astype(str),
        cell=texts,
    )
    if named["device"].nunique() > 1:
        named["column"] = named["column"] + " (" + named["device"] + ")"
    for name in ("settings", "machine", "variant"):
        named["column"] += (" [" + named[name] + "]").where(named[name] != "", "")
    table = named.pivot_table(
        index="model", columns="column", values="cell", aggfunc=" / ".join, sort=False
    )
    return table.fillna("not asked for").rename_axis(None, axis="columns").reset_index()


def studies_beside(summary: pd.DataFrame) -> list[Study]:
    """Return the studies with a figure beside a cell: of its model, backend and Keras."""
    models, backends = (set(summary[name].astype(str)) for name in ("model", "backend"))
    generations = {keras_generation(str(version)) for version in summary["keras_version"]}
    return [
        study
        for study in reproduced_studies()
        if models & {test.model for test in study.tests.values()}
        and backends & {setup.backend for setup in study.setups}
        and study.generation in generations
    ]


def study_year(beside: list[Study]) -> str:
    years = {study.year for study in beside}
    return str(years.pop()) if len(years) == 1 else "published"


def published_name(summary: pd.DataFrame) -> str:
    """Return the word for the published side of a summary: the year where there is one."""
    return study_year(studies_beside(summary))


def published_titles(summary: pd.DataFrame) -> dict[str, str]:
    """Return the titles of the columns with published figures that stand beside a summary's.

    None where nothing is published for what was measured.
    """
    beside = studies_beside(summary)
    if not beside:
        return {}
    kinds = dict.fromkeys(kind for study in beside for kind in study.kinds)
    year = study_year(beside)
    return {kind: f"{year} {kind}" for kind in kinds} | {"published_ratio": f"{year} x TF"}


def short_cells(summary: pd.DataFrame) -> pd.DataFrame:
    """Return text rows, one per cell: measured ones, and in ``published`` the published figure."""
    compared = with_published(summary)
    titles = published_titles(summary)
    # The last kind's that has one.
    published = pd.Series("-", index=compared.index)
    for kind in list(titles)[:-1]:
        published = compared[kind].where(compared[kind] != "-", published)
    spreads = [spread_text(figure_of(cell)) for _, cell in compared.iterrows()]
    compared = compared.assign(spread=spreads, published=published)
    shown = text_cells(compared[[*_MEASURED, *titles, "published"]])
    return shown.replace(IN_A_PICTURE, PICTURE)


def _titled(summary: pd.DataFrame, titles: dict[str, str]) -> pd.DataFrame:
    kept = {**_MEASURED, **titles}
    shown = short_cells(summary)
    if (shown["measured_ratio"] == "-").all():
        kept.pop("measured_ratio")
    if summary.groupby("backend", observed=True)["configuration"].nunique().max() == 1:
        kept.pop("configuration")
    for name in ("settings", "machine"):
        if (shown[name] == "").all():
            kept.pop(name)
    return shown[list(kept)].rename(columns=kept)


def detail_cells(summary: pd.DataFrame) -> pd.DataFrame:
    """Return text rows, one per cell, with the ratios and published figures that there are."""
    return _titled(summary, published_titles(summary))


def short_detail_cells(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the same for a terminal: of several published figures of a cell the one that counts.

    Of the kinds of a study the last that has a figure counts.
    """
    titles = published_titles(summary)
    if not titles:
        return _titled(summary, {})
    kept = {"published": published_name(summary), "published_ratio": titles["published_ratio"]}
    return _titled(summary, kept)


# In tables of many columns.
PICTURE = "picture"


def phase_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return text rows, one per job, of where its wall time went, in seconds."""
    found = phase_rows(table).drop(columns=["run"])
    shown = found.rename(columns=lambda name: name.removesuffix("_seconds").replace("_", " "))
    return shown.astype(object).map(lambda value: number_text("", value))


_WHY_BOUND = {
    Bound.HOST: ": its input takes most of the epoch",
    Bound.OVERHEAD: ": the fixed cost of a step takes most of the time",
    Bound.MIXED: ": computation and the fixed cost of a step",
}


def finding_texts(findings: Iterable[str]) -> list[str]:
    """Return what rules the time of each cell, and why."""
    return [finding + _WHY_BOUND.get(Bound(finding), "") for finding in findings]


def limit_table(table: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Return text rows, one per timed cell: seconds per step and the distance to the peak."""
    found = limit_rows(table, summary)
    return pd.DataFrame(
        {
            "model": found["model"],
            "backend": found["backend"],
            "ms per step": [number_text("", value) for value in found["ms_per_step"]],
            "GFLOP/s": [number_text("", value / 1e9) for value in found["flops_per_second"]],
            "peak GFLOP/s": [number_text("", v / 1e9) for v in found["peak_flops_per_second"]],
            "of peak": [_percent(value) for value in found["of_peak"]],
            "input share": [_percent(value) for value in found["input_share"]],
            "finding": finding_texts(found["finding"]),
        }
    ).astype("string")


_PERCENTILES = ("p50", "p90", "p99")


def throughput_table(table: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Return the summary's cells as text: samples a second, ms per step, memory and energy.

    The card's memory, the energy and the latency of batches (percentiles in ms) stand there if they
    are known of a cell.
    """
    found = throughput_rows(table, summary)
    columns = {
        "samples/s": _numbers(found["samples_per_second"]),
        "ms per step": _numbers(found["ms_per_step"]),
        "peak memory": _sizes(found["peak_memory_bytes"]),
    }
    of_some = {
        "peak GPU memory": (_sizes, found["gpu_peak_memory_bytes"]),
        "J per epoch": (_numbers, found["joules_per_epoch"]),
        "samples/J": (_numbers, found["samples_per_joule"]),
        **{f"{p} ms": (_numbers, 1000 * found[f"latency_{p}_seconds"]) for p in _PERCENTILES},
    }
    known = {name: texts(of) for name, (texts, of) in of_some.items() if of.notna().any()}
    return pd.DataFrame(columns | known, index=summary.index).astype("string")


def _numbers(values: pd.Series) -> list[str]:
    return [number_text("", value) for value in values]


def _sizes(values: pd.Series) -> list[str]:
    return ["-" if pd.isna(value) else size_text(int(value)) for value in values]


def _percent(value: float | None) -> str:
    return "-" if value is None or pd.isna(value) else f"{100 * value:.2g}%"


@dataclass(frozen=True)
class StudyTable:
    """What was published of one test, as text.

    ``notes`` are lines that stand above ``frame``: what all its rows share, and which of our models
    the test is like and is not compared with.
    """

    title: str
    frame: pd.DataFrame
    notes: tuple[str, ...] = ()


def article_tables(study: Study) -> list[StudyTable]:
    """Return a study's cells, a table per model of ours."""
    cells = published_cells(study)
    columns = {"backend": "backend"}
    columns |= {kind: f"{title}, {study.unit}" for kind, title in study.kinds.items()}
    columns |= {"statement": f"what the {next(iter(study.kinds.values()))} says"}
    return [
        StudyTable(
            ", ".join(
                [f"{workload.title} (batch {workload.batch_size}", f"{workload.epochs} epochs"]
                + ([study.gpu] if study.gpu else [])
            )
            + ")",
            cells[cells["model"] == workload.name][list(columns)].rename(columns=columns),
        )
        for workload in study.workloads
    ]


_WHERE = ["series", "device", "gpu_count", "backend", "image_data_format", "variant", "batch",
          "phase", "precision", "epochs", "framework_version", "keras_version"]  # fmt: skip
# What names a row of figures: it stays in the table where all rows have the same, too.
_NAMES = ["backend"]
# How the value of a column that all rows share is said above the table; others as they are.
_PHRASES = {
    "gpu_count": "GPUs: {}",
    "keras_version": "Keras {}",
    "batch": "batch {}",
    "epochs": "epochs: {}",
}
# What is said above the table where it follows from the backend.
_BACKEND_COLUMNS = ["framework_version", "image_data_format", "precision"]


def _figure_text(row: pd.Series) -> str:
    """Return one published figure as it is shown."""
    if pd.isna(row["value"]):
        return str(row["left_out"])
    return f"{row['value']:.6g}" + (f"-{row['high']:.6g}" if pd.notna(row["high"]) else "")


def _one_kind_a_row(shown: pd.DataFrame) -> pd.DataFrame:
    """Return figures with their kind in a column, if no two kinds are of the same set-up."""
    alone = shown.groupby([*_WHERE, "source"])["kind"].nunique().max() == 1
    if not alone or shown["kind"].nunique() == 1:
        return shown.assign(title=shown["kind"].str.cat(shown["unit"], sep=", "), kind="")
    return shown.assign(title=shown["unit"])


def _wide(rows: pd.DataFrame) -> pd.DataFrame:
    """Return figures as text: a row per set-up and source, a column per unit, or kind and unit."""
    left_out = rows["left_out"].where(rows["value"].notna(), "")
    shown = rows[[*_WHERE, "unit"]].astype("string").fillna("")
    shown = shown.assign(
        kind=rows["kind"].where(rows["kind"] != FIGURE, ""),
        source=rows["source"],
        left_out=left_out.mask(rows["inferred"] != "", rows["inferred"] + " inferred"),
        text=rows.apply(_figure_text, axis=1),
    )
    shown = _one_kind_a_row(shown)
    shown["title"] = shown["title"].str.removeprefix(", ")
    # The same set-up in another source, or there again, is another row.
    again = shown.groupby([*_WHERE, "kind", "source", "title"]).cumcount()
    keys = [*_WHERE, "kind", "source", "again", "left_out"]
    shown = shown.assign(again=again)
    wide = shown.pivot(index=keys, columns="title", values="text")
    wide = wide.loc[shown.set_index(keys).index.unique(), shown["title"].unique()].fillna("-")
    found = wide.rename_axis(columns=None).reset_index().drop(columns=["source", "again"])
    found.insert(len(found.columns) - 1, "not counted", found.pop("left_out"))
    return found[[name for name in found if (found[name] != "").any()]]


def _label(column: str) -> str:
    return column.replace("_", " ")


def _by_backend(wide: pd.DataFrame, column: str) -> str:
    """Return "mxnet 1.2; tensorflow, jax 1.8" of a column that follows from the backend."""
    backends: dict[str, list[str]] = {}
    for backend, value in wide[["backend", column]].drop_duplicates().itertuples(index=False):
        backends.setdefault(value, []).append(backend)
    return "; ".join(f"{', '.join(names)} {value}" for value, names in backends.items())


def _lift(wide: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return a table without what is the same in all its rows, or in all of a backend, and that."""
    there = [name for name in wide if name in _WHERE and name not in _NAMES]
    shared = [name for name in there if wide[name].nunique() == 1 and name != "framework_version"]
    follows = [
        name
        for name in _BACKEND_COLUMNS
        if name in there
        and name not in shared
        and (wide[name] != "").all()
        and (wide.groupby("backend")[name].nunique() == 1).all()
    ]
    phrases = [_PHRASES.get(name, "{}").format(wide[name].iloc[0]) for name in shared]
    lines = [", ".join(phrases)] if phrases else []
    lines += [f"{_label(name)}: {_by_backend(wide, name)}" for name in follows]
    return wide.drop(columns=[*shared, *follows]), lines


def _of_test(study: Study, test: str, rows: pd.DataFrame) -> list[StudyTable]:
    """Return a test's figures; the model of ours that it is like stands above the first table."""
    like = study.resembles.get(test)
    found: list[StudyTable] = []
    for title, part in _by_unit(test, rows).items():
        frame, notes = _lift(_wide(part))
        if like and not found:
            notes.append(
                f"like our {like.model} in {like.same}; not compared with it: {like.differs}"
            )
        frame = frame.replace("", "-").rename(columns=_label)
        found.append(StudyTable(title, frame, tuple(notes)))
    return found


def _by_unit(test: str, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return a test's figures by the title of their table: one for all, if a row has two units."""
    keys = [*_WHERE, "source"]
    if rows["unit"].nunique() == 1 or rows.groupby(keys, dropna=False)["unit"].nunique().max() > 1:
        return {test: rows}
    return {f"{test}, {unit}": found for unit, found in rows.groupby("unit", sort=False)}


def figure_tables(study: Study) -> list[StudyTable]:
    """Return all figures of a study as text, a table per test, or per unit of one.

    The last is of what it says in words only.
    """
    published = study_figures(study)
    rows, in_words = published[published["unit"] != ""], published[published["unit"] == ""]
    # What is evaluated belongs to the training before it, and its column says what it is.
    phases = rows["phase"].replace("evaluate", "train")
    rows = rows.assign(
        phase=phases if phases.nunique() > 1 else "",
        series=rows["series"].where(rows["series"] != study.name, ""),
        device=rows["device"].where(rows["device"] != (study.gpu or ""), ""),
    )
    tables = [
        table
        for test, found in rows.groupby("test", sort=False)
        for table in _of_test(study, str(test), found)
    ]
    return tables if in_words.empty else [*tables, _statements(in_words)]


def _statements(rows: pd.DataFrame) -> StudyTable:
    """Return what was published without a figure: the statement, or why there is no figure."""
    texts = rows["note"].where(rows["note"] != "", rows["left_out"])
    frame = rows[["test", "backend"]].assign(statement=texts).reset_index(drop=True)
    return StudyTable("In words", frame.astype("string"))


def setup_table(study: Study) -> StudyTable | None:
    """Return what each part of a study ran on as text, None where nothing is known of it."""
    known = [setup.model_dump() for setup in study.setups]
    shown = ["series", "gpu", "backend", "keras_version", "framework_version", "cuda", "cudnn",
             "image_data_format", "data_source"]  # fmt: skip
    frame = pd.DataFrame(known, columns=shown).fillna("").astype("string")
    frame = frame[[name for name in shown if (frame[name] != "").any()]]
    if frame.empty:
        return None
    return StudyTable("Set-ups", frame.replace("", "-").rename(columns=_label))


def study_lines(study: Study) -> list[str]:
    """Return what a study is, a line for each thing that is known of it."""
    who = ", ".join(study.authors)
    texts = {
        "hardware": "; ".join([*study.gpus, *([study.machine] if study.machine else [])]),
        "timing": study.timing,
        "first epoch": study.first_epoch,
        "figures": study.numbers,
        "source": study.source,
        "reproduced by": ", ".join(study.configurations),
    }
    head = f"{study.title} ({who + ', ' if who else ''}{study.year})"
    found = [f"{name}: {text}" for name, text in texts.items() if text]
    return [head, *study.addresses, *found]
