"""Do two runs of the same job agree within their stated intervals?

Makes tries of two runs each, a run being ``--repeats`` fresh processes, the two interleaved. A
try agrees if the two 95 % intervals overlap. Prints how often they do, and beside it how often each
run's figure lies in the other's interval, which is stricter. Run it on a quiet machine:

    python benchmarks/repeatability.py --config mxnet-k122 --tries 20
"""

from __future__ import annotations

from dataclasses import replace

from harness import Harness, arguments, prepare

from runner.spec.job import Job
from runner.tables.statistics import Interval, cell_interval


def two_runs(harness: Harness, job: Job, number: int, repeats: int) -> tuple[Interval, Interval]:
    """Return the intervals of two runs, their processes taking turns."""
    taken: tuple[list, list] = ([], [])
    for turn in range(2 * repeats):
        again = replace(job, repeat=1 + 2 * repeats * number + turn)
        taken[turn % 2].append(harness.seconds(again))
    one, two = (cell_interval(side) for side in taken)
    assert one is not None and two is not None, "an interval needs two processes"
    return one, two


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--tries", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    harness = prepare(asked, repeats=1)
    for job in harness.planned:
        overlaps = inside = 0
        for number in range(asked.tries):
            one, two = two_runs(harness, job, number, asked.repeats)
            overlap = one.low <= two.high and two.low <= one.high
            overlaps += overlap
            inside += (one.low <= two.seconds <= one.high) + (two.low <= one.seconds <= two.high)
            print(
                f"{job.id} try {number + 1}: {one.seconds:.4f} s ({one.low:.4f} to {one.high:.4f}) "
                f"and {two.seconds:.4f} s ({two.low:.4f} to {two.high:.4f}): "
                f"{'agree' if overlap else 'DISAGREE'}",
                flush=True,
            )
        print(
            f"{job.configuration}/{job.backend} {job.model}: {overlaps} of {asked.tries} tries "
            f"agree; {inside} of {2 * asked.tries} figures lie in the other's interval"
        )


if __name__ == "__main__":
    main()
