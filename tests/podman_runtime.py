"""A container runtime that asks for no higher limits than its own: runc where these are fixed.

Podman wants higher limits of files and processes for each container than a root without
CAP_SYS_RESOURCE may set.
"""

import json
import os
import resource
import sys
from pathlib import Path

LIMITS = {"RLIMIT_NOFILE": resource.RLIMIT_NOFILE, "RLIMIT_NPROC": resource.RLIMIT_NPROC}


def lowered(config: dict) -> dict:
    """Return a container's configuration with limits that this process has too."""
    for limit in config["process"].get("rlimits", []):
        if limit["type"] in LIMITS:
            most = resource.getrlimit(LIMITS[limit["type"]])[1]
            limit["hard"] = min(limit["hard"], most)
            limit["soft"] = min(limit["soft"], most)
    return config


def main(arguments: list[str]) -> None:
    """Lower the limits of the bundle that is created, and become runc."""
    if "--bundle" in arguments:
        path = Path(arguments[arguments.index("--bundle") + 1], "config.json")
        path.write_text(json.dumps(lowered(json.loads(path.read_text()))))
    os.execvp("runc", ["runc", *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
