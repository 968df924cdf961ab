"""Telling apart what was measured under the same names: on other machines, or by several runs."""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from runner.spec.axes import declared_axes, settings_text
from runner.spec.facts import Origin, fact_names

# What makes a machine another one, by which it is named as far as that is needed.
_MACHINE_COLUMNS = ("device_name", "driver", "cpu_model")
_PLACE = ["device", "node", *_MACHINE_COLUMNS]
_Kind = dict[str, str]


def _machine_of(row: Mapping[Hashable, Any]) -> _Kind:
    """Return what a job knows of its machine; one that never began knows nothing."""
    return {name: str(row[name]) for name in _MACHINE_COLUMNS if pd.notna(row[name])}


def _kinds(rows: Iterable[_Kind]) -> list[_Kind]:
    """Return the kinds of machines. What only one of two jobs knows does not tell them apart."""
    kinds: list[_Kind] = []
    for facts in sorted(filter(None, rows), key=len, reverse=True):
        if not any(_is_one(facts, kind) for kind in kinds):
            kinds.append(facts)
    return kinds


def _is_one(one: _Kind, other: _Kind) -> bool:
    return all(one[name] == other[name] for name in one.keys() & other.keys())


def _text(kind: _Kind, facts: Iterable[str]) -> str:
    """Return the name of a kind by some of its facts, each said once."""
    names = [
        f"driver {kind[name]}" if name == "driver" else kind[name] for name in facts if name in kind
    ]
    return ", ".join(dict.fromkeys(names))


def _names(kinds: list[_Kind]) -> list[str]:
    """Return the shortest names that tell kinds of machines apart."""
    named: list[str] = []
    for count in range(1, len(_MACHINE_COLUMNS) + 1):
        named = [_text(kind, _MACHINE_COLUMNS[:count]) for kind in kinds]
        if all(named) and len(set(named)) == len(named):
            break
    return named


def _key(values: Iterable[Any]) -> tuple[str, ...]:
    """Return values as a key; what is missing has many forms, depending on the column's type."""
    return tuple("" if pd.isna(value) else str(value) for value in values)


def _named(rows: Sequence[Mapping[Hashable, Any]]) -> dict[tuple[str, ...], str]:
    """Return the machine's name for each of some rows of one device; none where they share it."""
    kinds = _kinds(map(_machine_of, rows))
    if len(kinds) < 2:
        return {}
    names = _names(kinds)
    found: dict[tuple[str, ...], str] = {}
    of_node: dict[str, str] = {}
    for row in rows:
        facts = _machine_of(row)
        may_be = [n for kind, n in zip(kinds, names, strict=True) if _is_one(facts, kind)]
        if len(may_be) == 1:
            found[_key(row.values())] = of_node[row["node"]] = may_be[0]
    for row in rows:
        # A job that never began knows too little, or nothing.
        if (key := _key(row.values())) not in found and pd.notna(row["node"]):
            found[key] = of_node.get(row["node"], "")
    return found


def with_machines(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with ``machine`` set to the machine's name where it holds several of a device.

    A machine is its card, driver and processor: two of the same are one. It is named by as much of
    that as tells it apart. Empty where there is nothing to tell apart, and for a job that never
    began where no other job of its node tells. A table whose machines are told stays as it is.
    """
    machines = table["machine"].fillna("").astype("string")
    if (machines != "").any():
        return table.assign(machine=machines)
    found: dict[tuple[str, ...], str] = {}
    for _, rows in table[_PLACE].drop_duplicates().groupby("device", sort=False):
        found |= _named(rows.to_dict("records"))
    if not found:
        return table.assign(machine=machines)
    keys = zip(*(table[name].astype(object) for name in _PLACE), strict=True)
    names = [found.get(_key(key), "") for key in keys]
    return table.assign(machine=pd.Series(names, index=table.index, dtype="string"))


def labelled_together(*tables: pd.DataFrame) -> list[pd.DataFrame]:
    """Return tables with the same names for the same machines, where one of them holds several.

    Tables of one machine each keep it unnamed, whatever that is.
    """
    alone = [with_machines(table) for table in tables]
    if all((table["machine"] == "").all() for table in alone):
        return alone
    parts = [table.assign(machine="") for table in tables]
    together = with_machines(pd.concat(parts, ignore_index=True, keys=None))["machine"]
    ends = pd.Series([len(part) for part in parts]).cumsum().tolist()
    begins = [0, *ends[:-1]]
    return [
        part.assign(machine=together.iloc[begin:end].to_numpy())
        for part, begin, end in zip(parts, begins, ends, strict=True)
    ]


Codes = npt.NDArray[np.intp]
# Runs that differ in one of these did other work, or in another environment.
_FACTS = fact_names(Origin.MACHINE, Origin.WORK, Origin.AXIS, Origin.ENVIRONMENT)
_LABEL_COLUMNS = ["settings", "varied", "machine", "variant"]
_COLUMN = ["configuration", "backend", "device", "settings"]
# Of one run: what it ran, by the model and the column of the table.
_Facts = dict[tuple[Hashable, str], Hashable]


def _facts(rows: pd.DataFrame, names: Sequence[str]) -> dict[str, _Facts]:
    """Return what is known of each run's cells; what a job never said is left out."""
    models = rows.groupby(["run", "model"], sort=False)
    first = models[list(names)].first().assign(samples=models["samples"].max())
    found: dict[str, _Facts] = {str(run): {} for run in rows["run"].unique()}
    for (run, model), facts in zip(first.index, first.to_dict("records"), strict=True):
        known = {(model, str(name)): value for name, value in facts.items() if pd.notna(value)}
        found[str(run)].update(known)
    return found


def _agree(one: _Facts, other: _Facts) -> bool:
    return all(one[key] == other[key] for key in one.keys() & other.keys())


def runs_alike(rows: pd.DataFrame, names: Sequence[str]) -> list[list[str]]:
    """Return the runs of a table in groups that agree in the columns ``names``, model by model.

    What a job never said does not tell it apart. ``samples`` is the most of a run's jobs.
    """
    alike: list[tuple[list[str], _Facts]] = []
    for run, facts in _facts(rows, names).items():
        for runs, known in alike:
            if _agree(known, facts):
                runs.append(run)
                known.update(facts)
                break
        else:
            alike.append(([run], facts))
    return [runs for runs, _ in alike]


def _variants(rows: pd.DataFrame) -> dict[str, str]:
    """Return the variant of each run that measured something in one column of the table."""
    groups = runs_alike(rows, _FACTS)
    if len(groups) == 1:
        return dict.fromkeys(groups[0], "")
    return {run: " + ".join(runs) for runs in groups for run in runs}


def varied_axes(*tables: pd.DataFrame) -> set[str]:
    """Return the names of the axes that vary in one of the runs of some tables."""
    texts = {str(text) for table in tables for text in table["varied"].dropna().unique()}
    return {name for text in texts for name in text.split(",") if name}


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
    filled = table.assign(samples=table["samples_asked"].where(is_asked, most))
    texts = [
        settings_text({str(n): None if pd.isna(v) else v for n, v in row.items()}, varied)
        for row in filled[list(declared_axes())].to_dict("records")
    ]
    return table.assign(settings=pd.Series(texts, index=table.index, dtype="string"))


def jobs_of(table: pd.DataFrame) -> tuple[pd.DataFrame, Codes]:
    """Return a row for each job of a table, and for each row of the table the place of its job.

    ``samples`` is the most of a job's epochs. All but that holds for all rows of a job.
    """
    run, job = (pd.factorize(table[name].astype(object))[0] for name in ("run", "job"))
    codes, _ = pd.factorize(run * (job.max(initial=0) + 1) + job)
    first = np.unique(codes, return_index=True)[1]
    most = table["samples"].groupby(codes).max()
    jobs = table.iloc[first].assign(samples=most.to_numpy())
    return jobs.reset_index(drop=True), codes


def distinguished_jobs(jobs: pd.DataFrame) -> pd.DataFrame:
    """Return what ``with_variants`` sets, for a table with a row for each job.

    ``samples`` is the most of a job's epochs.
    """
    jobs = with_machines(with_settings(jobs, varied_axes(jobs)))
    variant = pd.Series("", index=jobs.index, dtype="string")
    if jobs["run"].nunique() > 1:
        for _, rows in jobs.groupby([*_COLUMN, "machine"], sort=False):
            variant.loc[rows.index] = rows["run"].map(_variants(rows))
    return jobs.assign(variant=variant)[_LABEL_COLUMNS]


def with_variants(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with ``machine`` and ``variant`` set, so that no cell pools what differs.

    Runs of the same work in the same environment on the same machine are repeats of each other
    and share a cell; else each is a column of its own, named after the machine, or after the run
    where that is the same. Empty where there is
    nothing to tell apart. The axes that vary in one of the runs tell the cells of all apart.
    """
    if table.empty:
        return table.assign(machine="", variant="")
    jobs, places = jobs_of(table)
    labels = distinguished_jobs(jobs).take(places).set_axis(table.index)
    return table.assign(**{name: labels[name] for name in _LABEL_COLUMNS})
