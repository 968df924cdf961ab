"""Puts the tests' shared modules where they can be imported."""

import importlib
import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))
FIGURES = pytest.StashKey[list[str]]()

# Timing is no business of these tests: the machine may be busy.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

# Where the tests run in the background of a shell, they are told to ignore Ctrl-C, and so would be
# all that they start; a user's terminal does not do that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What is printed depends on the terminal's size and colours: the tests begin with those of none and
# set their own. A console that is made while COLUMNS is set keeps that width for ever, so the
# program's are made now, and not by the first test that happens to import them.
for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE"):
    os.environ.pop(name, None)
importlib.import_module("runner.report.console")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return importlib.import_module("parts").Parts(config, log)


def pytest_configure(config):
    config.stash[FIGURES] = []


@pytest.fixture(scope="session")
def figure(request):
    """Return a function that takes a line to print below the results of the whole session."""
    return request.config.stash[FIGURES].append


def pytest_sessionfinish(session):
    """Hand what a worker's tests found over to the process that prints it."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["figures"] = session.config.stash[FIGURES]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    node.config.stash[FIGURES] += getattr(node, "workeroutput", {}).get("figures", [])


def pytest_terminal_summary(terminalreporter):
    for line in terminalreporter.config.stash[FIGURES]:
        terminalreporter.write_line(line)
