"""Every example of the pages is played, or marked as one that needs what a test has not.

A fenced block says what it is: ``sh``, ``python``, a format, or ``text`` for what is printed. A
comment above it, ``<!-- needs: a card -->``, says that it cannot be played everywhere, or
``<!-- played: tests/... -->`` where it is. Of the others every line is played: what reads runs as
it stands, in a folder with made runs of the names that the pages use; what would train, clean or
build with ``--dry-run``. Marked or not, a command line is held against the program's own parser.
"""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import typer

import runner
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
FENCE = re.compile(
    r"^(?P<indent> *)(?:<!-- (?P<mark>[a-z]+): (?P<what>[^>]*) -->\n(?P=indent))?"
    r"```(?P<language>\w*)[^\n]*\n(?P<body>.*?)^(?P=indent)```",
    re.M | re.S,
)
LANGUAGES = {"sh", "python", "text", "csv", "json", "toml", "yaml"}
NEEDS = {"a card", "a cluster", "a network", "an engine", "a framework", "matplotlib"}
PROGRAM = re.compile(r"(?:python -m runner|keras-bench) ?")
# What ends a command of a shell's line.
SHELL = {"|", "||", "&&", ";", ">", ">>"}
READS = {"report", "compare", "history", "share", "verify", "site", "export", "published", "schema"}
# These show what would be; a machine without Python 3.6 or a card says so by its exit code.
SHOWS = {"plan", "doctor", "--help"}
# A step that fails a job is what the option is for: there are too few made runs to judge by.
JUDGES = {"--fail-on-step", "--threshold"}
RUNS = ("A", "B", "before", "after", "night", "RUN")
FOLDERS = ("nightly", "from-others", "more")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: str
    language: str
    body: str
    mark: str | None
    what: str | None

    @property
    def lines(self) -> list[str]:
        """Return its lines, each with those that continue it."""
        whole = re.sub(r"\\\n\s*", " ", self.body).splitlines()
        return [line.strip() for line in whole if line.strip() and not line.startswith("#")]


def blocks() -> list[Block]:
    return [
        Block(page.relative_to(ROOT).as_posix(), m["language"], m["body"], m["mark"], m["what"])
        for page in PAGES
        for m in FENCE.finditer(page.read_text(encoding="utf-8"))
    ]


BLOCKS = blocks()
SHELL_LINES = sorted({(b.page, line, b.mark or "") for b in BLOCKS if b.language == "sh"
                      for line in b.lines})  # fmt: skip
LINES = [(page, line, mark) for page, line, mark in SHELL_LINES if PROGRAM.match(line)]
OTHERS = [(page, line) for page, line, mark in SHELL_LINES
          if not PROGRAM.match(line) and (not mark or line.startswith("make "))]  # fmt: skip
OPEN = [(page, line) for page, line, mark in LINES if not mark]
# Another test installs it: it writes into the user's own files as soon as it is read.
PARSED = [(page, line) for page, line, _ in LINES if "--install-completion" not in line]
PYTHON = [block for block in BLOCKS if block.language == "python"]


def words_of(line: str) -> list[str]:
    """Return the arguments of a command line, without what a shell does with its output."""
    plain = line[PROGRAM.match(line).end() :]
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


@pytest.mark.parametrize("block", BLOCKS, ids=lambda b: f"{b.page}: {b.body[:40]!r}")
def test_a_block_says_what_it_is_and_what_it_needs(block):
    assert block.language in LANGUAGES
    if block.mark == "played":
        assert (ROOT / str(block.what)).is_file()
    elif block.mark:
        assert (block.mark, block.what in NEEDS) == ("needs", True)


def test_there_are_command_lines_on_many_pages():
    assert len(PARSED) > 60
    assert len({page for page, _ in PARSED}) > 15
    assert len(OPEN) > 35


@pytest.mark.parametrize(("page", "line"), PARSED)
def test_a_command_line_of_a_page_is_one_that_the_program_takes(page, line):
    try:
        parsed(words_of(line))
    except (typer.Exit, SystemExit) as ended:
        assert getattr(ended, "exit_code", getattr(ended, "code", None)) == 0


def test_a_line_with_an_option_that_is_none_would_be_found():
    with pytest.raises(Exception, match="No such option"):
        parsed(words_of("python -m runner compare A B --treshold 5%"))


@pytest.mark.parametrize(("page", "line"), OTHERS)
def test_any_other_line_is_a_target_of_make_or_marked(page, line):
    words = shlex.split(line, comments=True)
    assert words[0] == "make", "mark the block with what it needs"
    asked = ["make", "--dry-run", "--always-make", *words[1:]]
    subprocess.run(asked, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


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


def played_words(line: str, here: Path) -> tuple[list[str], set[ExitCode]]:
    """Return the arguments with which a line is played in a folder, and how it may end."""
    words = ["A" if word == "latest" else word for word in words_of(line)]
    options = {name for option in parsed(words).command.params for name in option.opts}
    if "--results" in options:
        words += ["--results", str(here)]
    elif words[0] in ("history", "site") and not any(Path(word).is_dir() for word in words[1:]):
        # By default all runs that are kept, which are the user's own.
        words.append("nightly/")
    if words[0] in READS:
        return words, {ExitCode.OK, ExitCode.JOBS_NOT_OK} if JUDGES & {*words} else {ExitCode.OK}
    if words[0] not in SHOWS:
        words.append("--dry-run")
    return words, {ExitCode.OK, ExitCode.MACHINE}


@pytest.mark.parametrize(("page", "line"), OPEN)
def test_a_line_of_an_open_block_is_played(page, line, place, tmp_path, monkeypatch):
    here = tmp_path / "here"
    shutil.copytree(place, here)
    monkeypatch.chdir(here)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    if words_of(line) == ["--help"]:
        assert main(["--help"]) == ExitCode.OK
        return
    words, ends = played_words(line, here)
    if "--name" in words:  # what the run will be called is there for the lines that read it
        shutil.rmtree(here / words[words.index("--name") + 1])
    assert main(words) in ends, words


@pytest.mark.parametrize("block", PYTHON, ids=lambda b: f"{b.page}: {b.body[:40]!r}")
def test_a_python_example_is_pythons(block):
    ast.parse(dedent(block.body))


@pytest.mark.parametrize("page", sorted({block.page for block in PYTHON if not block.mark}))
def test_the_python_examples_of_a_page_are_played_in_their_order(
    page, place, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner, "load", partial(runner.load, results_dir=place))
    names = {"runner": runner}
    for block in PYTHON:
        if block.page == page and not block.mark:
            exec(dedent(block.body), names)
