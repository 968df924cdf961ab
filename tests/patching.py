"""Putting something in a function's place wherever the runner has imported it."""

import sys

import pytest

# What stands for what by now: a test may replace what its fixture has replaced.
_STANDING: list[tuple[object, object]] = []


def patch_everywhere(patch: pytest.MonkeyPatch, original: object, substitute: object) -> None:
    """Replace a function or a class in every module of the runner that names it."""
    alike = [original, *(new for old, new in _STANDING if old is original)]
    held = [
        (module, name)
        for module in list(sys.modules.values())
        if getattr(module, "__name__", "").partition(".")[0] == "runner"
        for name, value in list(vars(module).items())
        if any(value is one for one in alike)
    ]
    assert held, f"no module of the runner holds {original}"
    for module, name in held:
        patch.setattr(module, name, substitute)
    _STANDING.append((original, substitute))
