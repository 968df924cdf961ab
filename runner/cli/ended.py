"""What is printed at the end of a call that measured."""

import os
from importlib import import_module

from runner.errors import ExitCode
from runner.execution.session import Ended
from runner.progress.styles import Style
from runner.report.console import err

_THREADS_VARIABLE = "OPENBLAS_NUM_THREADS"


def _load_numpy() -> None:
    """Load numpy without the threads of its linear algebra, which nothing here uses.

    To start them takes longer than to load it. Only here: a job gets this variable as its caller
    set it.
    """
    before = os.environ.get(_THREADS_VARIABLE)
    os.environ[_THREADS_VARIABLE] = "1"
    try:
        import_module("numpy")
    finally:
        del os.environ[_THREADS_VARIABLE]
        if before is not None:
            os.environ[_THREADS_VARIABLE] = before


def tell_end(
    ended: Ended, style: Style, message: str = "interrupted; what was measured is kept"
) -> ExitCode:
    """Print the tables of what there is, whatever ended the run, and return the exit code.

    ``told`` is what is said of an interruption. Raises the error that ended the run.
    """
    if ended.has_rows:
        _load_numpy()
        # Tables are not needed before, and take as long to load as a short job.
        from runner.progress.json_lines import print_answer_line
        from runner.report.terminal import show_run, show_run_times

        shown = {Style.JSON: print_answer_line, Style.QUIET: show_run_times}
        shown.get(style, show_run)(ended.folder)
    if ended.error is not None:
        raise ended.error
    if ended.code is ExitCode.INTERRUPTED:
        err.print(f"{message}: go on with --resume {ended.folder.name}", highlight=False)
    return ended.code
