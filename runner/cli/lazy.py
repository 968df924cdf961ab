"""Commands that are imported when they are called for, and how their help looks."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import (  # type: ignore[attr-defined]
    CompletionItem,
    TyperCommand,
    TyperGroup,
)

from runner.cli import options
from runner.errors import near_miss

_VALUES = {
    "<list[str]>": "NAME...",
    "<int range>": "N",
    "<float range>": "N",
    "<str>": "TEXT",
    "<path>": "PATH",
}


@dataclass(frozen=True)
class Command:
    """A command: its name, ``module:attribute`` and its line in the list of commands.

    The attribute is the command's function, or a ``typer.Typer`` with commands of its own.
    ``examples`` names the module's lines that are shown at the end of its help.
    """

    name: str
    target: str
    summary: str
    examples: str = "EXAMPLES"


class TopicCommand(TyperCommand):
    """A command whose help lists the options by topic, and that knows near misses."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, a section a topic, in the order of ``options.TOPICS``."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": []}
        sections |= {topic: [] for topic in (*options.TOPICS, "Options")}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                if param.param_type_name == "argument":
                    sections["Arguments"].append((_bare(record[0]), record[1]))
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
            error.message = _with_hint(error.message)
            raise


def _bare(name: str) -> str:
    """Return an argument's name without its type, which its help tells."""
    return name.partition(" <")[0]


def _plain(name: str) -> str:
    """Return an option's name and value in the words of manuals, not of Python."""
    for of_python, of_manuals in _VALUES.items():
        name = name.replace(of_python, of_manuals)
    return name


def _with_hint(message: str) -> str:
    """Return what is wrong with a value, without the parser's own words around it."""
    message = message.removeprefix("Value error, ").removesuffix(".")
    if "is not one of" not in message:
        return message
    value, *known = re.findall(r"'([^']*)'", message)
    return message + near_miss(value, known)


def _epilog(examples: Sequence[str]) -> str:
    """Return examples as a block that help does not wrap."""
    return "\b\n" + "\n".join(["Examples:", *[f"  {line}" for line in examples]])


def load_command(entry: Command) -> Any:
    """Import a command and return it, made ready with its examples."""
    module, _, attribute = entry.target.partition(":")
    imported = import_module(module)
    target = getattr(imported, attribute)
    epilog = _epilog(getattr(imported, entry.examples))
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    if isinstance(target, typer.Typer):
        app.add_typer(target, name=entry.name, epilog=epilog)
    else:
        app.command(entry.name, cls=TopicCommand, epilog=epilog)(target)
    app.callback()(lambda: None)
    return typer.main.get_group(app).commands[entry.name]


class _Commands(Mapping[str, Any]):
    """The commands by name; one is imported when it is looked up."""

    def __init__(self, entries: Sequence[Command]) -> None:
        self._entries = {entry.name: entry for entry in entries}
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = load_command(self._entries[name])
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


class LazyGroup(TyperGroup):
    """The program: lists its commands without importing them; ``default`` is the unnamed one."""

    def __init__(self, entries: Sequence[Command], default: str, **settings: Any) -> None:
        """Take the commands, and what any group of typer's takes."""
        super().__init__(commands=_Commands(entries), **settings)  # type: ignore[arg-type]
        self.entries, self.default = entries, default

    def list_commands(self, _ctx: Any) -> list[str]:
        """Return the commands' names, in their order."""
        return list(self.commands)

    def format_commands(self, _ctx: Any, formatter: Any) -> None:
        """Write the list of commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(entry.name, entry.summary) for entry in self.entries])

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        """Return the commands, and the options of the one that needs no name."""
        found = [
            CompletionItem(entry.name, help=entry.summary)
            for entry in self.entries
            if entry.name.startswith(incomplete)
        ]
        if not incomplete or incomplete.startswith("-"):
            found += self._options_without_a_name(ctx, incomplete or "-")
        known = {item.value for item in found}
        own = super(TyperGroup, self).shell_complete(ctx, incomplete)
        return [*found, *[item for item in own if item.value not in known]]

    def _options_without_a_name(self, ctx: Any, incomplete: str) -> list[Any]:
        """Return the options of the command that needs no name."""
        default = self.commands[self.default]
        with default.make_context(self.default, [], parent=ctx, resilient_parsing=True) as below:
            return list(default.shell_complete(below, incomplete))
