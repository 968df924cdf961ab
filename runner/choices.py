"""What the command line lets one choose where the machine can decide by itself."""

from __future__ import annotations

from enum import StrEnum


class LauncherChoice(StrEnum):
    """Where a job's process lives; ``auto`` is docker where an engine answers, else local."""

    AUTO = "auto"
    DOCKER = "docker"
    LOCAL = "local"


class DeviceChoice(StrEnum):
    """What to train on; ``auto`` is the GPU where there is one, else the CPU."""

    AUTO = "auto"
    GPU = "gpu"
    CPU = "cpu"
