"""An environment with a framework, for jobs that are real."""

from local_environments import python_of

__all__ = ["python_of"]
