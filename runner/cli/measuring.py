"""What the run command does once its options are read: it measures, or shows what it would do."""

import sys
from typing import Any

import typer
from pydantic import ValidationError

from runner.cli.ended import tell_end
from runner.cli.streams import unfailing
from runner.errors import UsageError
from runner.execution.session import execute_run
from runner.plan.resume import Session, resumed_request, statuses_to_retry
from runner.progress.styles import Style, chosen_style, observer_for
from runner.report.console import err, safe_text
from runner.spec.axes import declared_axes
from runner.spec.request import Request
from runner.spec.time_limits import TimeLimits


def _aside(line: str) -> None:
    err.print(safe_text(line), highlight=False, style="dim")


def _style(context: typer.Context) -> Style:
    return chosen_style(context.params.get("quiet", False), context.params["as_json"])


def _checked(asked: dict[str, Any]) -> Request:
    """Return options as a request. Raises UsageError for what is beyond the bounds of one."""
    try:
        return Request.model_validate(asked)
    except ValidationError as error:
        first = error.errors()[0]
        # What an axis says names the one of several values that is wrong.
        given = "" if set(first["loc"]) & set(declared_axes()) else f" {first['input']}:"
        option = "".join(f"--{str(name).replace('_', '-')}{given} " for name in first["loc"][:1])
        raise UsageError(f"{option}{first['msg'].removeprefix('Value error, ')}") from error


def _asked(context: typer.Context, style: Style) -> tuple[Request, Session]:
    """Return what the command line asks for. Raises UsageError for what does not go together."""
    given = context.params
    if given["retry"] is not None and given["resume"] is None:
        raise UsageError("--retry needs --resume RUN: a new run has nothing to run again")
    request = _checked({n: v for n, v in given.items() if n in Request.model_fields})
    again = statuses_to_retry(given["retry"])
    resumed = None
    if given["resume"] is not None:
        sources = {name: context.get_parameter_source(name) for name in Request.model_fields}
        named = {
            name for name, source in sources.items() if source and source.name == "COMMANDLINE"
        }
        resumed, request = resumed_request(given["results_dir"], given["resume"], request, named)
    session = Session(
        arguments=sys.argv[1:],
        root=given["results_dir"],
        name=given["name"],
        resumed=resumed,
        again=again,
        limits=TimeLimits(given["first_output"], given["silence"], given["timeout"]),
        build_seconds=given["build_timeout"],
        pull_seconds=given["pull_timeout"],
        build_jobs=given["build_jobs"],
        wait=given["wait"],
        progress=err.is_terminal and style in (Style.LIVE, Style.LINES),
    )
    return request, session


def measure(context: typer.Context) -> None:
    """Run what is asked for, and print the table."""
    style = _style(context)
    request, session = _asked(context, style)
    on_cluster = request.launcher.is_of_cluster
    if context.params["detach"] and not on_cluster:
        raise UsageError("--detach needs --launcher slurm: here nothing goes on with the jobs")
    with unfailing("stdout"):
        if on_cluster:
            from runner.cli.on_cluster import hand_in, measure_on_cluster

            act = hand_in if context.params["detach"] else measure_on_cluster
            code = act(request, session, style)
        else:
            observer = observer_for(style, session.root)
            code = tell_end(execute_run(request, session, observer), style)
    raise typer.Exit(code)


def predict(context: typer.Context) -> None:
    """Print what a run would do."""
    from runner.plan.preview import preview_run
    from runner.progress.preview_text import show_preview

    style = _style(context)
    request, session = _asked(context, style)
    is_json = style is Style.JSON
    preview = preview_run(request, session, _aside)
    show_preview(preview, is_json)
    if request.launcher.is_of_cluster and not is_json:
        from runner.cli.on_cluster import show_scripts

        show_scripts(preview.plan, session)
