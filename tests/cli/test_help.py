"""Help: its list of commands, its examples, its topics; and hints for what is misspelt."""

import shlex

import pytest

import runner
from runner.cli import options
from runner.cli.app import COMMANDS, app, main, normalize
from runner.cli.lazy import load_command
from runner.errors import ExitCode

EXAMPLES = [
    (entry, line) for entry in COMMANDS for line in load_command(entry).epilog.splitlines()[2:]
]
WIDTH = 80


def parse(command, name, arguments, parent=None):
    """Parse arguments down to the last command, and run nothing."""
    with command.make_context(name, list(arguments), parent=parent) as context:
        rest = [*getattr(context, "_protected_args", ()), *context.args]
        if not hasattr(command, "commands"):
            assert rest == []
            return
        name, below, rest = command.resolve_command(context, rest)
        assert below is not None, name
        parse(below, name, rest, context)


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_each_command_has_examples(entry):
    assert "Examples:" in (load_command(entry).epilog or "")


@pytest.mark.parametrize(("entry", "line"), EXAMPLES, ids=[line for _, line in EXAMPLES])
def test_an_example_is_one_that_the_parser_takes(entry, line):
    words = shlex.split(line.partition("|")[0])
    assert words[:3] == ["python", "-m", "runner"]
    arguments = normalize(words[3:])
    assert arguments[0] == entry.name
    parse(app, "runner", arguments)


@pytest.mark.parametrize(
    "arguments", [["--help"], *[[entry.name, "--help"] for entry in COMMANDS]], ids=str
)
def test_help_fits_80_columns_and_shows_its_examples_whole(arguments, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    assert main(arguments) == ExitCode.OK
    lines = capsys.readouterr().out.splitlines()
    # A folder's name is as long as it is.
    assert all(len(line) <= WIDTH or "/results/" in line for line in lines)
    if arguments[0] != "--help":
        shown = [line.strip() for line in lines if line.startswith("    python -m runner")]
        assert shown == [line.strip() for entry, line in EXAMPLES if entry.name == arguments[0]]


@pytest.mark.parametrize(
    "before", [[], ["plan"], ["data"], ["data", "list"], ["--config", "jax-k3", "tf-k3"]], ids=str
)
def test_h_is_short_for_help_everywhere(before, capsys):
    assert main([*before, "--help"]) == ExitCode.OK
    said = capsys.readouterr().out
    assert "-h, --help" in said
    assert main([*before, "-h"]) == ExitCode.OK
    assert capsys.readouterr().out == said


def test_the_program_and_the_package_say_their_version(capsys):
    assert main(["--version"]) == ExitCode.OK
    assert capsys.readouterr().out == f"keras-bench {runner.__version__}\n"


def test_all_that_the_package_makes_public_is_there():
    assert {name for name in runner.__all__ if not hasattr(runner, name)} == set()
    assert {*runner.__all__, "__version__"} <= set(dir(runner))


def test_each_option_of_a_run_has_a_topic():
    names = {param.opts[0] for param in load_command(COMMANDS[0]).params}
    assert {name for name in names if options.topic_of(name) == "Options"} == set()
    known = [name for topic in options.TOPICS.values() for name in topic]
    assert len(known) == len(set(known))


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--device", "gpuu"], "did you mean 'gpu'?"),
        (["--data", "sintetic"], "did you mean 'synthetic'?"),
        (["--launcher", "dokcer"], "did you mean 'docker'?"),
        (["doctor", "--device", "cup"], "did you mean 'cpu'?"),
        (["build", "--device", "tpu"], "is not one of 'auto', 'gpu', 'cpu'"),
        (["--image-data-format", "channels_frist"], "did you mean 'channels_first'?"),
        (["doctor", "--confg", "x"], "--config"),
        (["docter"], "'doctor'"),
        (["data", "ftech"], "'fetch'"),
    ],
)
def test_what_is_misspelt_gets_a_hint(arguments, hint, capsys):
    assert main(arguments) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert hint in said
    assert "Value error" not in said
