"""The command line: its commands by name, and how their errors end the process."""

import atexit
import errno
import gc
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, NoReturn

import typer

from runner import paths
from runner.cli.completion import PROGRAM, VARIABLE, rewrite_words
from runner.cli.lazy import Command, LazyGroup
from runner.cli.streams import open_streams, silence, unfailing
from runner.errors import BenchmarkError, ExitCode
from runner.report.console import err, print_labelled

COMMANDS = (
    Command("run", "run:run_command", "Train models and print the table (the default)."),
    Command(
        "plan", "run:plan_command", "Show what a run would do, and do nothing.", "PLAN_EXAMPLES"
    ),
    Command("status", "cluster:status", "Say how far a run on a cluster is.", "STATUS_EXAMPLES"),
    Command("collect", "cluster:collect", "Wait for a run on a cluster, and print its table.",
            "COLLECT_EXAMPLES"),
    Command("cancel", "cluster:cancel", "End all jobs of a run on a cluster.", "CANCEL_EXAMPLES"),
    Command("work", "work:work", "Run one job on a node (called by a cluster's queue).",
            hidden=True),
    Command("list", "list_all:list_all", "List configurations and models."),
    Command("doctor", "doctor:doctor", "Check whether a run can work here."),
    Command("build", "build:build", "Build container images without running anything."),
    Command("clean", "clean:clean", "Remove what the runner keeps here."),
    Command("bundle", "bundle:app", "Pack images, wheels and data into one folder."),
    Command("new", "new:app", "Make a configuration or a model of your own."),
    Command("lock", "lock:lock", "Lock a configuration's requirements again."),
    Command("check", "check:app", "Check a configuration or a model by trying it."),
    Command("data", "data:app", "Fetch, check and list the real data sets."),
    Command("published", "published:show_published", "Print 2017's figures."),
    Command("runs", "runs:list_kept_runs", "List the runs that are kept."),
    Command("report", "report:show_report", "Print the table of runs again."),
    Command("compare", "compare:compare_runs", "Set two runs side by side."),
    Command("history", "history:show_history", "Follow cells over all runs, and find steps."),
    Command("site", "site:write_site", "Write static pages from many runs."),
    Command("export", "export:export_table", "Write a table for other programs."),
    Command("share", "share:share", "Pack a run for others.", "SHARE_EXAMPLES"),
    Command("verify", "share:verify", "Check that a run's rows derive from its events.",
            "VERIFY_EXAMPLES"),
    Command("schema", "schema:show_schema", "Print the JSON schemas of files and output."),
)  # fmt: skip
DEFAULT = COMMANDS[0]
_COMPLETION_OPTIONS = ("--install-completion", "--show-completion")
_OUTPUT_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_NOT_YOURS = (PermissionError, NotADirectoryError)
_OBJECTS_BETWEEN_COLLECTIONS = 100_000
_HELP = ("-h", "--help")
_PROGRAM_OPTIONS = (*_HELP, "--version", *_COMPLETION_OPTIONS)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"{PROGRAM} {paths.version()}")
        raise typer.Exit


_of_program = typer.Typer(rich_markup_mode=None)


@_of_program.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Declare what the program takes before any command."""


app = LazyGroup(
    DEFAULT,
    commands=COMMANDS,
    help="Benchmark Keras backends: one container image per configuration, "
    "one fresh container per job.",
    epilog=(
        "\b\nWithout a command the options are those of 'run':\n"
        "  python -m runner --config mxnet-k122\n  python -m runner run --help\n\n"
        "What the words mean (cell, job, variant and others): docs/glossary.md"
    ),
    no_args_is_help=True,
    rich_markup_mode=None,
    params=typer.main.get_command(_of_program).params,
    context_settings={"help_option_names": _HELP},  # commands inherit them
)


def normalize(arguments: Sequence[str]) -> list[str]:
    """Return arguments as the parser wants them.

    ``--config a b`` becomes ``--config a --config b``, and options without a command belong to
    ``run``.
    """
    if arguments and arguments[0] in _PROGRAM_OPTIONS:
        return list(arguments)
    # What options there are is read from files, which takes longer than to show a version.
    from runner.cli.options import SEVERAL

    expanded: list[str] = []
    several: str | None = None
    values = 0
    for argument in arguments:
        if argument.startswith("-"):
            several, values = (argument if argument in SEVERAL else None), 0
        elif several is not None:
            expanded += [several] if values else []
            values += 1
        expanded.append(argument)
    is_default = expanded and expanded[0].startswith("-")
    return [DEFAULT.name, *expanded] if is_default else expanded


def _start(arguments: list[str]) -> None:
    """Parse and run. Completion is for the program of that name, however it was started."""
    is_asked = VARIABLE in os.environ
    if is_asked:
        # The words before the one being typed, which may be one more name.
        rewrite_words(os.environ, lambda words: normalize([*words, "?"])[:-1])
    of_completion = is_asked or bool(set(arguments) & set(_COMPLETION_OPTIONS))
    app(normalize(arguments), prog_name=PROGRAM if of_completion else None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    open_streams()
    with unfailing("stderr"):
        return _ended(list(sys.argv[1:] if arguments is None else arguments))


def _ended(arguments: list[str]) -> int:
    """Run the command line; say what ended it, and return the exit code."""
    try:
        code = _finished(arguments)
        # Not at exit, where nothing could be said of it.
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has read enough; what is left to write at exit has no reader either.
        silence(sys.stdout)
        return ExitCode.OK
    except OSError as error:
        silence(sys.stdout)
        print_labelled(err, "error:", _reason(error), "bold red")
        return ExitCode.MACHINE
    return code


def _finished(arguments: list[str]) -> int:
    try:
        _start(arguments)
    except BenchmarkError as error:
        print_labelled(err, "error:", str(error), "bold red")
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print_labelled(err, "error:", ended.code, "bold red")
        return ended.code if isinstance(ended.code, int) else ExitCode.USAGE
    return ExitCode.OK


def _reason(error: OSError) -> str:
    """Return in a line what this machine did not do, where, and what helps."""
    reason = error.strerror or str(error)
    if error.errno in _OUTPUT_ERRORS and error.filename is None:
        return f"{reason}: is there room where the output goes, and can it be written?"
    if error.filename is None:
        return reason
    if isinstance(error, _NOT_YOURS):
        return (
            f"{error.filename}: {reason}; other folders are named by --results, XDG_CACHE_HOME "
            "for what is kept between runs, and TMPDIR"
        )
    return f"{error.filename}: {reason}"


def entry() -> NoReturn:
    """Run as a program of its own, and end as soon as all is written.

    Nearly all objects of a command live to its end: to look among them for what is no longer used,
    and to take all apart at the end, takes longer than much of what commands do.
    """
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    code = main()
    # What the interpreter does first at its end: it waits for threads, and ends pools of them; then
    # what libraries registered: temporary folders, the tests' coverage.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    with suppress(OSError):
        sys.stderr.flush()
    os._exit(code)
