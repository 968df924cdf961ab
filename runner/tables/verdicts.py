"""Which backend is fastest, model by model and over all of them, and when that cannot be told.

A verdict is a statement on a ratio of two cells (see ``runner.tables.statistics``): one is faster
if the ratio's interval lies beyond 1, they are the same if it lies within ``same_within`` of 1,
and else it cannot be told. Cells are compared if they did the same work under the same generation
of Keras on the same machine, were not disturbed, and have two processes each.

All statements of one verdict hold together in 95 % of cases: the error is divided among the pairs
of cells and among the looks at the data that a run with a budget takes (Bonferroni's
inequality; it holds however pairs and looks depend on each other). The first looks get more of it
than the last: with few processes Student's t grows fast as its error shrinks, with many it hardly
does. (That the error may be divided at will is Lan and DeMets (1983), "Discrete sequential
boundaries for clinical trials", Biometrika 70, 659-663.)
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

import pandas as pd

from runner.spec.axes import declared_axes, settings_text
from runner.spec.facts import Facts, decisive_facts, declared_facts, obstacles, obstacles_text
from runner.spec.job import Status
from runner.tables.columns import CELL
from runner.tables.comparable import cell_facts, classes, united_facts
from runner.tables.per_cell import counted, job_figures, summarize
from runner.tables.statistics import (
    CONFIDENCE,
    Ratio,
    Seconds,
    cell_interval,
    cell_ratio,
    mean_ratio,
    processes_for,
)
from runner.tables.variants import varied_axes, with_variants
from runner.words import clock_text

SAME_WITHIN = 0.03
# At how many processes a cell a run with a budget looks at its data, and may stop; and the part of
# the error that each look may spend.
SHARES = {3: 0.4, 5: 0.25, 8: 0.15, 12: 0.1, 18: 0.1}
LOOKS = tuple(SHARES)
ONE_PROCESS = "one process"
_COLUMNS = tuple(
    dict.fromkeys(
        ("run", "job", *CELL, "status", "disturbance", "looks", "same_within", *decisive_facts())
    )
)


class Relation(StrEnum):
    """What the interval of a ratio says of the faster and the slower of two cells."""

    FASTER = "faster"
    SAME = "same"
    OPEN = "open"


class VerdictKind(StrEnum):
    """What a verdict says."""

    FASTEST = "fastest"
    SAME = "same"
    CANNOT_TELL = "cannot tell"
    NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True)
class Contender:
    """A cell, by its values of ``CELL``: its seconds by process, or why it cannot be compared.

    ``is_apart``: the reason is that it did other work than the others, or on another machine.
    """

    name: str
    cell: tuple[str, ...]
    repeats: list[Seconds]
    obstacle: str | None
    is_apart: bool = False


@dataclass(frozen=True)
class Pair:
    """Two contenders: ``ratio`` is the seconds of ``slow`` over those of ``fast``."""

    fast: Contender
    slow: Contender
    ratio: Ratio
    relation: Relation


@dataclass(frozen=True)
class Terms:
    """What the statements of a verdict must meet.

    ``same_within`` 0.03 calls cells the same whose ratio lies within 3 % of 1; ``looks`` is how
    often a run looks at its data while it may still go on: once, or as ``SHARES`` says.
    """

    same_within: float = SAME_WITHIN
    looks: int = 1
    pairs: int = 1

    def confidence(self, processes: int) -> float:
        """Return the confidence of a statement from ``processes`` a side.

        With it the statements of all looks hold together in 95 %. Between two looks the time
        ended, so that it is the last one: it may spend what the looks before it left.
        """
        share = 1.0
        if self.looks > 1:
            left = sum(part for at, part in SHARES.items() if at > processes)
            share = SHARES.get(processes, left or SHARES[LOOKS[-1]])
        return 1 - (1 - CONFIDENCE) * share / self.pairs


@dataclass(frozen=True)
class ModelVerdict:
    """What is said of one model: ``text`` in words, ``fastest`` the cells of which that is told.

    ``pairs`` are the fastest of the ``contenders`` with each that it could be compared with.
    """

    model: str
    kind: VerdictKind
    fastest: tuple[Contender, ...]
    pairs: tuple[Pair, ...]
    text: str
    contenders: tuple[Contender, ...] = ()
    settings: str = ""

    @property
    def name(self) -> str:
        """Return what it is said of: the model, and the values of the axes that vary."""
        return f"{self.model} ({self.settings})" if self.settings else self.model

    @property
    def open_pairs(self) -> list[Pair]:
        """Return the pairs of which more processes may tell what is not told yet."""
        return [pair for pair in self.pairs if pair.relation is Relation.OPEN]


def relation_of(ratio: Ratio, same_within: float) -> Relation:
    """Return what a ratio's interval says. Within ``same_within`` no difference is worth a word."""
    if 1 / (1 + same_within) <= ratio.low and ratio.high <= 1 + same_within:
        return Relation.SAME
    return Relation.FASTER if ratio.low > 1 or ratio.high < 1 else Relation.OPEN


def compare_pair(one: Contender, other: Contender, terms: Terms) -> Pair | None:
    """Return two contenders with the ratio of the slower to the faster; None without a ratio."""
    confidence = terms.confidence(min(len(one.repeats), len(other.repeats)))
    ratio = cell_ratio(one.repeats, other.repeats, confidence)
    if ratio is None or math.isnan(ratio.low):
        return None
    relation = relation_of(ratio, terms.same_within)
    if ratio.value < 1:
        return Pair(other, one, ratio.inverse, relation)
    return Pair(one, other, ratio, relation)


def processes_to_decide(pair: Pair, terms: Terms) -> int | None:
    """Return how many ``--repeats`` may decide an open pair, by the variance seen so far.

    A run with ``--repeats`` looks at its data once, in the end.
    """
    gap = abs(math.log(pair.ratio.value))
    half = max(gap, math.log1p(terms.same_within) - gap)
    confidence = replace(terms, looks=1).confidence(0)
    return processes_for(pair.fast.repeats, pair.slow.repeats, half, confidence)


@dataclass(frozen=True)
class _Cell:
    """A cell's row of the summary, and a row for each of its jobs that count."""

    figures: pd.Series
    rows: pd.DataFrame

    @property
    def repeats(self) -> list[Seconds]:
        """Return the seconds of the epochs after the first, one array per ok job."""
        ok = self.rows[self.rows["status"] == Status.OK]
        return [seconds for seconds in ok["later"] if len(seconds)]

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(str(self.figures[name]) for name in CELL)

    @property
    def model(self) -> str:
        return str(self.figures["model"])

    @property
    def settings(self) -> str:
        """Return under which of several values of the axes it is."""
        return str(self.figures["settings"])

    @cached_property
    def facts(self) -> Facts:
        """Return what it must share with a cell that it is compared with."""
        return cell_facts(self.rows)

    @property
    def is_timed(self) -> bool:
        return bool(pd.notna(self.figures["seconds_per_epoch"]))

    @property
    def contestant(self) -> tuple[str, ...]:
        """Return what is measured: a backend of a configuration, on a device."""
        told = ("device", "configuration", "backend", "machine", "variant")
        return tuple(str(self.figures[name]) for name in told)

    @property
    def obstacle(self) -> str | None:
        """Return why the cell cannot be compared, or None."""
        if not self.is_timed:
            failed = self.figures["status"] != Status.OK
            return str(self.figures["status"]) if failed else "no epoch after the first"
        if pd.notna(self.figures["disturbance"]):
            return str(self.figures["disturbance"])
        return ONE_PROCESS if self.figures["repeats"] < 2 else None

    def fact(self, column: str) -> str:
        """Return what the cell's rows say in a column."""
        return "/".join(sorted(self.rows[column].dropna().astype(str).unique()))


@dataclass(frozen=True)
class _Group:
    """The cells of one model that may be compared."""

    model: str
    settings: str
    facts: Facts
    contenders: list[Contender]
    terms: Terms


def _cells(table: pd.DataFrame, figures: pd.DataFrame) -> list[_Cell]:
    jobs = counted(job_figures(table, _COLUMNS))
    rows_of = {tuple(map(str, key)): rows for key, rows in jobs.groupby(CELL, sort=False)}
    return [
        _Cell(cell, rows_of[tuple(str(cell[name]) for name in CELL)])
        for _, cell in figures.iterrows()
    ]


def _names(cells: Sequence[_Cell]) -> list[str]:
    """Return the shortest names that tell cells apart: the backend, and what else it needs."""
    for columns in (
        ["backend"],
        ["configuration", "backend"],
        ["configuration", "backend", "variant"],
        ["configuration", "backend", "variant", "machine"],
    ):
        names = ["/".join(str(cell.figures[name]) for name in columns) for cell in cells]
        if len(set(names)) == len(names):
            break
    return names


def _group(
    timed: Sequence[_Cell],
    failed: Sequence[_Cell],
    apart: Sequence[_Cell],
    names: Sequence[str],
    settings: str,
) -> _Group:
    """Return cells to be compared: ``names`` tell them apart, ``settings`` is what they share.

    Those that are ``apart`` are named with the reason why they cannot be compared with the first.
    """
    cells = [*timed, *failed, *apart]
    contenders = [
        Contender(name, cell.key, cell.repeats, cell.obstacle)
        for name, cell in zip(names, [*timed, *failed], strict=False)
    ]
    for name, cell in zip(names[len(contenders) :], apart, strict=True):
        why = obstacles_text(obstacles(timed[0].facts, cell.facts), names[0], name)
        contenders.append(Contender(name, cell.key, cell.repeats, why, is_apart=True))
    rows = pd.concat([cell.rows[["looks", "same_within"]] for cell in cells])
    looks, within = rows["looks"].max(), rows["same_within"].max()
    terms = Terms(
        SAME_WITHIN if pd.isna(within) else float(within),
        1 if pd.isna(looks) else int(looks),
        max(1, math.comb(len(timed), 2)),
    )
    facts = united_facts(cell.facts for cell in timed)
    return _Group(cells[0].model, settings, facts, contenders, terms)


def _where(cells: Sequence[_Cell]) -> str:
    """Return what cells share: their settings, and their machine where there are several."""
    machines = {str(cell.figures["machine"]) for cell in cells}
    machine = machines.pop() if len(machines) == 1 else ""
    return ", ".join(filter(None, [cells[0].settings, machine]))


def _groups(cells: Sequence[_Cell]) -> Iterator[_Group]:
    """Yield the backends that may be compared, model by model.

    A failed cell stands with each group that it might have been of. A cell that none may be
    compared with stands with the first group, which says why.
    """
    by_model: dict[tuple[str, str], list[_Cell]] = {}
    for cell in cells:
        by_model.setdefault((cell.model, cell.settings), []).append(cell)
    for of_model in by_model.values():
        timed = [cell for cell in of_model if cell.is_timed]
        alike = classes(timed, lambda cell: cell.facts)
        several = [group for group in alike if len(group) > 1] or alike[:1]
        placed = {cell.key for group in several for cell in group}
        apart = [cell for cell in timed if cell.key not in placed]
        for place, found in enumerate(several):
            failed = [
                cell
                for cell in of_model
                if not cell.is_timed and not obstacles(found[0].facts, cell.facts)
            ]
            others = [] if place else apart
            if len(found) + len(failed) + len(others) > 1:
                names = _names([*found, *failed, *others])
                yield _group(found, failed, others, names, _where(found))


def _values_of_axis(cells: Iterable[_Cell], axis: str, varied: set[str]) -> Iterator[_Group]:
    """Yield the cells of one backend that differ in the value of ``axis`` alone."""
    others = {name for name in declared_axes() if name in varied} - {axis}
    found: dict[tuple[str, ...], list[_Cell]] = {}
    for cell in cells:
        settings = settings_text({name: cell.fact(name) for name in others}, others)
        found.setdefault((cell.model, *cell.contestant, settings), []).append(cell)
    for (_, _, *contestant, settings), of_backend in found.items():
        failed = [cell for cell in of_backend if not cell.is_timed]
        timed = [cell for cell in of_backend if cell.is_timed]
        for alike in classes(timed, lambda cell: cell.facts, (axis,)):
            rivals = [*alike, *failed]
            if len(rivals) > 1:
                names = [settings_text({axis: cell.fact(axis)}, {axis}) for cell in rivals]
                under = ", ".join(filter(None, ["/".join(filter(None, contestant)), settings]))
                yield _group(alike, failed, [], names, under)


def ratio_text(ratio: Ratio) -> str:
    """Return a ratio with its interval as it is said."""
    return f"{ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f}) times"


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _obstacles_text(contenders: Sequence[Contender]) -> str:
    """Return why contenders cannot be compared, a phrase for each reason."""
    by_reason: dict[str, list[str]] = {}
    for one in contenders:
        by_reason.setdefault(str(one.obstacle), []).append(one.name)
    return "; ".join(f"{_listed(names)}: {reason}" for reason, names in by_reason.items())


def _open_text(pair: Pair, terms: Terms) -> str:
    """Return why two contenders are not told apart, and what would tell."""
    span = f"{pair.fast.name} {ratio_text(pair.ratio)} as fast as {pair.slow.name}"
    if pair.ratio.tells_nothing:
        span = f"too few processes to tell {pair.fast.name} from {pair.slow.name}"
    wanted = processes_to_decide(pair, terms)
    return f"{span}; --repeats {wanted} may tell" if wanted else span


def _of_pairs(
    first: Contender, pairs: Sequence[Pair], terms: Terms
) -> tuple[VerdictKind, list[Contender], str]:
    """Return what is said of the fastest contender and those it was compared with."""
    of = {r: [pair for pair in pairs if pair.relation is r] for r in Relation}
    slower = ", ".join(
        f"{ratio_text(pair.ratio)} as fast as {pair.slow.name}" for pair in of[Relation.FASTER]
    )
    if of[Relation.OPEN]:
        said = ", ".join(_open_text(pair, terms) for pair in of[Relation.OPEN])
        told = f"; {first.name} {slower}" if slower else ""
        return VerdictKind.CANNOT_TELL, [], f"cannot tell: {said}{told}"
    if not of[Relation.SAME]:
        return VerdictKind.FASTEST, [first], f"{first.name} fastest, {slower}"
    level = [first, *(pair.slow for pair in of[Relation.SAME])]
    names = _listed([one.name for one in level])
    text = f"{names} the same within {100 * terms.same_within:g} %"
    return VerdictKind.SAME, level, text + (f"; {first.name} {slower}" if slower else "")


def _figure(one: Contender) -> float:
    found = cell_interval(one.repeats)
    return found.seconds if found else math.inf


def _judged(group: _Group) -> ModelVerdict:
    """Return the verdict on one model."""
    everyone = tuple(group.contenders)
    able = sorted((one for one in group.contenders if one.obstacle is None), key=_figure)
    unable = [one for one in group.contenders if one.obstacle is not None]
    if len(everyone) - sum(one.is_apart for one in everyone) < 2:
        text = f"not comparable ({_obstacles_text([one for one in everyone if one.is_apart])})"
        kind = VerdictKind.NOT_COMPARABLE
        return ModelVerdict(group.model, kind, (), (), text, everyone, group.settings)
    if len(able) < 2:
        remedy = any(one.obstacle == ONE_PROCESS for one in unable)
        text = f"cannot tell ({_obstacles_text(unable)})" + "; --repeats 3 would" * remedy
        return ModelVerdict(
            group.model, VerdictKind.CANNOT_TELL, (), (), text, everyone, group.settings
        )
    compared = [compare_pair(able[0], other, group.terms) for other in able[1:]]
    pairs = tuple(pair for pair in compared if pair is not None)
    kind, fastest, text = _of_pairs(able[0], pairs, group.terms)
    beside = f"; not compared: {_obstacles_text(unable)}" if unable else ""
    return ModelVerdict(
        group.model, kind, tuple(fastest), pairs, text + beside, everyone, group.settings
    )


def _common(groups: Sequence[_Group]) -> list[str]:
    """Return the contenders that can be compared in every group."""
    able = [[one.name for one in g.contenders if one.obstacle is None] for g in groups]
    return [name for name in able[0] if all(name in names for names in able)]


def _over_all(groups: Sequence[_Group], name: str, other: str, terms: Terms) -> Ratio | None:
    """Return the seconds of ``other`` over those of ``name``, as the mean over all models."""
    sides = [{one.name: one.repeats for one in group.contenders} for group in groups]
    pairs = [(side[name], side[other]) for side in sides]
    processes = min(len(repeats) for pair in pairs for repeats in pair)
    return mean_ratio(pairs, terms.confidence(processes))


def _overall(groups: Sequence[_Group], asked: int) -> str | None:
    """Return the line over all models that were measured under the same conditions."""
    able = [g for g in groups if sum(one.obstacle is None for one in g.contenders) > 1]
    names = _common(able) if len(able) > 1 else []
    if len(names) < 2:
        return None
    terms = max((group.terms for group in able), key=lambda terms: terms.pairs * terms.looks)
    base = names[0]
    relative = {o: _over_all(able, base, o, terms) for o in names}
    first = min(names, key=lambda name: found.value if (found := relative[name]) else math.inf)
    ratios = {
        other: ratio
        for other in names
        if other != first and (ratio := _over_all(able, first, other, terms)) is not None
    }
    said = [
        f"too few processes to tell {first} from {other}"
        if ratio.tells_nothing
        else f"{first} {ratio_text(ratio)} as fast as {other}"
        for other, ratio in ratios.items()
    ]
    is_open = any(
        relation_of(ratio, terms.same_within) is Relation.OPEN for ratio in ratios.values()
    )
    judged = [_judged(group) for group in able]
    leads = [v.kind for v in judged if first in [one.name for one in v.fastest]]
    wins, ties = leads.count(VerdictKind.FASTEST), leads.count(VerdictKind.SAME)
    unknown = sum(v.kind is VerdictKind.CANNOT_TELL for v in judged)
    counted = f"{len(able)} models" if len(able) == asked else f"{len(able)} of {asked} models"
    others = {"tied in": ties, "cannot tell in": unknown}
    tail = [f"{first} is fastest in {wins} of them"]
    tail += [f"{words} {count}" for words, count in others.items() if count]
    verdict = f"{'cannot tell: ' * is_open}{', '.join(said)}"
    how = ", ".join(filter(None, ["geometric mean", able[0].settings]))
    return f"over {counted} ({how}): {verdict}; {', '.join(tail)}"


def _lines(verdicts: Iterable[ModelVerdict]) -> list[str]:
    """Return verdicts in words; those that say the same share a line."""
    named: dict[str, list[str]] = {}
    for found in verdicts:
        named.setdefault(found.text, []).append(found.name)
    return [f"{', '.join(names)}: {text}" for text, names in named.items()]


@dataclass(frozen=True)
class Answer:
    """Which backend is fastest: a verdict for each model, and a line over all of them.

    ``effects`` say, for each axis that varies and each backend, which value is fastest.
    ``effort`` says of a run with a budget what it took, and what repeating all cells alike would.
    """

    verdicts: tuple[ModelVerdict, ...]
    overall: tuple[str, ...]
    effort: str | None = None
    effects: tuple[ModelVerdict, ...] = ()

    @property
    def lines(self) -> list[str]:
        """Return all of it in words, a line for each thing that is said."""
        effort = [self.effort] if self.effort else []
        return [*_lines(self.verdicts), *self.overall, *_lines(self.effects), *effort]

    @property
    def fastest(self) -> set[tuple[str, ...]]:
        """Return the cells that are the fastest of their model, or the same as the fastest."""
        return {one.cell for found in self.verdicts for one in found.fastest}

    @property
    def by_cell(self) -> dict[tuple[str, ...], str]:
        """Return what is said of each cell that was compared, as one word or two."""
        said: dict[tuple[str, ...], str] = {}
        for found in self.verdicts:
            for pair in found.pairs:
                is_open = found.kind is VerdictKind.CANNOT_TELL
                said[pair.fast.cell] = said[pair.slow.cell] = str(found.kind)
                if not is_open and pair.slow not in found.fastest:
                    said[pair.slow.cell] = "slower"
            said |= {one.cell: str(found.kind) for one in found.fastest}
        return said

    def __str__(self) -> str:
        return "\n".join(self.lines)

    def fields(self) -> dict[str, Any]:
        """Return the answer as values that JSON can hold."""
        return {
            "verdicts": list(map(_verdict_fields, self.verdicts)),
            "effects": list(map(_verdict_fields, self.effects)),
            "overall": list(self.overall),
            "effort": self.effort,
        }


def _verdict_fields(found: ModelVerdict) -> dict[str, Any]:
    return {
        "model": found.model, "settings": found.settings, "kind": str(found.kind),
        "fastest": [one.name for one in found.fastest],
        "ratios": [_pair_fields(pair) for pair in found.pairs], "text": found.text,
    }  # fmt: skip


def _pair_fields(pair: Pair) -> dict[str, Any]:
    ratio = pair.ratio
    return {
        "faster": pair.fast.name, "slower": pair.slow.name, "relation": str(pair.relation),
        "ratio": ratio.value, "low": ratio.low, "high": ratio.high,
    }  # fmt: skip


def _effort(table: pd.DataFrame) -> str | None:
    """Return what a run with a budget took, beside the time that as many repeats of all would."""
    if not (table["looks"] > 1).any():
        return None
    jobs = with_variants(table[table["looks"] > 1]).drop_duplicates(["run", "job"])
    jobs = jobs[jobs["status"] == Status.OK]
    if jobs.empty or jobs["run"].nunique() > 1:
        return None
    cells = jobs.groupby(CELL, sort=False)["wall_seconds"].agg(["size", "sum", "mean"])
    most = int(cells["size"].max())
    even = cells["sum"] + (most - cells["size"]) * cells["mean"]
    took, alike = (clock_text(float(seconds.sum())) for seconds in (cells["sum"], even))
    return (
        f"the jobs took {took}; repeating every cell {most} times, "
        f"as often as the one that needed most, would have taken {alike}"
    )


def find_answer(table: pd.DataFrame, summary: pd.DataFrame | None = None) -> Answer:
    """Return what ``runner.tables.load.load_runs``'s table says of which backend is fastest.

    A verdict for each model and each set of its cells that may be compared; none where a model has
    a single cell. Over all models that were measured under the same conditions, the geometric mean
    of their ratios with its interval, and in how many the leader is the fastest, or the same.
    For each axis that varies, which of its values is fastest, backend by backend. ``summary`` is
    ``summarize``'s of the table, where it is known.
    """
    cells = _cells(table, summarize(table) if summary is None else summary)
    groups = list(_groups(cells))
    own = [name for name, fact in declared_facts().items() if fact.of_model]
    by_settings: dict[str, list[_Group]] = {}
    for group in groups:
        by_settings.setdefault(group.settings, []).append(group)
    found = [
        _overall(alike, len({g.model for g in alike}))
        for of_settings in by_settings.values()
        for alike in classes(of_settings, lambda group: group.facts, own)
    ]
    overall = tuple(line for line in found if line is not None)
    varied = varied_axes(table)
    effects = (
        _judged(group)
        for name, axis in declared_axes().items()
        if axis.is_same_work and name in varied
        for group in _values_of_axis(cells, name, varied)
    )
    effort = _effort(table)
    return Answer(tuple(map(_judged, groups)), overall, effort, tuple(effects))
