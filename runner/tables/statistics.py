"""What a cell's seconds are, how far the next process may be off, and when that is told.

A process is what is drawn at random: its epochs share its memory layout, its threads' places and
its minute, so they say little of the next process. Each process counts once, with the median m of
its epochs after the first, and all is worked out on x = ln m, where a ratio is a difference:

- figure: exp(mean(x)), the geometric mean over processes;
- its interval: mean(x) +- t(n - 1) * s / sqrt(n), from Student (1908), "The probable error of a
  mean", Biometrika 6, 1-25; s is the standard deviation over n processes;
- ratio of two: exp(mean(x_b) - mean(x_a)), its interval +- t(f) * sqrt(v_a + v_b) with
  v = s^2 / n and f = (v_a + v_b)^2 / (v_a^2 / (n_a - 1) + v_b^2 / (n_b - 1)), from Welch (1947),
  "The generalization of Student's problem when several different population variances are
  involved", Biometrika 34, 28-35.

One process has no interval. How often these intervals hold is simulated by
``benchmarks/coverage.py`` and stands in docs/statistics.md.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist, median

import numpy as np
import numpy.typing as npt

Seconds = npt.NDArray[np.float64]
CONFIDENCE = 0.95
_FEW_EPOCHS = 3
_FEW_TO_SORT = 100
_DRIFT = 0.05
_WIDE = 0.05
# Half an interval over its figure: beyond this it tells nothing that one can act on.
TELLS_NOTHING = 0.5
_OUTLIER = 1.2
_MOST_PROCESSES = 1000
_EXACT = 1e-14
_TINY = 1e-300
_MOST_TERMS, _MOST_STEPS = 1000, 50


@dataclass(frozen=True)
class Ratio:
    """How much slower the second of two measurements is: its seconds over the first's.

    ``low`` to ``high`` is the interval; NaN where a side is one process, which says nothing of
    how far the next would be off.
    """

    value: float
    low: float
    high: float

    @property
    def inverse(self) -> "Ratio":
        """Return the ratio of the sides exchanged."""
        return Ratio(1 / self.value, 1 / self.high, 1 / self.low)

    @property
    def tells_nothing(self) -> bool:
        """Return whether the interval is so wide that the ratio could be anything."""
        return (self.high - self.low) / 2 / self.value > TELLS_NOTHING


@dataclass(frozen=True)
class Interval:
    """A cell's figure in seconds and the ends of its 95 % interval, from ``repeats`` processes.

    The ends are NaN for a single process.
    """

    seconds: float
    low: float
    high: float
    repeats: int

    @property
    def relative_width(self) -> float:
        """Return half the interval over the figure: 0.02 means plus or minus 2 %."""
        return (self.high - self.low) / 2 / self.seconds if self.seconds else math.inf

    @property
    def tells_nothing(self) -> bool:
        """Return whether the interval is so wide that the figure could be anything."""
        return self.relative_width > TELLS_NOTHING


@dataclass(frozen=True)
class _Logs:
    """The logarithms of the processes' medians of one cell: mean, variance, and how many."""

    mean: float
    variance: float
    count: int

    @property
    def of_mean(self) -> float:
        """Return the variance of the mean."""
        return self.variance / self.count


def _median(epochs: Seconds) -> float:
    """Return the median; of few epochs without NumPy, whose call takes longer than sorting them."""
    return median(epochs.tolist()) if len(epochs) < _FEW_TO_SORT else float(np.median(epochs))


def _logs(repeats: Sequence[Seconds]) -> _Logs | None:
    """Return the logarithms of each process's median; None where there is nothing to take one of.

    A process without an epoch counts as none.
    """
    medians = np.array([_median(epochs) for epochs in repeats if len(epochs)])
    if not len(medians) or medians.min() <= 0:
        return None
    logs = np.log(medians)
    variance = float(logs.var(ddof=1)) if len(logs) > 1 else math.nan
    return _Logs(float(logs.mean()), variance, len(logs))


def _fraction(a: float, b: float, x: float) -> float:
    """Return the continued fraction of the incomplete beta function, by Lentz's method.

    Formula: DLMF 8.17.22; method: Thompson and Barnett (1986), "Coulomb and Bessel functions of
    complex arguments and order", J. Comput. Phys. 64, 490-509.
    """
    value, c, d = 1.0, 1.0, 0.0
    for number in range(1, _MOST_TERMS):
        m = number // 2
        if number % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / (1 + term * d or _TINY)
        c = 1 + term / c or _TINY
        value *= c * d
        if abs(c * d - 1) < _EXACT:
            break
    return value


def beta_part(a: float, b: float, x: float) -> float:
    """Return the regularized incomplete beta function I_x(a, b), of 0 <= x <= 1.

    Where the fraction converges slowly, 1 - I_(1-x)(b, a) is the same (DLMF 8.17.4).
    """
    if x <= 0 or x >= 1:
        return min(max(x, 0.0), 1.0)
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_part(b, a, 1 - x)
    of_beta = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(of_beta + a * math.log(x) + b * math.log1p(-x)) / a
    return front / _fraction(a, b, x)


@lru_cache(maxsize=4096)
def student_quantile(freedom: float, probability: float) -> float:
    """Return the value below which Student's t lies with ``probability``, which is above 0.5.

    By Newton's method on the logarithm of both tails over that of t: they are a concave curve, so
    that it comes down to the answer from above and never passes it.
    """
    tails = 2 * (1 - probability)
    density = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)
    density -= math.log(freedom * math.pi) / 2
    found = NormalDist().inv_cdf(probability)
    for _ in range(_MOST_STEPS):
        here = beta_part(freedom / 2, 0.5, freedom / (freedom + found * found))
        at = math.exp(density - (freedom + 1) / 2 * math.log1p(found * found / freedom))
        step = math.log(here / tails) * here / (2 * found * at)
        found *= math.exp(step)
        if abs(step) < _EXACT:
            break
    return found


def _half(freedom: float, variance: float, confidence: float) -> float:
    """Return half of a two-sided interval by Student's t."""
    return student_quantile(freedom, (1 + confidence) / 2) * math.sqrt(variance)


def cell_interval(repeats: Sequence[Seconds], confidence: float = CONFIDENCE) -> Interval | None:
    """Return a cell's seconds with their interval: one array of seconds per fresh process.

    None where there is no epoch.
    """
    found = _logs(repeats)
    if found is None:
        return None
    half = math.nan
    if found.count > 1:
        half = _half(found.count - 1, found.of_mean, confidence)
    ends = (math.exp(found.mean), math.exp(found.mean - half), math.exp(found.mean + half))
    return Interval(*ends, found.count)


def _of_difference(
    difference: float, parts: Sequence[tuple[float, int]], confidence: float
) -> Ratio:
    """Return the ratio of a difference of logarithms, whose variance is the sum of ``parts``.

    Each is of (variance, processes); the degrees of freedom are Welch and Satterthwaite's.
    """
    half = math.nan
    if all(count > 1 for _, count in parts):
        total = sum(variance for variance, _ in parts)
        weights = sum(variance**2 / (count - 1) for variance, count in parts)
        half = _half(total**2 / weights, total, confidence) if total else 0.0
    ends = np.exp([difference, difference - half, difference + half])
    return Ratio(*map(float, ends))


def cell_ratio(
    before: Sequence[Seconds], after: Sequence[Seconds], confidence: float = CONFIDENCE
) -> Ratio | None:
    """Return the seconds of ``after`` over those of ``before`` with the interval of the ratio.

    Both hold one array of seconds per fresh process. None where a side has no epoch or took no
    time. Exchanging the sides inverts it.
    """
    a, b = _logs(before), _logs(after)
    if a is None or b is None:
        return None
    parts = [(side.of_mean, side.count) for side in (a, b)]
    return _of_difference(b.mean - a.mean, parts, confidence)


def mean_ratio(
    pairs: Sequence[tuple[Sequence[Seconds], Sequence[Seconds]]], confidence: float = CONFIDENCE
) -> Ratio | None:
    """Return the geometric mean of the ratios of several pairs of (before, after).

    The interval is of the mean over just these pairs, whose variances add up; it says nothing of
    models that were not measured. None where a side of a pair has no epoch.
    """
    logs = [(_logs(before), _logs(after)) for before, after in pairs]
    sides = [side for pair in logs for side in pair if side is not None]
    if not pairs or len(sides) < 2 * len(pairs):
        return None
    parts = [(side.of_mean / len(pairs) ** 2, side.count) for side in sides]
    difference = sum(b.mean - a.mean for a, b in zip(sides[::2], sides[1::2], strict=True))
    return _of_difference(difference / len(pairs), parts, confidence)


def processes_for(
    before: Sequence[Seconds], after: Sequence[Seconds], half: float, confidence: float
) -> int | None:
    """Return how many processes a side make half the ratio's interval ``half`` or less.

    More than there are: those did not. ``half`` is of the logarithm: 0.03 is about 3 %. It rests on
    the variance seen so far, so it is a guess. None where a side is one process, or where a
    thousand would not do.
    """
    a, b = _logs(before), _logs(after)
    if a is None or b is None or min(a.count, b.count) < 2 or half <= 0:
        return None
    spread = a.variance + b.variance
    for count in range(max(a.count, b.count) + 1, _MOST_PROCESSES + 1):
        if _half(2 * (count - 1), spread / count, confidence) <= half:
            return count
    return None


def _drifts(epochs: Seconds) -> bool:
    """Return whether the second half of a process's epochs is off the first by over 5 %."""
    if len(epochs) < 2 * _FEW_EPOCHS:
        return False
    halves = epochs[: len(epochs) // 2], epochs[-(len(epochs) // 2) :]
    first, second = (float(np.median(half)) for half in halves)
    spread = max(float(np.median(np.abs(half - np.median(half)))) for half in halves)
    return abs(second - first) > max(_DRIFT * first, 2 * spread)


def steadiness_warnings(repeats: Sequence[Seconds], found: Interval | None) -> list[str]:
    """Return what makes a measurement unsteady, each in plain words."""
    if found is None:
        return []
    epochs = np.concatenate([np.asarray(r, dtype=float) for r in repeats if len(r)])
    warnings = []
    if len(epochs) < _FEW_EPOCHS:
        warnings.append(f"fewer than {_FEW_EPOCHS} epochs after the first")
    if found.repeats == 1:
        warnings.append(
            "one process: how far the next would be off is not known, --repeats 3 tells"
        )
    elif found.tells_nothing:
        warnings.append(f"{found.repeats} processes are too few to tell: use more --repeats")
    elif found.relative_width > _WIDE:
        warnings.append(f"the interval is wide (+-{100 * found.relative_width:.0f} %)")
    slow = int(np.sum(epochs > _OUTLIER * float(np.median(epochs))))
    if slow and len(epochs) >= _FEW_EPOCHS:
        warnings.append(f"epochs took over {_OUTLIER:g} times the median ({slow} of {len(epochs)})")
    drifting = sum(_drifts(np.asarray(r, dtype=float)) for r in repeats)
    if drifting:
        share = f"(in {drifting} of {len(repeats)} processes)"
        warnings.append(f"the epochs drift by over {100 * _DRIFT:.0f} % {share}")
    return warnings
