"""An index and an environment, for what is added and for the package that is installed."""

from local_environments import package_index, python_of

__all__ = ["package_index", "python_of"]
