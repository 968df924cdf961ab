"""Benchmarks Keras backends in containers.

``python -m runner`` is the command line. For notebooks and programs, everything public is in
``runner.api``, and is loaded when it is first asked for::

    import runner

    table = runner.api.run(["jax-k3"], models=["mnist_mlp"], device="cpu", epochs=3, samples=512)
    print(runner.api.summary(table))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runner import api as api

__all__ = ["api"]


def __getattr__(name: str) -> Any:
    # Not imported above: pandas takes a second, and not every import of a part needs it.
    if name == "api":
        return import_module("runner.api")
    raise AttributeError(f"module 'runner' has no attribute '{name}'; see runner.api")
