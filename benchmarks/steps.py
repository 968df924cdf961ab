"""How often ``history`` finds a step or a drift that is there, and one that is not, simulated.

Prints the tables of Markdown for docs/history.md, and ends with 1 where false steps are more, or
true ones fewer, than the documentation says. It needs no engine and takes a minute or two:

    python benchmarks/steps.py --histories 1000
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from runner.tables.history.steps import find_steps

Logs = npt.NDArray[np.float64]
Noise = Callable[[np.random.Generator, int], Logs]
NOISE = 0.02
RUNS = (6, 10, 30, 100)
# The runs at which steps are planted among thirty.
PLANTED = (8, 16, 23)
SIZES = (0.03, 0.05, 0.08, 0.10, 0.15, 0.30)
# One false step in a hundred histories is what the documentation grants independent noise.
MOST_FALSE = 1.0
LEAST_NAMED = 93.0
# False steps and drifts together, of histories whose runs are independent.
MOST_FALSE_IN_ALL = 5.0
LEVELS = (6, 10, 20, 50)
NOISES = (0.01, 0.02, 0.03)
# The guard's threshold in the documentation.
ALLOWED = 1.05


def normal(random: np.random.Generator, runs: int) -> Logs:
    """Return runs that vary independently."""
    return random.normal(0, NOISE, runs)


def heavy(random: np.random.Generator, runs: int) -> Logs:
    """Return runs of the same spread with Student's t of three degrees: odd ones are usual."""
    return random.standard_t(3, runs) * NOISE / np.sqrt(3)


def hit(random: np.random.Generator, runs: int) -> Logs:
    """Return runs of which one in ten was slowed down, by 20 % on average."""
    return normal(random, runs) + (random.random(runs) < 0.1) * random.exponential(0.2, runs)


def lasting(random: np.random.Generator, runs: int) -> Logs:
    """Return runs that lie where the one before lay, with a correlation of 0.3."""
    fresh = normal(random, runs)
    found = fresh.copy()
    for run in range(1, runs):
        found[run] = 0.3 * found[run - 1] + np.sqrt(1 - 0.3**2) * fresh[run]
    return found


def false_steps(make: Noise, runs: int, histories: int) -> float:
    """Return the per cent of histories without a step in which one is found."""
    random = np.random.default_rng((runs, 1))
    found = sum(bool(find_steps(np.exp(make(random, runs))).steps) for _ in range(histories))
    return 100 * found / histories


def named_steps(size: float, histories: int) -> tuple[float, float, float, float]:
    """Return of planted steps the per cent found, named by their run and held by their set.

    The last figure is the median of the sensitivity that the histories state, in per cent.
    """
    random = np.random.default_rng((int(1000 * size), 2))
    found = named = held = 0
    stated = []
    for _ in range(histories):
        logs = normal(random, 30)
        for first, sign in zip(PLANTED, (1, -1, 1), strict=True):
            logs[first:] += sign * np.log1p(size)
        told = find_steps(np.exp(logs))
        stated.append(told.sensitivity)
        for first in PLANTED:
            near = [step for step in told.steps if abs(step.first - first) <= 3]
            found += bool(near)
            named += any(step.first == first for step in near)
            held += any(step.earliest <= first <= step.latest for step in near)
    planted = len(PLANTED) * histories
    shares = (found / planted, named / planted, held / max(found, 1))
    percent = [100 * share for share in shares]
    return percent[0], percent[1], percent[2], 100 * float(np.median(stated))


def false_findings(make: Noise, runs: int, histories: int) -> float:
    """Return the per cent of level histories in which a step or a drift is found."""
    random = np.random.default_rng((runs, 3))
    told = [find_steps(np.exp(make(random, runs))) for _ in range(histories)]
    return 100 * sum(bool(one.steps) or one.drift is not None for one in told) / histories


def drifts(noise: float, runs: int, histories: int) -> tuple[float, float]:
    """Return of drifts of 1 % a run the per cent found, and of those taken for steps."""
    random = np.random.default_rng((runs, int(1000 * noise), 4))
    told = [
        find_steps(np.exp(random.normal(0, noise, runs) + np.arange(runs) * np.log(1.01)))
        for _ in range(histories)
    ]
    found = sum(one.drift is not None and one.drift.ratio.value > ALLOWED for one in told)
    return 100 * found / histories, 100 * sum(bool(one.steps) for one in told) / histories


def newest_steps(size: float, noise: float, histories: int) -> tuple[float, float]:
    """Return of steps in the last two of 20 runs the per cent found, and stated as certain."""
    random = np.random.default_rng((int(1000 * size), int(1000 * noise), 5))
    found = certain = 0
    for _ in range(histories):
        logs = random.normal(0, noise, 20)
        logs[-2:] += np.log1p(size)
        steps = find_steps(np.exp(logs)).steps
        found += bool(steps)
        certain += bool(steps) and steps[-1].earliest == steps[-1].latest
    return 100 * found / histories, 100 * certain / histories


def print_drifts(histories: int) -> float:
    """Print the tables of drifts, and return the most false findings under independent noise."""
    print("\n| runs | " + " | ".join(m.__name__ for m in (normal, heavy, hit, lasting)) + " |")
    print("| ---: |" + " ---: |" * 4)
    worst = 0.0
    for runs in LEVELS:
        shares = [false_findings(m, runs, histories) for m in (normal, heavy, hit, lasting)]
        worst = max(worst, *shares[:3])
        print(f"| {runs} | " + " | ".join(f"{share:.1f} %" for share in shares) + " |")
    print("\n| noise | 1 % a run, 10 runs | 30 runs | 20 % in the last two of 20 | 50 % |")
    print("| ---: |" + " ---: |" * 4)
    for noise in NOISES:
        told = [f"{found:.0f} % ({steps:.0f} %)" for found, steps in
                (drifts(noise, runs, histories) for runs in (10, 30))]  # fmt: skip
        told += [f"{found:.0f} % ({certain:.0f} %)" for found, certain in
                 (newest_steps(size, noise, histories) for size in (0.2, 0.5))]  # fmt: skip
        print(f"| {100 * noise:.0f} % | {' | '.join(told)} |")
    return worst


def main() -> int:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--histories", type=int, default=1000)
    asked = parser.parse_args()
    print("| runs | " + " | ".join(m.__name__ for m in (normal, heavy, hit, lasting)) + " |")
    print("| ---: |" + " ---: |" * 4)
    worst = 0.0
    for runs in RUNS:
        shares = [false_steps(m, runs, asked.histories) for m in (normal, heavy, hit, lasting)]
        worst = max(worst, shares[0])
        print(f"| {runs} | " + " | ".join(f"{share:.1f} %" for share in shares) + " |")
    print("\n| step | found | its run named | its run among those named | stated sensitivity |")
    print("| ---: |" + " ---: |" * 4)
    least = 100.0
    for size in SIZES:
        found, named, held, stated = named_steps(size, asked.histories)
        least = min(least, named) if 100 * size > stated else least
        told = " | ".join(f"{share:.1f} %" for share in (found, named, held, stated))
        print(f"| {100 * size:.0f} % | {told} |")
    false = print_drifts(asked.histories)
    return int(worst > MOST_FALSE or least < LEAST_NAMED or false > MOST_FALSE_IN_ALL)


if __name__ == "__main__":
    sys.exit(main())
