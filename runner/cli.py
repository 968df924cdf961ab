"""The command line: its commands by name, and how their errors end the process."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer
from rich.markup import escape

from runner import options
from runner.commands import build, clean, data, list_all, published, report, run
from runner.commands.console import err
from runner.errors import BenchmarkError, ExitCode

app = typer.Typer(
    name="python -m runner",
    help="Benchmark Keras backends: one image per configuration, one fresh container per job.",
    epilog="Without a command the options are those of 'run': python -m runner --config NAME",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("run")(run.run)
app.command("plan")(run.plan)
app.command("list")(list_all.list_all)
app.command("build")(build.build)
app.add_typer(data.app, name="data")
app.command("published")(published.show_published)
app.command("clean")(clean.clean)
app.command("report")(report.show_report)


def normalize(arguments: Sequence[str]) -> list[str]:
    """Return arguments as the parser wants them.

    ``--config a b`` becomes ``--config a --config b``, and options without a command belong to
    ``run``.
    """
    expanded: list[str] = []
    several: str | None = None
    values = 0
    for argument in arguments:
        if argument.startswith("-"):
            several, values = (argument if argument in options.SEVERAL else None), 0
            expanded.append(argument)
        elif several is not None:
            expanded += [several] if values else []
            expanded.append(argument)
            values += 1
        else:
            expanded.append(argument)
    leads_with_option = bool(expanded) and expanded[0].startswith("-")
    if leads_with_option and expanded[0] not in ("--help", "--install-completion",
                                                 "--show-completion"):  # fmt: skip
        return ["run", *expanded]
    return expanded


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    try:
        app(normalize(sys.argv[1:] if arguments is None else arguments))
    except BenchmarkError as error:
        first, *rest = str(error).splitlines()
        err.print(f"[bold red]error:[/] {escape(first)}", highlight=False)
        for line in rest:
            err.print(escape(line), highlight=False)
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else ExitCode.USAGE
    return ExitCode.OK
