"""Puts the tests' shared modules where they can be imported, and says early what failed."""

import importlib
import os
import signal
import sys
from collections import Counter
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


# What these tests write need not outlive a power cut: they would wait for the disk thousands of
# times. A descriptor that cannot be written is an error all the same.
os.fsync = os.fstat  # type: ignore[assignment]
needs = importlib.import_module("needs")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    config.option.loadscopereorder = False  # not by how many tests there are
    return needs.Groups(config, log)


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers():
    """As many workers as cores that this process may use: ``taskset`` takes some away."""
    return len(os.sched_getaffinity(0))


def pytest_configure(config):
    config.stash[FIGURES] = []
    config.addinivalue_line("markers", f"{needs.REAL}: needs something that not every machine has")
    for need in needs.NEEDS:
        config.addinivalue_line("markers", f"{need.marker}: {need.what}")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(EarlyFailures(config))


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items):
    for item in items:
        for need in needs.needs_of(item.fixturenames):
            item.add_marker(need.marker)
            item.add_marker(needs.REAL)
    items.sort(key=lambda item: needs.longest_first(item.nodeid))


class EarlyFailures:
    """Names each test that failed at once and says why; all about it comes at the end."""

    def __init__(self, config):
        self._config = config

    @pytest.hookimpl(trylast=True)  # after the letter of its outcome
    def pytest_runtest_logreport(self, report):
        if report.failed:
            terminal = self._config.pluginmanager.get_plugin("terminalreporter")
            crash = getattr(report.longrepr, "reprcrash", None)
            reason = crash.message if crash else report.longreprtext
            terminal.ensure_newline()
            terminal.write_line(f"FAILED {report.nodeid} at {report.when}: {reason}", red=True)


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
    ran: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    for outcome, reports in terminalreporter.stats.items():
        for report in reports:
            if isinstance(report, pytest.TestReport) and (report.when == "call" or outcome):
                (skipped if outcome == "skipped" else ran).update(report.keywords)
    for line in (*terminalreporter.config.stash[FIGURES], *needs.lines_of_needs(ran, skipped)):
        terminalreporter.write_line(line)
