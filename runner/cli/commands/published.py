"""Prints what was published."""

from runner.cli import options

EXAMPLES = (
    "python -m runner published",
    "python -m runner published --study minimaxir2017",
    "python -m runner published | less -S",
)


def show_published(study: options.PrintedStudy = None) -> None:
    """Print the article's tables of 2017, or all figures of a published study."""
    from runner.report.reprint import print_study

    print_study(study)
