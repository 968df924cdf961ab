"""Parts of the tests, for the workers of ``pytest -n 2``: who ends first takes the third one.

The parts are always the same, and so is the order in each: what a test finds left by an earlier
one does not change from one call to the next.
"""

from xdist.scheduler import LoadScopeScheduling

# Folders whose tests use what is there once: the engine, and the lock of this machine's CPUs.
OF_THE_MACHINE = ("docker", "engine", "faults", "packaging")
# It waits for Slurm most of the time.
OF_A_CLUSTER = "slurm"


def part_of(nodeid: str) -> str:
    """Return the part that a test is in, by its folder."""
    _, folder, *_ = nodeid.split("/")
    if folder == OF_A_CLUSTER:
        return "cluster"
    return "machine" if folder in OF_THE_MACHINE else "rest"


class Parts(LoadScopeScheduling):
    """Gives each worker a part."""

    def _split_scope(self, nodeid: str) -> str:
        return part_of(nodeid)
