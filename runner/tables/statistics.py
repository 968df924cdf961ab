"""Medians, their intervals, and plain words for a measurement that is not steady.

The spread between repeats (fresh processes) is larger than between the epochs of one process, so
the bootstrap draws repeats first and then epochs within each: an interval from one repeat says
nothing about the next process, and is said to be so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Seconds = npt.NDArray[np.float64]
DRAWS = 2000
CONFIDENCE = 0.95
_FEW_EPOCHS = 3
_DRIFT = 0.05
_WIDE = 0.05
_OUTLIER = 1.2


@dataclass(frozen=True)
class Ratio:
    """How much slower the second of two measurements is: its median over the first's.

    ``low`` to ``high`` is the 95 % interval; NaN where a side has too few epochs, or is one
    process, which says nothing of how far the next would be off.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Interval:
    """A median in seconds and the ends of its 95 % interval; ``repeats`` it is drawn from.

    The ends are NaN where there are too few epochs to tell anything of the spread.
    """

    median: float
    low: float
    high: float
    repeats: int

    @property
    def relative_width(self) -> float:
        """Return half the interval over the median: 0.02 means plus or minus 2 %."""
        return (self.high - self.low) / 2 / self.median if self.median else float("inf")


def _drawn_medians(repeats: Sequence[Seconds], random: np.random.Generator) -> Seconds:
    """Return the medians of ``DRAWS`` resamples: of repeats, then of epochs within them."""
    lengths = np.array([len(epochs) for epochs in repeats])
    padded = np.full((len(repeats), lengths.max()), np.nan)
    for row, epochs in zip(padded, repeats, strict=True):
        row[: len(epochs)] = epochs
    chosen = random.integers(len(repeats), size=(DRAWS, len(repeats), 1))
    within = (random.random((DRAWS, *padded.shape)) * lengths[chosen]).astype(int)
    drawn = padded[chosen, within]
    drawn[np.arange(padded.shape[1]) >= lengths[chosen]] = np.nan
    medians: Seconds = np.nanmedian(drawn.reshape(DRAWS, -1), axis=1)
    return medians


def _measured(repeats: Sequence[Seconds]) -> list[Seconds]:
    """Return the repeats that hold an epoch, as arrays."""
    return [np.asarray(epochs, dtype=float) for epochs in repeats if len(epochs)]


def median_interval(repeats: Sequence[Seconds], seed: int = 0) -> Interval | None:
    """Return the median over all epochs of all repeats with its bootstrap interval.

    ``repeats`` holds one array of seconds per fresh process. None where there is no epoch. With a
    few repeats the percentile interval is too narrow, so it is widened about the median by the
    factor of Student's t over the normal for repeats - 1 degrees of freedom.
    """
    found = _measured(repeats)
    if not found:
        return None
    epochs = np.concatenate(found)
    median = float(np.median(epochs))
    if len(epochs) < _FEW_EPOCHS:
        return Interval(median, float("nan"), float("nan"), len(found))
    low, high = _ends(_drawn_medians(found, np.random.default_rng(seed)))
    factor = _small_sample_factor(len(found))
    return Interval(
        median,
        max(0.0, median - factor * (median - low)),
        median + factor * (high - median),
        len(found),
    )


def median_ratio(
    before: Sequence[Seconds], after: Sequence[Seconds], seed: int = 0
) -> Ratio | None:
    """Return the median of ``after`` over that of ``before`` with its bootstrap interval.

    Both hold one array of seconds per fresh process, drawn independently of each other. None
    where a side has no epoch or a median of zero. The interval is of the ratio's logarithm, so
    that exchanging the sides inverts it; with few repeats it is widened as ``interval``'s is, by
    Welch's degrees of freedom.
    """
    sides = [_measured(before), _measured(after)]
    if not all(sides):
        return None
    medians = [float(np.median(np.concatenate(side))) for side in sides]
    if min(medians) <= 0:
        return None
    value = medians[1] / medians[0]
    if any(len(side) < 2 or sum(map(len, side)) < _FEW_EPOCHS for side in sides):
        return Ratio(value, float("nan"), float("nan"))
    random = np.random.default_rng(seed)
    logs = [np.log(_drawn_medians(side, random)) for side in sides]
    low, high = _ends(logs[1] - logs[0])
    factor = _welch_factor([float(np.var(log)) for log in logs], [len(side) for side in sides])
    middle = float(np.log(value))
    return Ratio(
        value,
        float(np.exp(middle - factor * (middle - low))),
        float(np.exp(middle + factor * (high - middle))),
    )


def _ends(drawn: Seconds) -> tuple[float, float]:
    """Return the percentiles between which the middle 95 % of the draws lie."""
    low, high = np.percentile(drawn, [100 * (1 - CONFIDENCE) / 2, 100 * (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def _t_over_normal(freedom: float) -> float:
    quantile = (1 + CONFIDENCE) / 2
    return float(stats.t.ppf(quantile, freedom) / stats.norm.ppf(quantile))


def _small_sample_factor(repeats: int) -> float:
    """Return how much wider an interval from so few repeats must be; 1 for a single one.

    A single repeat has no spread between processes to widen: its interval is of its epochs only.
    """
    if repeats < 2:
        return 1.0
    return float(np.sqrt(repeats / (repeats - 1))) * _t_over_normal(repeats - 1)


def _welch_factor(variances: Sequence[float], repeats: Sequence[int]) -> float:
    """Return how much wider the interval of a difference must be, from the sides' variances.

    For one side without any spread it is ``_small_sample_factor`` of the other.
    """
    drawn = sum(variances)
    if drawn == 0:
        return 1.0
    true = [v * n / (n - 1) for v, n in zip(variances, repeats, strict=True)]
    freedom = sum(true) ** 2 / sum(v**2 / (n - 1) for v, n in zip(true, repeats, strict=True))
    return float(np.sqrt(sum(true) / drawn)) * _t_over_normal(freedom)


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
    said = []
    if len(epochs) < _FEW_EPOCHS:
        said.append(f"fewer than {_FEW_EPOCHS} epochs after the first: no interval")
    if found.repeats == 1:
        said.append("one process: how far the next would be off is not known")
    if found.relative_width > _WIDE:
        said.append(f"the interval is wide: +-{100 * found.relative_width:.0f} %")
    slow = int(np.sum(epochs > _OUTLIER * found.median))
    if slow and len(epochs) >= _FEW_EPOCHS:
        said.append(f"{slow} of {len(epochs)} epochs took over {_OUTLIER:g} times the median")
    drifting = sum(_drifts(np.asarray(r, dtype=float)) for r in repeats)
    if drifting:
        said.append(f"the epochs drift by over {100 * _DRIFT:.0f} % in {drifting} process(es)")
    return said
