"""Runs that are kept, and published studies, shown as they were asked for."""

import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from runner.report.cells import article_tables, figure_tables, setup_table, study_lines
from runner.report.console import out, print_json
from runner.report.contents import Report
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


def _print_fields(report: Report) -> None:
    # The models of what is printed, which no other form needs.
    from runner.report.fields import AnswerFields

    print_json(AnswerFields.of(report.answer).plain())


_PRINTED: dict[Form, Callable[[Report], object]] = {
    Form.TABLES: print_report,
    Form.MARKDOWN: lambda report: sys.stdout.write(markdown_report(report)),
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
        from runner.report.html.page import write_page

        write_page(html_file, table, folders)
        out.print(f"report: {html_file}", highlight=False, soft_wrap=True)


def print_study(name: str | None) -> None:
    """Print all figures of a study; without a name, the tables of the reproduced article.

    Raises UsageError for an unknown name.
    """
    study = load_study(name or DEFAULT_STUDY)
    tables = article_tables(study)
    if name:
        # What can be followed or searched is in one line, of any width.
        whole = 1 + len(study.addresses)
        for number, line in enumerate(study_lines(study)):
            out.print(line, highlight=False, soft_wrap=number < whole)
        setups = setup_table(study)
        tables = [*([setups] if setups else []), *figure_tables(study)]
    for table in tables:
        print_table(table.frame, table.title, table.notes)
    shown = study_figures(study)["left_out"].eq(IN_A_PICTURE).any()
    notes = [
        study.numbers if not name else None,
        f"{IN_A_PICTURE}: the number was published as a drawing." if shown else None,
    ]
    if any(notes):
        out.print(" ".join(note for note in notes if note), highlight=False)
    out.print(f"Sources, row by row: {study.folder}", highlight=False, soft_wrap=True)
