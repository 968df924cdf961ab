"""What is printed at the end of a call that measured."""

from collections.abc import Callable
from pathlib import Path

from runner.errors import ExitCode
from runner.execution.session import Ended
from runner.progress.json_lines import print_answer_line
from runner.progress.styles import Style
from runner.report.console import err
from runner.report.terminal import show_run, show_run_times

_SHOWN: dict[Style, Callable[[Path], object]] = {
    Style.JSON: print_answer_line,
    Style.QUIET: show_run_times,
}


def tell_end(
    ended: Ended, style: Style, told: str = "interrupted; what was measured is kept"
) -> ExitCode:
    """Print the tables of what there is, whatever ended the run, and return the exit code.

    ``told`` is what is said of an interruption. Raises the error that ended the run.
    """
    if ended.has_rows:
        _SHOWN.get(style, show_run)(ended.folder)
    if ended.error is not None:
        raise ended.error
    if ended.code is ExitCode.INTERRUPTED:
        err.print(f"{told}: go on with --resume {ended.folder.name}", highlight=False)
    return ended.code
