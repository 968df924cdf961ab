"""An index and an environment, for what a skeleton comes to."""

from local_environments import package_index, python_of

__all__ = ["package_index", "python_of"]
