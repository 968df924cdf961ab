"""The answer in words: which backend is fastest, by the data of ``runner.tables.verdicts``."""

from collections.abc import Iterable, Sequence

from runner.spec.facts import obstacles_text
from runner.tables.statistics import Ratio
from runner.tables.verdicts import (
    Answer,
    Contender,
    Effort,
    ModelVerdict,
    Obstacle,
    ObstacleKind,
    OverallVerdict,
    Pair,
    Relation,
    VerdictKind,
)
from runner.words import clock_text


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def ratio_text(ratio: Ratio) -> str:
    """Return a ratio with its interval."""
    return f"{ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f}) times"


def obstacle_text(obstacle: Obstacle) -> str:
    """Return why a cell cannot be compared."""
    return obstacles_text(obstacle.facts, *obstacle.sides) or obstacle.detail or str(obstacle.kind)


def _obstacles_text(contenders: Sequence[Contender]) -> str:
    """Return why contenders cannot be compared, a phrase for each reason."""
    by_reason: dict[str, list[str]] = {}
    for one in contenders:
        if one.obstacle:
            by_reason.setdefault(obstacle_text(one.obstacle), []).append(one.name)
    return "; ".join(f"{_listed(names)}: {reason}" for reason, names in by_reason.items())


def _speed_text(fast: str, slow: str, ratio: Ratio) -> str:
    """Return how much faster one is than another, or that it cannot be told yet."""
    if ratio.tells_nothing:
        return f"too few processes to tell {fast} from {slow}"
    return f"{fast} {ratio_text(ratio)} as fast as {slow}"


def _open_text(pair: Pair) -> str:
    """Return why two contenders are not told apart, and what would tell."""
    span = _speed_text(pair.fast.name, pair.slow.name, pair.ratio)
    return f"{span}; --repeats {pair.needed} may tell" if pair.needed else span


def _pairs_text(found: ModelVerdict) -> str:
    """Return what is known of the fastest contender and those that it was compared with."""
    first = found.pairs[0].fast.name
    slower = ", ".join(
        f"{ratio_text(pair.ratio)} as fast as {pair.slow.name}"
        for pair in found.pairs
        if pair.relation is Relation.FASTER
    )
    if found.kind is VerdictKind.FASTEST:
        return f"{first} fastest, {slower}"
    if found.kind is VerdictKind.SAME:
        names = _listed([one.name for one in found.fastest])
        text = f"{names} the same within {100 * found.same_within:g} %"
    else:
        text = f"cannot tell: {', '.join(map(_open_text, found.open_pairs))}"
    return text + (f"; {first} {slower}" if slower else "")


def _unobserved_text(contenders: Sequence[Contender]) -> str:
    """Return what could not be seen of the contenders that were compared: it was not thus good."""
    by_text: dict[str, list[str]] = {}
    for one in contenders:
        if one.unobserved and not one.obstacle:
            by_text.setdefault(one.unobserved, []).append(one.name)
    return "".join(f"; not known: {text}: {_listed(names)}" for text, names in by_text.items())


def verdict_text(found: ModelVerdict) -> str:
    """Return the verdict on one model in words."""
    unable = [one for one in found.contenders if one.obstacle]
    if found.kind is VerdictKind.NOT_COMPARABLE:
        return f"not comparable ({_obstacles_text(unable)})"
    if not found.pairs:
        kinds = [one.obstacle.kind for one in unable if one.obstacle]
        remedy = "; --repeats 3 would" * (ObstacleKind.ONE_PROCESS in kinds)
        return f"cannot tell ({_obstacles_text(unable)}){remedy}"
    beside = f"; not compared: {_obstacles_text(unable)}" if unable else ""
    return _pairs_text(found) + beside + _unobserved_text(found.contenders)


def overall_text(found: OverallVerdict) -> str:
    """Return the verdict over all models in words."""
    counted = str(found.models) + f" of {found.asked}" * (found.models != found.asked)
    how = ", ".join(filter(None, ["geometric mean", found.settings]))
    ratios = ", ".join(_speed_text(found.first, one.slow, one.ratio) for one in found.ratios)
    doubt = "cannot tell: " * (found.kind is VerdictKind.CANNOT_TELL)
    others = {"tied in": found.same_in, "cannot tell in": found.open_in}
    tail = [f"{found.first} is fastest in {found.fastest_in} of them"]
    tail += [f"{words} {count}" for words, count in others.items() if count]
    return f"over {counted} models ({how}): {doubt}{ratios}; {', '.join(tail)}"


def effort_text(effort: Effort) -> str:
    """Return what a run with a budget took, and what repeating all cells alike would have."""
    took, alike = map(clock_text, (effort.seconds, effort.alike_seconds))
    return (
        f"the jobs took {took}; repeating every cell {effort.processes} times, "
        f"as often as the one that needed most, would have taken {alike}"
    )


def _verdict_lines(verdicts: Iterable[ModelVerdict]) -> list[str]:
    """Return verdicts in words; those that say the same share a line."""
    named: dict[str, list[str]] = {}
    for found in verdicts:
        named.setdefault(verdict_text(found), []).append(found.name)
    return [f"{', '.join(names)}: {text}" for text, names in named.items()]


def answer_lines(answer: Answer) -> list[str]:
    """Return all of an answer in words, a line for each statement."""
    return [
        *_verdict_lines(answer.verdicts),
        *map(overall_text, answer.overall),
        *_verdict_lines(answer.effects),
        *([effort_text(answer.effort)] if answer.effort else []),
    ]


class PrintedAnswer(Answer):
    """An answer that is printed as its lines."""

    @property
    def lines(self) -> list[str]:
        """Return all of it in words, a line for each statement."""
        return answer_lines(self)

    def __str__(self) -> str:
        return "\n".join(self.lines)
