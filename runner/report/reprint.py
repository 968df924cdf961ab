"""Runs that are kept, and published studies, shown as they were asked for."""

import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from runner.report.cells import article_tables, figure_tables, study_lines
from runner.report.console import out, print_json
from runner.report.contents import Report
from runner.report.html.page import write_page
from runner.report.markdown import markdown_report
from runner.report.terminal import print_limits, print_report, print_table
from runner.spec.study import DEFAULT_STUDY, load_study
from runner.store.find import find_run
from runner.tables.load import load_runs
from runner.tables.published import IN_A_PICTURE, study_figures


class Form(StrEnum):
    """What of a report is printed."""

    TABLES = "tables"
    MARKDOWN = "markdown"
    JSON = "json"
    LIMITS = "limits"


def _print_markdown(report: Report) -> None:
    sys.stdout.write(markdown_report(report))


def _print_fields(report: Report) -> None:
    print_json(report.answer.fields())


_PRINTED: dict[Form, Callable[[Report], None]] = {
    Form.TABLES: print_report,
    Form.MARKDOWN: _print_markdown,
    Form.JSON: _print_fields,
    Form.LIMITS: print_limits,
}


def report_runs(names: list[str], results_dir: Path, form: Form, html_file: Path | None) -> None:
    """Print the report of runs, or write it to one HTML file. Raises StoreError for no run."""
    folders = [find_run(results_dir, name) for name in names]
    table = load_runs(*folders)
    if html_file is None:
        _PRINTED[form](Report.of(table))
    else:
        write_page(html_file, table, folders)
        out.print(f"report: {html_file}", highlight=False, soft_wrap=True)


def print_study(name: str | None) -> None:
    """Print all figures of a study; without a name, the tables of the reproduced article.

    Raises UsageError for an unknown name.
    """
    study = load_study(name or DEFAULT_STUDY)
    for line in study_lines(study) if name else []:
        out.print(line, highlight=False, soft_wrap=True)
    for title, frame in (figure_tables if name else article_tables)(study):
        print_table(frame, title)
    shown = study_figures(study)["left_out"].eq(IN_A_PICTURE).any()
    notes = [
        study.numbers if not name else None,
        f"{IN_A_PICTURE}: the number was published as a drawing." if shown else None,
        f"Sources, row by row: {study.folder}",
    ]
    text = " ".join(note for note in notes if note)
    out.print(text, highlight=False, soft_wrap=True)
