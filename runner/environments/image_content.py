"""What identifies an image wherever it is kept."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from docker.models.images import Image

from runner.environments.recipe import sha256_of

_SETTINGS = (
    "Cmd", "Entrypoint", "Env", "Labels", "OnBuild", "Shell", "User", "Volumes", "WorkingDir",
)  # fmt: skip


def image_content(layers: Sequence[str], settings: Mapping[str, Any]) -> str:
    """Return a hash of an image's layers and of how it is run, the same in every engine.

    Its id is not: it is the hash of the image's configuration in Docker's own store and in
    Podman's, and that of its manifest in containerd's. ``layers`` are the hashes of the unpacked
    layers, the base's first, ``settings`` what the image's configuration calls "config".
    """
    known = {name: settings[name] for name in _SETTINGS if settings.get(name)}
    return f"sha256:{sha256_of(json.dumps([list(layers), known], sort_keys=True).encode())}"


def held_content(image: Image) -> str:
    """Return the content hash of an image that an engine holds."""
    return image_content(image.attrs["RootFS"]["Layers"], image.attrs.get("Config") or {})
