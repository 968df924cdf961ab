"""The real data sets of the cache: fetched, checked and listed."""

from runner import paths
from runner.environments.datasets import DOWNLOADS, dataset_states, fetch_dataset
from runner.errors import ExitCode
from runner.report.console import err, print_line


def fetch_all() -> None:
    """Download what is not in the cache, and check all. Raises DataError for what cannot be had."""
    for item in DOWNLOADS.values():
        path = fetch_dataset(item, paths.cache(), progress=err.is_terminal)
        print_line(f"{item.dataset}: ok {path}")


def verify_all() -> ExitCode:
    """Print what is there of each file: ok, missing or wrong."""
    found = list(dataset_states(paths.cache()))
    for item, path, state in found:
        print_line(f"{item.dataset}: {state} {path}")
    return ExitCode.OK if all(state == "ok" for *_, state in found) else ExitCode.MACHINE


def print_all() -> None:
    """Print the data sets, their sizes and hashes, and where they are served."""
    for item in DOWNLOADS.values():
        size = f"{item.size:,} bytes" if item.size else "size not published"
        print_line(f"{item.dataset}: {item.name}, {size}, sha256 {item.sha256}")
        for url in item.urls:
            print_line(f"  {url}")
