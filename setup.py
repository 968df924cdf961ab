"""Puts the project's folders into the package that is built; all metadata is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

# What the runner reads beside its own modules; runner/paths.py finds it in either place.
FOLDERS = ("docker", "models", "results/published")
NOT_SHIPPED = shutil.ignore_patterns("__pycache__", "*.py[cod]")


class BuildWithFolders(build_py):
    """Copies the folders to runner/_project. An editable install uses those of the checkout."""

    def run(self):
        """Build the package from nothing, so that no module of an earlier build stays in it."""
        if self.editable_mode:
            super().run()
            return
        package = Path(self.build_lib) / "runner"
        shutil.rmtree(package, ignore_errors=True)
        super().run()
        for folder in FOLDERS:
            shutil.copytree(folder, package / "_project" / folder, ignore=NOT_SHIPPED)


setup(cmdclass={"build_py": BuildWithFolders})
