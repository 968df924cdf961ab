"""Lists what there is to run."""

EXAMPLES = ("python -m runner list",)


def list_all() -> None:
    """List configurations, their backends, and the models."""
    from runner.report.listing import print_available

    print_available()
