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
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

import pandas as pd

from runner.spec.axes import declared_axes, settings_text
from runner.spec.facts import FactDifference, Facts, decisive_facts, declared_facts, obstacles
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

SAME_WITHIN = 0.03
# At how many processes a cell a run with a budget looks at its data, and may stop; and the part of
# the error that each look may spend.
SHARES = {3: 0.4, 5: 0.25, 8: 0.15, 12: 0.1, 18: 0.1}
LOOKS = tuple(SHARES)
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


class OpenReason(StrEnum):
    """Why it cannot be told which is fastest."""

    TOO_FEW = "too few processes"
    INTERVAL = "interval open"
    NOT_COMPARED = "fewer than two cells can be compared"


class ObstacleKind(StrEnum):
    """Why a cell cannot be compared."""

    STATUS = "status"
    NO_EPOCH = "no epoch after the first"
    DISTURBED = "disturbed"
    ONE_PROCESS = "one process"
    OTHER_WORK = "other work or machine"


@dataclass(frozen=True)
class Obstacle:
    """Why a cell cannot be compared; ``detail`` is its status, or what disturbed it.

    ``facts`` are those in which it differs from the others, ``sides`` the names of one of these
    and its own.
    """

    kind: ObstacleKind
    detail: str | None = None
    facts: tuple[FactDifference, ...] = ()
    sides: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Contender:
    """A cell, by its values of ``CELL``: its seconds by process, or why it cannot be compared.

    ``unobserved`` is what could not be seen of its jobs' device.
    """

    name: str
    cell: tuple[str, ...]
    repeats: list[Seconds]
    obstacle: Obstacle | None
    unobserved: str | None = None


@dataclass(frozen=True)
class Pair:
    """Two contenders: ``ratio`` is the seconds of ``slow`` over those of ``fast``.

    Its interval holds with ``confidence``. ``needed`` is how many processes a cell may decide what
    is open, None where none are known to.
    """

    fast: Contender
    slow: Contender
    ratio: Ratio
    relation: Relation
    confidence: float = CONFIDENCE
    needed: int | None = None


@dataclass(frozen=True)
class MeanRatio:
    """The geometric mean over models of the seconds of ``slow`` over those of the fastest.

    Its interval holds with ``confidence`` and rests on at least ``processes`` a cell.
    """

    slow: str
    ratio: Ratio
    relation: Relation
    confidence: float
    processes: int


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
    """The verdict on one model: its ``kind``, and ``fastest``, the cells that it holds for.

    ``pairs`` are the fastest of the ``contenders`` with each that it could be compared with.
    ``same_within`` 0.03 calls cells the same whose ratio lies within 3 % of 1.
    """

    model: str
    kind: VerdictKind
    fastest: tuple[Contender, ...]
    pairs: tuple[Pair, ...]
    contenders: tuple[Contender, ...] = ()
    settings: str = ""
    same_within: float = SAME_WITHIN

    @property
    def name(self) -> str:
        """Return what it is of: the model, and the values of the axes that vary."""
        return f"{self.model} ({self.settings})" if self.settings else self.model

    @property
    def reason(self) -> OpenReason | None:
        """Return why it cannot be told which is fastest; None where it can."""
        if self.kind is not VerdictKind.CANNOT_TELL:
            return None
        if not self.pairs:
            return OpenReason.NOT_COMPARED
        is_little = any(pair.ratio.tells_nothing for pair in self.open_pairs)
        return OpenReason.TOO_FEW if is_little else OpenReason.INTERVAL

    @property
    def open_pairs(self) -> list[Pair]:
        """Return the pairs of which more processes may tell what is not told yet."""
        return [pair for pair in self.pairs if pair.relation is Relation.OPEN]


@dataclass(frozen=True)
class OverallVerdict:
    """The verdict over ``models`` of the ``asked`` models that were measured in the same way.

    ``ratios`` are of every other contender to ``first``, the fastest in the mean, which is the
    fastest of ``fastest_in`` models and the same as the fastest of ``same_in``; of ``open_in`` it
    cannot be told. ``settings`` are the values of the axes that vary.
    """

    settings: str
    models: int
    asked: int
    kind: VerdictKind
    first: str
    ratios: tuple[MeanRatio, ...]
    fastest_in: int
    same_in: int
    open_in: int


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
    pair = Pair(one, other, ratio, relation, confidence)
    if ratio.value < 1:
        pair = replace(pair, fast=other, slow=one, ratio=ratio.inverse)
    if relation is not Relation.OPEN:
        return pair
    return replace(pair, needed=_processes_to_decide(pair, terms))


def _processes_to_decide(pair: Pair, terms: Terms) -> int | None:
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
        columns = ("device", "configuration", "backend", "machine", "variant")
        return tuple(str(self.figures[name]) for name in columns)

    @property
    def obstacle(self) -> Obstacle | None:
        """Return why the cell cannot be compared, or None."""
        status, disturbance = self.figures["status"], self.figures["disturbance"]
        if not self.is_timed:
            failed = status != Status.OK
            return (
                Obstacle(ObstacleKind.STATUS, str(status))
                if failed
                else Obstacle(ObstacleKind.NO_EPOCH)
            )
        if pd.notna(disturbance):
            return Obstacle(ObstacleKind.DISTURBED, str(disturbance))
        return Obstacle(ObstacleKind.ONE_PROCESS) if self.figures["repeats"] < 2 else None

    @property
    def unobserved(self) -> str | None:
        """Return what could not be seen of the cell's jobs, or None."""
        return None if pd.isna(self.figures["unobserved"]) else str(self.figures["unobserved"])

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
        Contender(name, cell.key, cell.repeats, cell.obstacle, cell.unobserved)
        for name, cell in zip(names, [*timed, *failed], strict=False)
    ]
    for name, cell in zip(names[len(contenders) :], apart, strict=True):
        apart_in = tuple(obstacles(timed[0].facts, cell.facts))
        why = Obstacle(ObstacleKind.OTHER_WORK, facts=apart_in, sides=(names[0], name))
        contenders.append(Contender(name, cell.key, cell.repeats, why))
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
    """Yield the cells of one backend that differ in the value of ``axis`` alone.

    A cell of before the axis, whose value is not recorded, tells nothing of it.
    """
    others = {name for name in declared_axes() if name in varied} - {axis}
    found: dict[tuple[str, ...], list[_Cell]] = {}
    for cell in cells:
        if not cell.fact(axis):
            continue
        settings = settings_text({name: cell.fact(name) or None for name in others}, others)
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


def _figure(one: Contender) -> float:
    found = cell_interval(one.repeats)
    return found.seconds if found else math.inf


def _judged(group: _Group) -> ModelVerdict:
    """Return the verdict on one model."""
    able = sorted((one for one in group.contenders if one.obstacle is None), key=_figure)
    compared = [compare_pair(able[0], other, group.terms) for other in able[1:]]
    pairs = tuple(pair for pair in compared if pair is not None)
    kinds = [one.obstacle.kind for one in group.contenders if one.obstacle]
    others = kinds.count(ObstacleKind.OTHER_WORK)
    is_alone = others and len(group.contenders) - others < 2
    kind = VerdictKind.NOT_COMPARABLE if is_alone else _kind(pairs)
    level = [pair.slow for pair in pairs if pair.relation is Relation.SAME]
    return ModelVerdict(
        group.model,
        kind,
        (able[0], *level) if kind in (VerdictKind.FASTEST, VerdictKind.SAME) else (),
        pairs,
        tuple(group.contenders),
        group.settings,
        group.terms.same_within,
    )


def _kind(pairs: Sequence[Pair] | Sequence[MeanRatio]) -> VerdictKind:
    """Return what the relations of the fastest to each of the others come to."""
    relations = {pair.relation for pair in pairs}
    if not relations or Relation.OPEN in relations:
        return VerdictKind.CANNOT_TELL
    return VerdictKind.SAME if Relation.SAME in relations else VerdictKind.FASTEST


def _common(groups: Sequence[_Group]) -> tuple[list[_Group], list[str]]:
    """Return the models to be taken together, and the contenders that each of them has.

    As many contenders as two models have at least: one more model is not worth a contender less.
    """
    able = [[one.name for one in g.contenders if one.obstacle is None] for g in groups]
    for names in sorted(able, key=len, reverse=True):
        held = [g for g, others in zip(groups, able, strict=True) if set(names) <= set(others)]
        if len(held) > 1:
            return held, names
    return [*groups], [name for name in able[0] if all(name in names for names in able)]


def _mean_ratios(groups: Sequence[_Group], first: str, names: Sequence[str]) -> list[MeanRatio]:
    """Return the seconds of each of ``names`` over those of ``first``: the means over all models.

    All their statements hold together under the strictest terms that one of the groups has.
    """
    terms = max((group.terms for group in groups), key=lambda terms: terms.pairs * terms.looks)
    sides = [{one.name: one.repeats for one in group.contenders} for group in groups]
    found = []
    for name in names:
        pairs = [(side[first], side[name]) for side in sides]
        processes = min(len(repeats) for pair in pairs for repeats in pair)
        confidence = terms.confidence(processes)
        if (ratio := mean_ratio(pairs, confidence)) is not None:
            relation = relation_of(ratio, terms.same_within)
            found.append(MeanRatio(name, ratio, relation, confidence, processes))
    return found


def _overall(groups: Sequence[_Group], asked: int) -> OverallVerdict | None:
    """Return the verdict over all models that were measured under the same conditions."""
    able = [g for g in groups if sum(one.obstacle is None for one in g.contenders) > 1]
    if len(able) < 2:
        return None
    able, names = _common(able)
    if len(names) < 2:
        return None
    relative = _mean_ratios(able, names[0], names)
    first = min(relative, key=lambda one: one.ratio.value).slow if relative else names[0]
    ratios = _mean_ratios(able, first, [name for name in names if name != first])
    judged = [_judged(group) for group in able]
    leads = Counter(v.kind for v in judged if first in [one.name for one in v.fastest])
    return OverallVerdict(
        settings=able[0].settings,
        models=len(able),
        asked=asked,
        kind=_kind(ratios),
        first=first,
        ratios=tuple(ratios),
        fastest_in=leads[VerdictKind.FASTEST],
        same_in=leads[VerdictKind.SAME],
        open_in=sum(v.kind is VerdictKind.CANNOT_TELL for v in judged),
    )


@dataclass(frozen=True)
class Effort:
    """What a run with a budget took: the jobs' ``seconds``, and the most ``processes`` of a cell.

    ``alike_seconds`` is what as many processes of every cell would have taken.
    """

    seconds: float
    processes: int
    alike_seconds: float


def _alone(one: Contender) -> str:
    """Return what is known of a cell that is in no pair."""
    is_other = one.obstacle is not None and one.obstacle.kind is ObstacleKind.OTHER_WORK
    return str(VerdictKind.NOT_COMPARABLE if is_other else VerdictKind.CANNOT_TELL)


@dataclass(frozen=True)
class Answer:
    """Which backend is fastest: a verdict for each model, and one over all of them.

    ``effects`` say, for each axis that varies and each backend, which value is fastest.
    ``effort`` says of a run with a budget what it took, and what repeating all cells alike would.
    """

    verdicts: tuple[ModelVerdict, ...]
    overall: tuple[OverallVerdict, ...]
    effort: Effort | None = None
    effects: tuple[ModelVerdict, ...] = ()

    @property
    def fastest(self) -> set[tuple[str, ...]]:
        """Return the cells that are the fastest of their model, or the same as the fastest."""
        return {one.cell for found in self.verdicts for one in found.fastest}

    @property
    def by_cell(self) -> dict[tuple[str, ...], str]:
        """Return what is known of each timed cell beside others: a ``VerdictKind``, or "slower"."""
        known: dict[tuple[str, ...], str] = {}
        for found in self.verdicts:
            known |= {one.cell: _alone(one) for one in found.contenders if one.repeats}
            for pair in found.pairs:
                is_open = found.kind is VerdictKind.CANNOT_TELL
                known[pair.fast.cell] = known[pair.slow.cell] = str(found.kind)
                if not is_open and pair.slow not in found.fastest:
                    known[pair.slow.cell] = "slower"
            known |= {one.cell: str(found.kind) for one in found.fastest}
        return known


def _effort(table: pd.DataFrame) -> Effort | None:
    """Return what a run with a budget took, beside the time that as many repeats of all would."""
    if not (table["looks"] > 1).any():
        return None
    jobs = with_variants(table[table["looks"] > 1]).drop_duplicates(["run", "job"])
    jobs = jobs[jobs["status"] == Status.OK]
    if jobs.empty or jobs["run"].nunique() > 1:
        return None
    cells = jobs.groupby(CELL, sort=False)["wall_seconds"].agg(["size", "sum", "mean"])
    most = int(cells["size"].max())
    alike = cells["sum"] + (most - cells["size"]) * cells["mean"]
    return Effort(float(cells["sum"].sum()), most, float(alike.sum()))


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
    overall = tuple(one for one in found if one is not None)
    varied = varied_axes(table)
    effects = (
        _judged(group)
        for name, axis in declared_axes().items()
        if axis.is_same_work and name in varied
        for group in _values_of_axis(cells, name, varied)
    )
    effort = _effort(table)
    return Answer(tuple(map(_judged, groups)), overall, effort, tuple(effects))
