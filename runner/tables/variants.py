"""Telling apart what several runs measured under the same names: other work, other machines."""

from collections.abc import Collection, Hashable

import pandas as pd

from runner.spec.axes import declared_axes, settings_text
from runner.tables.columns import ENVIRONMENT, WORK

_FACTS = [*WORK, *ENVIRONMENT]
_COLUMN = ["configuration", "backend", "device", "settings"]
# Of one run: what it ran, by the model and the column of the table.
_Facts = dict[tuple[Hashable, str], Hashable]


def _facts(rows: pd.DataFrame) -> _Facts:
    """Return what is known of a run's cells in one column; what a job never said is left out."""
    models = rows.groupby("model", sort=False)
    first = models[_FACTS].first().assign(samples=models["samples"].max())
    return {
        (model, str(name)): value
        for model, facts in first.iterrows()
        for name, value in facts.items()
        if pd.notna(value)
    }


def _agree(one: _Facts, other: _Facts) -> bool:
    return all(one[key] == other[key] for key in one.keys() & other.keys())


def _variants(rows: pd.DataFrame) -> dict[str, str]:
    """Return the variant of each run that measured something in one column of the table."""
    alike: list[tuple[list[str], _Facts]] = []
    for run, of_run in rows.groupby("run", sort=False):
        facts = _facts(of_run)
        for runs, known in alike:
            if _agree(known, facts):
                runs.append(str(run))
                known.update(facts)
                break
        else:
            alike.append(([str(run)], facts))
    if len(alike) == 1:
        return dict.fromkeys(alike[0][0], "")
    return {run: " + ".join(runs) for runs, _ in alike for run in runs}


def varied_axes(*tables: pd.DataFrame) -> set[str]:
    """Return the names of the axes that vary in one of the runs of some tables."""
    told = {str(text) for table in tables for text in table["varied"].dropna().unique()}
    return {name for text in told for name in text.split(",") if name}


def with_settings(table: pd.DataFrame, varied: Collection[str]) -> pd.DataFrame:
    """Return a table with ``settings`` told by the axes ``varied``, also those of another table.

    So a run of one value finds the same cell in a run of several. Samples that a run did not vary
    are the most that a model's processes trained on.
    """
    table = table.assign(settings=table["settings"].fillna(""), varied=table["varied"].fillna(""))
    if set(table["varied"]) == {",".join(name for name in declared_axes() if name in varied)}:
        return table
    cell = ["run", "model", *_COLUMN]
    most = table.groupby(cell, sort=False, dropna=False)["samples"].transform("max")
    is_asked = table["varied"].str.split(",").map(lambda names: "samples" in names)
    told = table.assign(samples=table["samples_asked"].where(is_asked, most))
    said = [
        settings_text({str(n): None if pd.isna(v) else v for n, v in row.items()}, varied)
        for row in told[list(declared_axes())].to_dict("records")
    ]
    return table.assign(settings=pd.Series(said, index=table.index, dtype="string"))


def with_variants(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of several runs with ``variant`` set, so that no cell pools what differs.

    Runs of the same work in the same environment on the same machine are repeats of each other
    and share a cell; else each is a column of its own, named after the run. Empty where there is
    nothing to tell apart. Sources: the columns of ``WORK`` and ``ENVIRONMENT``. The axes that vary
    in one of the runs tell the cells of all apart.
    """
    table = with_settings(table, varied_axes(table))
    variant = pd.Series("", index=table.index, dtype="string")
    if table["run"].nunique() > 1:
        for _, rows in table.groupby(_COLUMN, sort=False):
            variant.loc[rows.index] = rows["run"].map(_variants(rows))
    return table.assign(variant=variant)
