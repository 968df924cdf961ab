"""Energy: what counters of the processor and the card say, and joules per epoch from them.

Both counters add up whatever the device does, the idle part too, so they tell the energy of a time
and not that of a process alone. The processor's are Intel's RAPL (Running Average Power Limit;
Linux, "Power Capping Framework"), which AMD's processors have too; most systems show them to root
only, and no virtual machine has them.
"""

from collections.abc import Sequence
from pathlib import Path

RAPL = Path("/sys/class/powercap")
# A counter that covers less of the epochs than this says too little of them.
_LEAST_COVERED = 0.5
# At a time in seconds since the epoch, a counter's joules.
Reading = tuple[float, float]


class PackageEnergy:
    """The joules that all processor packages have used since it was made."""

    def __init__(self, folder: Path = RAPL) -> None:
        """Find the packages. Their parts, whose names have two numbers, are counted in them."""
        found = sorted(folder.glob("intel-rapl:[0-9]*"))
        self._counters = [path for path in found if path.name.count(":") == 1]
        self._before = [self._microjoules(path) for path in self._counters]
        self._used = 0.0

    @staticmethod
    def _microjoules(package: Path, name: str = "energy_uj") -> int | None:
        try:
            return int((package / name).read_text())
        except (OSError, ValueError):
            return None

    def __call__(self) -> float | None:
        """Return the joules until now; None where a package does not tell. To be read often.

        A counter begins anew at its largest value, which a busy package reaches within minutes.
        """
        now = [self._microjoules(path) for path in self._counters]
        if not now or None in now or None in self._before:
            return None
        for path, before, after in zip(self._counters, self._before, now, strict=True):
            assert before is not None and after is not None
            anew = self._microjoules(path, "max_energy_range_uj") or 0 if after < before else 0
            self._used += (after + anew - before) / 1e6
        self._before = now
        return self._used


def joules_per_epoch(
    readings: Sequence[Reading], span: tuple[float, float] | None, epochs: int
) -> float | None:
    """Return the joules that one of the ``epochs`` within ``span`` took, on average.

    The mean power between the first and the last reading within the span, times an epoch's part
    of it. None where the readings cover less than half of the span.
    """
    if span is None or epochs < 1:
        return None
    began, ended = span
    found = [reading for reading in readings if began <= reading[0] <= ended]
    if len(found) < 2:
        return None
    (first, before), (last, after) = found[0], found[-1]
    if last - first < _LEAST_COVERED * (ended - began):
        return None
    return (after - before) / (last - first) * (ended - began) / epochs
