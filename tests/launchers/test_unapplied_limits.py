"""What an engine was asked for and did not apply is told from the container's description."""

import pytest

from runner.launchers.docker import unapplied_limits

ASKED = {"Memory": 512 << 20, "PidsLimit": 4096, "CpusetCpus": "0-1"}


@pytest.mark.parametrize(
    ("asked", "applied", "missing"),
    [
        (ASKED, ASKED, []),
        (ASKED, {**ASKED, "Memory": 0}, ["Memory"]),
        (ASKED, {"Memory": 0, "PidsLimit": 0, "CpusetCpus": ""}, list(ASKED)),
        (ASKED, {"PidsLimit": None}, list(ASKED)),
        ({**ASKED, "CpusetCpus": None}, {**ASKED, "CpusetCpus": ""}, []),
    ],
)
def test_a_limit_that_the_description_lacks_is_named(asked, applied, missing):
    assert unapplied_limits(asked, applied) == missing
