"""Fault tests break things on purpose; those with containers need an engine and a base image."""

import pytest

from engine_fixtures import base_image, engine, fake_image

__all__ = ["base_image", "engine", "fake_image"]

FIGURES = pytest.StashKey[list[str]]()


def pytest_configure(config):
    config.stash[FIGURES] = []


@pytest.fixture(scope="session")
def figure(request):
    """Return a function that takes a line to print below the results of the whole session."""
    return request.config.stash[FIGURES].append


def pytest_terminal_summary(terminalreporter):
    for line in terminalreporter.config.stash[FIGURES]:
        terminalreporter.write_line(line)
