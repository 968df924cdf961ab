"""The browser, for the tests of pages."""

from real_browser import browser, tabs

__all__ = ["browser", "tabs"]
