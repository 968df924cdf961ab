"""What tests need beside this project and its packages, and which of them keep together.

A test needs what the fixtures that it uses give: nobody marks it. ``make test`` runs the tests that
need nothing, ``make test-real`` the others.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from xdist.scheduler import LoadScopeScheduling

REAL = "real"
# Files whose tests use what is there once, the engine's objects or the lock of this machine's CPUs.
# They run in one process, one after the other.
OF_THE_MACHINE = (
    "tests/docker/test_gpu_kit.py",
    "tests/engine/test_bundle_images.py",
    "tests/engine/test_cleaning_an_engine.py",
    "tests/engine/test_doctor_of_an_engine.py",
    "tests/engine/test_images.py",
    "tests/engine/test_on_cluster.py",
    "tests/engine/test_published_configurations.py",
    "tests/faults/test_interruptions.py",
    "tests/faults/test_kills.py",
    "tests/packaging/test_added_axis.py",
    "tests/packaging/test_startup.py",
    "tests/packaging/test_wheel.py",
)
# What takes longest begins first, so that no core is left waiting for it at the end.
LONGEST = (
    "machine",
    "tests/slurm/test_cluster_runs.py",
    "tests/frameworks/test_keras2024.py",
    "tests/engine/test_launcher_on_engines.py",
    "tests/frameworks/test_precision.py",
    "tests/faults/test_sandbox.py",
    "tests/packaging/test_additions.py",
    "tests/plan/test_budget.py",
    "tests/tables/test_verdicts.py",
    "tests/execution/test_lanes.py",
    "tests/launchers/test_local_launcher.py",
    "tests/test_api.py",
)


@dataclass(frozen=True)
class Need:
    """Something that is not on every machine, and the fixture that gives it to a test."""

    name: str
    what: str
    fixture: str

    @property
    def marker(self) -> str:
        return f"needs_{self.name}"


NEEDS = (
    Need("engine", "Docker, Podman and a base image (BENCH_BASE_IMAGE)", "any_engine"),
    Need("queue", "Slurm and munge, as root", "slurm"),
    Need("browser", "Chromium and playwright", "browser"),
    Need("framework", "an environment, from an index or the cache (BENCH_WHEELS)", "python_of"),
    Need("index", "a package index", "package_index"),
)


def needs_of(fixtures: Collection[str]) -> list[Need]:
    """Return what a test needs, by the fixtures that it uses and those that these use."""
    return [need for need in NEEDS if need.fixture in fixtures]


def group_of(nodeid: str) -> str:
    """Return what a test keeps together with: its file, or all that use what is there once."""
    return "machine" if nodeid.startswith(OF_THE_MACHINE) else nodeid.partition("::")[0]


def lines_of_needs(ran: Counter[str], skipped: Counter[str]) -> list[str]:
    """Return a line for each thing that tests needed: how many ran with it, and how many not."""
    return [
        f"{need.name}: {ran[need.marker]} ran, {skipped[need.marker]} skipped; needs {need.what}"
        for need in NEEDS
        if ran[need.marker] or skipped[need.marker]
    ]


def longest_first(nodeid: str) -> int:
    """Return where a test's group stands in the order in which groups begin."""
    return next((n for n, path in enumerate(LONGEST) if group_of(nodeid) == path), len(LONGEST))


class Groups(LoadScopeScheduling):
    """Gives each process a group at a time. In a group, the order is always the same."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
