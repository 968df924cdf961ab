"""A driver that is a stand-in, for runs on several cards."""

from driver_fixtures import libraries

__all__ = ["libraries"]
