"""Takes out of a run's texts what says whose it is: names, paths, addresses, credentials.

What stays is what a figure rests on: the words of the table (backends, models, statuses), versions,
hashes, devices and times.
"""

import getpass
import hashlib
import ipaddress
import os
import re
import socket
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

from runner import paths
from runner.store.credentials import credentials_in, is_secret_name

_URL = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>]+")
_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
# A registry's host before an image's name; of the public ones nothing is learned.
_REGISTRY = re.compile(
    r"(?<![\w./-])(?!(?:docker\.io|nvcr\.io|ghcr\.io|quay\.io)/)"
    r"(?:localhost|[\w-]+(?:\.[\w-]+)+)(?::\d+)?/(?=[\w./-]+[:@])"
)
_PATH = re.compile(r"(?<![\w.\])>/])~?/[^\s\"'`,;:|<>()\[\]{}]+|\b[A-Za-z]:\\[^\s\"'`,;|<>]+")
_MAC = re.compile(r"(?<![\w:-])(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?![\w:-])")
_IP4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\w)")
_IP6 = re.compile(r"(?<![\w:])[0-9A-Fa-f:]{6,39}(?![\w:])")
_CARD = re.compile(r"\b(?:GPU|MIG)-[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")
_HOME = re.compile(r"/(?:home|Users)/([\w.-]+)")
_LEAST_NAME = 2
# Enough to find a credential by, and too little to use it.
_SECRET_PREFIX = 4
# Where a version with four numbers may stand that looks like an address.
_VERSIONS = frozenset({"versions", "runner_version", "driver"})
# What was asked for: a text with a slash there is a path, and these name people's own things.
_ASKED = frozenset({"arguments", "request"})
_OWN = frozenset({
    "account", "partition", "constraint", "slurm", "engine", "base_image", "package_index",
    "ca_bundle", "wheels", "python", "results",
})  # fmt: skip
TAKEN = {
    "credential": "[credential]",
    "address": "[address]",
    "path": "[path]",
    "user name": "[user]",
    "host name": "[host]",
    "option": "[taken out]",
    "card": "[card]",
}


def _long_enough(names: Iterable[str | None]) -> set[str]:
    return {name for name in names if name and len(name) >= _LEAST_NAME}


def machine_names() -> tuple[set[str], set[str]]:
    """Return the names of this machine's user, and of the machine itself."""
    users = {os.environ.get(name) for name in ("USER", "LOGNAME", "USERNAME", "SUDO_USER")}
    with suppress(OSError, KeyError):
        users.add(getpass.getuser())
    home = paths.home()
    users.add(home.name if home else None)
    hosts = {socket.gethostname(), socket.getfqdn(), os.environ.get("HOSTNAME")}
    hosts |= {name.partition(".")[0] for name in hosts if name}
    return _long_enough(users), _long_enough(hosts) - {"localhost"}


def names_in(texts: Iterable[str]) -> set[str]:
    """Return the names of users by whose homes some texts name paths."""
    return _long_enough(found for text in texts for found in _HOME.findall(text))


@dataclass(frozen=True)
class Names:
    """Names to take out, wherever they stand as words. ``kept`` are words of the table."""

    users: frozenset[str]
    hosts: tuple[str, ...]
    kept: frozenset[str] = frozenset()

    @classmethod
    def of(cls, texts: Iterable[str], nodes: Iterable[object], kept: Iterable[str]) -> Self:
        """Return the names of this machine, and of those where runs were made.

        ``texts`` may name the homes of users there; ``nodes`` are the runs' own.
        """
        users, hosts = machine_names()
        # Those of a pack are taken out already.
        named = {str(node) for node in nodes if not str(node).startswith("[")}
        hosts |= named | {node.partition(".")[0] for node in named}
        return cls(frozenset(users | names_in(texts)), tuple(sorted(hosts)), frozenset(kept))


def _word(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", re.IGNORECASE)


@dataclass
class Scrubber:
    """Takes out of texts and of JSON what says whose they are, and counts it.

    ``taken`` counts (kind, what stood there). Hosts are numbered, so that two stay two, and a
    card's UUID becomes a hash of it, so that one card stays one.
    """

    names: Names
    taken: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        hosts = sorted(self.names.hosts, key=len, reverse=True)
        able = [name for name in hosts if name.lower() not in self.names.kept]
        number = {name: n for n, name in enumerate(sorted(able), start=1)}
        self._words = [("host name", _word(n), f"[host {number[n]}]") for n in able]
        users = [name for name in self.names.users if name.lower() not in self.names.kept]
        self._words += [
            ("user name", _word(name), TAKEN["user name"]) for name in sorted(users, key=len)[::-1]
        ]

    def counts(self) -> dict[str, int]:
        """Return how many of each kind were taken out."""
        found: Counter[str] = Counter()
        for (kind, _), count in self.taken.items():
            found[kind] += count
        return dict(sorted(found.items()))

    def _take(self, kind: str, found: str, instead: str) -> str:
        self.taken[kind, found] += 1
        return instead

    def _taken_word(self, kind: str, instead: str, match: re.Match[str]) -> str:
        return self._take(kind, match[0], instead)

    def _sub(self, pattern: re.Pattern[str], kind: str, text: str) -> str:
        return pattern.sub(lambda m: self._take(kind, m[0], TAKEN[kind]), text)

    def _number(self, match: re.Match[str]) -> str:
        """Return an address of numbers as taken out, and anything else as it is."""
        try:
            ipaddress.ip_address(match[0])
        except ValueError:
            return match[0]
        return self._take("address", match[0], TAKEN["address"])

    def _card(self, match: re.Match[str]) -> str:
        digest = hashlib.sha256(match[0].lower().encode()).hexdigest()
        return self._take("card", match[0], f"card-{digest[:12]}")

    def _without_credentials(self, text: str) -> str:
        for found in reversed(credentials_in(text)):
            word = text[found.start : found.end]
            shown = f"{found.kind}: {word[:_SECRET_PREFIX]}..."
            instead = self._take("credential", shown, TAKEN["credential"])
            text = text[: found.start] + instead + text[found.end :]
        return text

    def text(self, text: str, has_addresses: bool = True) -> str:
        """Return a text without credentials, names, paths and addresses."""
        text = self._without_credentials(text)
        for pattern, kind in ((_URL, "address"), (_MAIL, "address")):
            text = self._sub(pattern, kind, text)
        text = _REGISTRY.sub(lambda m: self._take("address", m[0], f"{TAKEN['address']}/"), text)
        text = self._sub(_MAC, "address", _CARD.sub(self._card, text))
        text = self._sub(_PATH, "path", text)
        if has_addresses:
            text = _IP6.sub(self._number, _IP4.sub(self._number, text))
        for kind, pattern, instead in self._words:
            text = pattern.sub(partial(self._taken_word, kind, instead), text)
        return text

    def value(self, value: Any, key: str = "") -> Any:
        """Return a value of JSON without them. ``key`` is where it stands."""
        if isinstance(value, str) and value and is_secret_name(key):
            return self._take("credential", f"value of {key}", TAKEN["credential"])
        if isinstance(value, str):
            return self.text(value, key not in _VERSIONS)
        if key == "strangers" and isinstance(value, list):
            return [{"name": "process"} for _ in value]  # others' programs
        if key == "arguments" and isinstance(value, list):
            return self._arguments(value)
        if isinstance(value, list):
            return [self.value(one, key) for one in value]
        if isinstance(value, Mapping):
            if key == "request":
                return {name: self._asked(name, one) for name, one in value.items()}
            below = key if key in _VERSIONS else ""
            return {
                self.text(str(name)): self.value(one, below or name) for name, one in value.items()
            }
        return value

    def _own(self, value: Any) -> Any:
        return self._take("option", str(value), TAKEN["option"]) if value else value

    def _asked(self, name: str, value: Any) -> Any:
        """Return an option's value: a person's own thing goes whole, and so does a path."""
        if name in _OWN:
            return self._own(value)
        if isinstance(value, str) and re.search(r"[/\\]", value):
            return self._take("path", value, TAKEN["path"])
        return self.value(value, name)

    def _arguments(self, words: list[Any]) -> list[Any]:
        found, option = [], ""
        for word in map(str, words):
            if word.startswith("--"):
                option, equals, given = word.removeprefix("--").partition("=")
                option = option.replace("-", "_")
                value = self._asked(option, given) if equals else None
                found.append(self.text(word.partition("=")[0]) + (f"={value}" if equals else ""))
            else:
                found.append(self._asked(option, word))
        return found
