"""Commands that are imported when they are called for, and how their help looks."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, make_dataclass
from importlib import import_module
from inspect import getdoc
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from runner.errors import near_miss

_VALUES = {
    "<list[str]>": "NAME...",
    "<int range>": "N",
    "<float range>": "N",
    "<str>": "TEXT",
    "<path>": "PATH",
}


class Command(TyperCommand):
    """A command that is imported when it is called for, with its line in the list of commands.

    ``target`` is ``module:attribute`` in the commands' folder: the command's function, or a
    ``typer.Typer`` with commands of its own. ``examples`` names the module's lines that are shown
    at the end of its help.
    """

    name: str

    def __init__(
        self, name: str, target: str, summary: str, examples: str = "EXAMPLES", **settings: Any
    ) -> None:
        """Take what any command of typer's takes, too."""
        super().__init__(name, short_help=summary, **settings)
        self.target, self.examples = target, examples


class TopicCommand(TyperCommand):
    """A command whose help lists the options by topic, and that knows near misses."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, a section a topic, in the order of ``options.TOPICS``."""
        from runner.cli import options

        sections: dict[str, list[tuple[str, str]]] = {"Arguments": []}
        sections |= {topic: [] for topic in (*options.TOPICS, "Options")}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                if param.param_type_name == "argument":
                    sections["Arguments"].append((record[0].partition(" <")[0], record[1]))
                else:
                    row = (_plain(record[0]), record[1])
                    sections[options.topic_of(param.opts[0])].append(row)
        for topic, rows in sections.items():
            if rows:
                with formatter.section(topic):
                    formatter.write_dl(rows)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse, and say of a wrong choice which one was meant."""
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            # Without the parser's own words around it.
            error.message = error.message.removeprefix("Value error, ").removesuffix(".")
            if "is not one of" in error.message:
                value, *known = re.findall(r"'([^']*)'", error.message)
                error.message += near_miss(value, known)
            raise


@dataclass(frozen=True)
class Declared:
    """What a command is made of whose options are data: ``act`` gets the context with their values.

    ``options`` are by name an annotation as in a command's signature, and the default.
    """

    act: Callable[[Any], None]
    options: Mapping[str, tuple[Any, Any]]

    def command(self, name: str, epilog: str) -> "DeclaredCommand":
        """Return the command."""
        fields = [
            (option, annotation, field(default=default))
            for option, (annotation, default) in self.options.items()
        ]
        # Typer reads options from a signature alone: here it is that of a record of their values.
        reader = typer.Typer(rich_markup_mode=None, add_completion=False)
        reader.command()(make_dataclass("Values", fields))
        params = typer.main.get_command(reader).params
        return DeclaredCommand(
            name, params=params, help=getdoc(self.act), epilog=epilog, rich_markup_mode=None,
            callback=self.act,
        )  # fmt: skip


class DeclaredCommand(TopicCommand):
    """A command that acts on its context, as ``Declared`` has it."""

    def invoke(self, ctx: Any) -> Any:
        """Act on the values that were given."""
        assert self.callback is not None
        return self.callback(ctx)


def _plain(name: str) -> str:
    """Return an option's name and value in the words of manuals, not of Python."""
    for of_python, of_manuals in _VALUES.items():
        name = name.replace(of_python, of_manuals)
    return name


def load_command(entry: Command) -> Any:
    """Import a command and return it, made ready with its examples."""
    module, _, attribute = entry.target.partition(":")
    imported = import_module(f"runner.cli.commands.{module}")
    target = getattr(imported, attribute)
    # The first line: a block that help does not wrap.
    epilog = "\n  ".join(["\b\nExamples:", *getattr(imported, entry.examples)])
    if isinstance(target, Declared):
        return target.command(entry.name, epilog)
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    if isinstance(target, typer.Typer):
        app.add_typer(target, name=entry.name, epilog=epilog)
    else:
        app.command(entry.name, cls=TopicCommand, epilog=epilog)(target)
    app.callback()(lambda: None)
    return typer.main.get_group(app).commands[entry.name]


class LazyGroup(TyperGroup):
    """The program: lists its commands without importing them; ``default`` is the unnamed one."""

    def __init__(self, default: Command, **settings: Any) -> None:
        """Take what any group of typer's takes, too."""
        super().__init__(**settings)
        self.default = default

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Return the command that is called, imported."""
        name, entry, rest = super().resolve_command(ctx, args)
        return name, load_command(entry) if isinstance(entry, Command) else None, rest

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Return the commands, and the options of the one that needs no name."""
        found = super().shell_complete(ctx, incomplete)
        if incomplete and not incomplete.startswith("-"):
            return found
        known = {item.value for item in found}
        default = load_command(self.default)
        with default.make_context("", [], parent=ctx, resilient_parsing=True) as below:
            own = default.shell_complete(below, incomplete or "-")
        return [*found, *(item for item in own if item.value not in known)]
