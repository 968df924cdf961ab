"""Benchmarks Keras backends in containers.

``python -m runner`` is the command line. For notebooks and programs these names are public, and are
loaded when they are first asked for::

    import runner

    table = runner.run(["jax-k3"], models=["mnist_mlp"], device="cpu", epochs=3, samples=512)
    print(runner.answer(table))

``runner.__version__`` is the project's version.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runner.api import BenchmarkError as BenchmarkError
    from runner.api import Guard as Guard
    from runner.api import SideBySide as SideBySide
    from runner.api import answer as answer
    from runner.api import compare as compare
    from runner.api import configurations as configurations
    from runner.api import guard as guard
    from runner.api import load as load
    from runner.api import plot_epochs as plot_epochs
    from runner.api import plot_seconds as plot_seconds
    from runner.api import published as published
    from runner.api import run as run
    from runner.api import summary as summary

    __version__: str

# No module of this package may have one of these names: importing it would hide the function.
__all__ = [
    "BenchmarkError",
    "Guard",
    "SideBySide",
    "answer",
    "compare",
    "configurations",
    "guard",
    "load",
    "plot_epochs",
    "plot_seconds",
    "published",
    "run",
    "summary",
]


def __getattr__(name: str) -> Any:
    # Not imported above: pandas takes a second, and not every import of a part needs it.
    if name in __all__:
        return getattr(import_module("runner.api"), name)
    if name == "__version__":
        return import_module("runner.paths").version()
    raise AttributeError(f"module 'runner' has no attribute '{name}'")


def __dir__() -> list[str]:
    return [*globals(), *__all__, "__version__"]
