"""The driver's stand-in, for the tests of this folder."""

from driver_fixtures import driver, libraries

__all__ = ["driver", "libraries"]
