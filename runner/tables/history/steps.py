"""Where a series of runs steps up or down, and how small a step would have been found.

A run's figure y is a cell's seconds; all is worked out on x = ln y of n runs, oldest first, where a
step is a difference. K steps part the runs into K + 1 stretches of one mean each:

- for each K the places that leave the least sum of squares RSS(K) around the means, found exactly
  by dynamic programming (Bellman, 1961, "On the approximation of curves by line segments using
  dynamic programming", Communications of the ACM 4, 284); a stretch has at least three runs, so
  that an odd one is no step;
- K grows by e, by one or, for steps that undo each other, by up to five at once, while
  F = ((RSS(K) - RSS(K + e)) / e) / (RSS(K + e) / (n - K - e - 1)) is larger than chance makes it:
  its tail probability, times the C(n - 1, e) ways to place e steps, is below 0.002 / 2^e. This is
  Bonferroni's bound of the test of Bai and Perron (1998), "Estimating and testing linear models
  with multiple structural changes", Econometrica 66, 47-78;
- the noise s is the root of RSS(K) / (n - K - 1); a step's size has the interval of Student's t
  with n - K - 1 degrees of freedom;
- its place: each place that raises RSS by at most 7.35 s^2, the 95 % set of Hansen (2000), "Sample
  splitting and threshold estimation", Econometrica 68, 575-603, c = -2 ln(1 - sqrt(0.95)).

A series may drift instead: x = a + b i + noise for run i. It is told where the slope b differs from
0 by its t test at 0.01, and where the line leaves no more variance than the K steps do, of which
each has a mean and a place: RSS(K) / (n - 2 K - 1). It then has no steps.

Before all this an odd run is drawn in: x is clipped to its running median over up to seven runs,
plus or minus four times the spread about that, 1.4826 times the median of the distances (Hampel,
1974, "The influence curve and its role in robust estimation", Journal of the American Statistical
Association 69, 383-393). The median of a window leaves a step where it is.

Runs are taken as independent and of one noise. ``benchmarks/steps.py`` simulates what becomes of
it all, also where they are not.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from runner.tables.statistics import CONFIDENCE, Ratio, beta_part, student_quantile

FALSE_STEPS = 0.002
FALSE_DRIFTS = 0.01
FEWEST_RUNS = 3
MOST_RUNS = 2000
# Of either side of a step, where its sensitivity is stated.
_STATED_RUNS = 5
_PLACE_95 = -2 * math.log(1 - math.sqrt(CONFIDENCE))
# A step of so many times the noise has its first run named right in 95 of 100: a neighbour is
# taken for it where noise of half the step sets it nearer to the other stretch.
_PLACED = 4.0
# Seconds are no better than to a millionth: below that all runs are alike.
_LEAST_VARIANCE = 1e-12
_WINDOW = 3
_ODD = 4.0
_MOST_AT_ONCE = 5
# Of a logarithm: beyond it any step is a finding.
_LARGEST = 10.0
_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Step:
    """One step. ``first`` is the position of the first run after it.

    It may as well be any run from ``earliest`` to ``latest``. ``ratio`` is the seconds after it
    over those before, with its 95 % interval.
    """

    first: int
    earliest: int
    latest: int
    ratio: Ratio


@dataclass(frozen=True)
class Drift:
    """A series that becomes slower, or faster, from run to run.

    ``ratio`` is the seconds of the newest of its ``runs`` over those of the first by the line
    through all, with its 95 % interval.
    """

    ratio: Ratio
    runs: int

    def over(self, runs: int) -> Ratio:
        """Return the same over the newest ``runs`` alone."""
        part = (runs - 1) / (self.runs - 1)
        return Ratio(*(end**part for end in (self.ratio.value, self.ratio.low, self.ratio.high)))


@dataclass(frozen=True)
class Stepped:
    """The steps of a series, oldest first, or its drift.

    ``noise`` is the standard deviation of a run about its stretch, and ``sensitivity`` the step
    from which on it is found and its first run named in 95 of 100, with five runs on either side:
    both as shares, 0.02 for 2 %. NaN where there are too few runs to know them.
    """

    steps: tuple[Step, ...]
    noise: float
    sensitivity: float
    drift: Drift | None = None


def _without_odd(x: _Floats) -> _Floats:
    """Return the series with odd runs drawn in; the window shrinks towards either end."""
    n = len(x)
    reach = [min(_WINDOW, i, n - 1 - i) for i in range(n)]
    middle = np.array([np.median(x[i - r : i + r + 1]) for i, r in enumerate(reach)])
    off = x - middle
    most = _ODD * 1.4826 * float(np.median(np.abs(off)))
    drawn_in: _Floats = middle + np.clip(off, -most, most)
    return drawn_in


def _costs(x: _Floats) -> _Floats:
    """Return the sum of squares about their mean of the runs i to j - 1, as an array [i, j]."""
    n = len(x)
    sums, squares = (np.concatenate([[0.0], np.cumsum(x**p)]) for p in (1, 2))
    lengths = np.arange(n + 1)[None, :] - np.arange(n + 1)[:, None]
    found = squares[None, :] - squares[:, None]
    found -= (sums[None, :] - sums[:, None]) ** 2 / np.maximum(lengths, 1)
    found[lengths < FEWEST_RUNS] = np.inf
    costs: _Floats = np.maximum(found, 0.0)
    return costs


def _beyond(f: float, more: int, freedom: int) -> float:
    """Return the probability that F of ``more`` and ``freedom`` degrees is beyond ``f``."""
    return beta_part(freedom / 2, more / 2, freedom / (freedom + more * f))


class _Partitions:
    """The best places of 0, 1, 2 and more steps, worked out as they are asked for."""

    def __init__(self, x: _Floats) -> None:
        self.runs = len(x)
        self.costs = _costs(x)
        self._least = [self.costs[0]]
        self._last: list[npt.NDArray[np.intp]] = []

    def rss(self, steps: int) -> float:
        """Return the least sum of squares that so many steps leave."""
        while len(self._least) <= steps:
            sums = self._least[-1][:, None] + self.costs
            self._last.append(sums.argmin(axis=0))
            self._least.append(sums.min(axis=0))
        return float(self._least[steps][-1])

    def places(self, steps: int) -> list[int]:
        """Return the first run of each stretch but the first."""
        found, end = [], self.runs
        for last in reversed(self._last[:steps]):
            end = int(last[end])
            found.append(end)
        return found[::-1]

    def freedom(self, steps: int) -> int:
        """Return how many runs there are beyond the means of the stretches."""
        return self.runs - steps - 1

    def variance(self, steps: int) -> float:
        """Return the variance of the runs about the means of their stretches."""
        return max(self.rss(steps) / self.freedom(steps), _LEAST_VARIANCE)

    def chance(self, known: int, more: int) -> float:
        """Return a bound of the probability that noise alone looks like ``more`` steps."""
        steps = known + more
        gain = (self.rss(known) - self.rss(steps)) / more / self.variance(steps)
        tail = _beyond(max(gain, 0.0), more, self.freedom(steps))
        return tail * (math.comb(self.runs - 1, more) << more)


def _count(found: _Partitions) -> int:
    """Return how many steps there are."""
    steps = 0
    while True:
        most = min(_MOST_AT_ONCE, found.runs // FEWEST_RUNS - steps - 1)
        more = next((e for e in range(1, most + 1) if found.chance(steps, e) <= FALSE_STEPS), 0)
        if not more:
            return steps
        steps += more


def _step(x: _Floats, stretches: tuple[int, int, int], found: _Partitions, steps: int) -> Step:
    """Return the step between two neighbouring stretches, given by their three ends."""
    begin, first, end = stretches
    variance = found.variance(steps)
    may_be = np.arange(begin + 1, end)
    raised = np.array([_about_means(x[begin:at], x[at:end]) for at in may_be])
    likely = may_be[raised <= raised.min() + _PLACE_95 * variance]
    first = int(may_be[raised.argmin()])
    if min(first - begin, end - first) < FEWEST_RUNS:
        # Of so few runs on a side an odd one is not told from the first of a stretch.
        likely = np.append(likely, [max(first - 1, begin + 1), min(first + 1, end - 1)])
    size = float(x[first:end].mean() - x[begin:first].mean())
    quantile = student_quantile(found.freedom(steps), (1 + CONFIDENCE) / 2)
    half = quantile * math.sqrt(variance * (1 / (first - begin) + 1 / (end - first)))
    ratio = Ratio(math.exp(size), math.exp(size - half), math.exp(size + half))
    return Step(first, int(likely.min()), int(likely.max()), ratio)


def _about_means(*parts: _Floats) -> float:
    """Return the sum of squares of some stretches about their means."""
    return sum(float(((part - part.mean()) ** 2).sum()) for part in parts)


def _slope(x: _Floats) -> tuple[float, float]:
    """Return the slope of the line through a series, and the variance about it."""
    place = np.arange(len(x)) - (len(x) - 1) / 2
    slope = float((place * x).sum() / (place**2).sum())
    return slope, max(_about_means(x - slope * place) / (len(x) - 2), _LEAST_VARIANCE)


def _drift(x: _Floats, found: _Partitions, steps: int) -> Drift | None:
    """Return the drift of a series, None where steps say more, or nothing is certain.

    Odd runs are not drawn in here: at the ends of a short series that would make a slope of noise.
    """
    runs = len(x)
    _, about_line = _slope(_without_odd(x))
    # Each step has a mean and a place of its own.
    if about_line > found.rss(steps) / max(runs - 2 * steps - 1, 1):
        return None
    slope, variance = _slope(x)
    spread = runs * (runs**2 - 1) / 12  # of 0, 1, ... about their mean, squared and summed
    if _beyond(slope**2 * spread / variance, 1, runs - 2) > FALSE_DRIFTS:
        return None
    half = student_quantile(runs - 2, (1 + CONFIDENCE) / 2) * math.sqrt(variance / spread)
    ends = (slope, slope - half, slope + half)
    return Drift(Ratio(*(math.exp(end * (runs - 1)) for end in ends)), runs)


def _sensitivity(found: _Partitions, steps: int) -> float:
    """Return the step that one more test finds and places in 95 of 100, as a share."""
    freedom = found.freedom(steps) - 1
    if freedom < 1:
        return math.nan
    tail = FALSE_STEPS / 2 / (found.runs - 1)
    least = student_quantile(freedom, 1 - tail / 2) + student_quantile(freedom, CONFIDENCE)
    size = max(_PLACED, least * math.sqrt(2 / _STATED_RUNS))
    return math.expm1(min(size * math.sqrt(found.variance(steps)), _LARGEST))


def find_steps(seconds: npt.ArrayLike) -> Stepped:
    """Return the steps in the seconds of at most ``MOST_RUNS`` runs, oldest first, all above 0."""
    x = np.log(np.asarray(seconds, dtype=float))
    if len(x) < 2 * FEWEST_RUNS:
        return Stepped((), math.nan, math.nan)
    raw, x = x, _without_odd(x - x.mean())
    found = _Partitions(x)
    steps = _count(found)
    if drift := _drift(raw, found, steps):
        steps = 0
    ends = [0, *found.places(steps), found.runs]
    each = zip(ends, ends[1:], ends[2:], strict=False)
    return Stepped(
        tuple(_step(x, stretches, found, steps) for stretches in each),
        math.sqrt(found.variance(steps)),
        _sensitivity(found, steps),
        drift,
    )
