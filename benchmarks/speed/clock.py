"""What the clock in a job adds to an epoch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from clock_cost import periods
from harness import arguments, prepare

from speed.containers import CONFIGURATION, MODEL, build_options, has_engine
from speed.line import Line, Size

MOST_MILLISECONDS = 0.5
# Epochs so short that what is added to one can be told.
_SAMPLES = 512


def clock(size: Size, folder: Path) -> Iterator[Line]:  # noqa: ARG001
    """Measure epochs with the project's clock in turns with a stopwatch, in one training."""
    if not size.pairs or not has_engine("clock"):
        return
    words = ["--config", CONFIGURATION, "--model", MODEL, "--samples", str(_SAMPLES)]
    harness = prepare(arguments("").parse_args([*words, *build_options()]), repeats=1)
    [job] = harness.planned
    ours, bare = periods(harness, job, size.pairs)
    yield Line(
        "the clock, each epoch", float(np.median(ours - bare)) * 1000, "ms", MOST_MILLISECONDS,
        float(np.median(bare)) * 1000, "an epoch with a stopwatch",
    )  # fmt: skip
