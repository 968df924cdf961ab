"""Two halves of the tests, one for each worker of ``pytest -n 2``.

The halves are always the same, and so is the order in each: what a test finds left by an earlier
one does not change from one call to the next.
"""

from xdist.scheduler import LoadScopeScheduling

# Folders whose tests use what is there once: the engine, and the lock of this machine's CPUs.
OF_THE_MACHINE = ("docker", "engine", "faults", "packaging")


def half_of(nodeid: str) -> str:
    """Return the half that a test is in, by its folder."""
    _, folder, *_ = nodeid.split("/")
    return "machine" if folder in OF_THE_MACHINE else "rest"


class Halves(LoadScopeScheduling):
    """Gives each worker a half."""

    def _split_scope(self, nodeid: str) -> str:
        return half_of(nodeid)
