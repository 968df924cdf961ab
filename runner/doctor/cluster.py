"""Which of a cluster's tools this machine has."""

from __future__ import annotations

import shutil

from runner.doctor.asked import Asked, Seen
from runner.doctor.findings import Finding, Reporter

TOOLS = ("sbatch", "srun", "apptainer")

_say = Reporter("cluster")


def tools(_asked: Asked, _seen: Seen) -> list[Finding]:
    """Say which are there. No run needs one."""
    return [_say.ok(name, shutil.which(name) or "not there") for name in TOOLS]
