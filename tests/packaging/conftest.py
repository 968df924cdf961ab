"""An environment, for the package that is installed beside it."""

from local_environments import python_of

__all__ = ["python_of"]
