"""Every command line of the pages is one that the program takes; those that only read are played.

A command that trains, builds, downloads or cleans is not run here: its options and values are read
by the program's own parser, which refuses a name or a value that it does not know. Those that read
runs are run as they stand, in a folder with made runs of the names that the pages use.
"""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import typer

from runner import paths
from runner.cli.app import app, main, normalize
from runner.errors import ExitCode
from runner.share.write import make_pack, write_pack
from steady_runs import steady_run

ROOT = paths.ROOT
PAGES = sorted(
    page
    for at in ("*.md", "docs/*.md", "docker/*.md", "results/*/README.md")
    for page in ROOT.glob(at)
    if page.name != "CHANGELOG.md"
)
BLOCK = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```", re.M | re.S)
PROGRAM = re.compile(r"(?:python -m runner|keras-bench) ?")
# What ends a command of a shell's line.
SHELL = {"|", "||", "&&", ";", ">", ">>"}
READS = {"report", "compare", "history", "share", "verify", "site", "export", "published", "schema"}
# A step that fails a job is what the option is for: there are too few made runs to judge by.
JUDGES = ["--fail-on-step"]
RUNS = ("A", "B", "before", "after", "night", "RUN")
FOLDERS = ("nightly", "from-others", "more")
# Made for a page's example alone: its study, its configuration and its model are added by hand.
OF_A_TUTORIAL = ("two2024", "small_mlp", "jax-k3140", "mnist_wide")
NEEDS_MORE = ("--mlflow",)
# It writes into the user's own files as soon as it is read; tests/cli/test_completion.py plays it.
ACTS_WHEN_READ = "--install-completion"


def command_lines() -> list[tuple[str, str]]:
    """Return the command lines of the program in the pages' blocks, each with its page."""
    found = []
    for page in PAGES:
        for _, _, body in BLOCK.findall(page.read_text(encoding="utf-8")):
            for line in re.sub(r"\\\n\s*", " ", body).splitlines():
                if (match := PROGRAM.match(line.strip())) and ACTS_WHEN_READ not in line:
                    name = page.relative_to(ROOT).as_posix()
                    found.append((name, line.strip()[match.end() :]))
    return sorted(set(found))


LINES = command_lines()


def words_of(line: str) -> list[str]:
    """Return the arguments of a command line, without what a shell does with its output."""
    plain = line.replace("RUN...", "RUN").replace("csv|parquet|markdown|latex|json", "csv")
    words = shlex.split(plain, comments=True)
    end = next((n for n, word in enumerate(words) if word in SHELL), len(words))
    return words[:end]


def parsed(words: list[str]) -> Any:
    """Return what the program's own parser makes of arguments; it raises for what it refuses."""
    command: Any = app
    rest, context = normalize(words), None
    while True:
        name = command.name or "program"
        if not hasattr(command, "resolve_command"):
            return command.make_context(name, rest, parent=context)
        context = command.make_context(name, rest, parent=context)
        asked = [*context._protected_args, *context.args]
        _, command, rest = command.resolve_command(context, asked)


def test_there_are_command_lines_on_many_pages():
    assert len(LINES) > 60
    assert len({page for page, _ in LINES}) > 15


@pytest.mark.parametrize(("page", "line"), LINES)
def test_a_command_line_of_a_page_is_one_that_the_program_takes(page, line):
    try:
        parsed(words_of(line))
    except (typer.Exit, SystemExit) as ended:
        assert getattr(ended, "exit_code", getattr(ended, "code", None)) == 0


def test_a_line_with_an_option_that_is_none_would_be_found():
    with pytest.raises(Exception, match="No such option"):
        parsed(words_of("compare A B --treshold 5%"))


def renamed(run: Path, folder: Path) -> None:
    """Move a made run, and name it as its folder."""
    shutil.move(run, folder)
    manifest = folder / "manifest.json"
    text = manifest.read_text(encoding="utf-8").replace(f'"{run.name}"', f'"{folder.name}"')
    manifest.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with the runs, folders and the file that the pages name."""
    root = tmp_path_factory.mktemp("pages")
    for name in RUNS:
        renamed(steady_run(root / "made"), root / name)
    for number, name in enumerate(FOLDERS):
        (root / name).mkdir()
        run = "20261124-02" if name == "more" else f"2026010{number}-000000"
        renamed(steady_run(root / "made"), root / name / run)
    write_pack(make_pack(root / "RUN", False, "CC0-1.0", None), root / "FILE")
    return root


def is_read(line: str) -> bool:
    words = words_of(line)
    is_plain = not any(name in line for name in (*OF_A_TUTORIAL, *NEEDS_MORE))
    return bool(words) and words[0] in READS and is_plain


@pytest.mark.parametrize(
    ("page", "line"), [(p, one) for p, one in LINES if is_read(one) and p != "docs/ci.md"]
)
def test_a_line_that_reads_is_played(page, line, place, tmp_path, monkeypatch):
    """``docs/ci.md`` is played step by step elsewhere."""
    here = tmp_path / "here"
    shutil.copytree(place, here)
    monkeypatch.chdir(here)
    words = ["A" if word == "latest" else word for word in words_of(line)]
    options = {name for option in parsed(words).command.params for name in option.opts}
    if "--results" in options:
        words += ["--results", str(here)]
    elif words[0] in ("history", "site") and not any(Path(word).is_dir() for word in words[1:]):
        # By default all runs that are kept, which are the user's own.
        words.append("nightly/")
    code = main(words)
    allowed = {ExitCode.OK, ExitCode.JOBS_NOT_OK} if set(JUDGES) & set(words) else {ExitCode.OK}
    assert code in allowed, words
