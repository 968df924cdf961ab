"""``python -m runner``."""

from runner.cli.app import entry

entry()
