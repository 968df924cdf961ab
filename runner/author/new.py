"""Skeletons: a new configuration made like one that works, a new model that already trains."""

import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import jinja2

from runner import paths
from runner.environments.lock_maker import make_lock
from runner.environments.lockfile import (
    Pin,
    lock_problems,
    normalized_name,
    parse_requirement,
    read_pins,
)
from runner.errors import BuildError, MachineError, UsageError
from runner.spec.choices import BuildOptions
from runner.spec.configuration import (
    Configuration,
    Device,
    load_configurations,
    read_configuration,
)
from runner.spec.naming import (
    ConfigurationName,
    checked_model_name,
    class_name,
    name_mismatch,
    parse_configuration_name,
    suite_name,
)
from runner.spec.workload import read_workloads
from runner.store.atomic import whole_file, whole_folder
from runner.words import Say

COPIED = "Copied from"
_TOML_STRING = r"""(?:""\".*?""\"|\'\'\'.*?\'\'\'|"[^"\n]*"|\'[^\'\n]*\')"""
_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("runner.author"),
    undefined=jinja2.StrictUndefined,
    keep_trailing_newline=True,
    autoescape=False,  # noqa: S701 - Python and JSON, from names that are checked
)


@contextmanager
def _writing() -> Iterator[None]:
    """Say in a line what the file system refuses."""
    try:
        yield
    except FileExistsError as error:
        raise _taken(error.filename) from error
    except OSError as error:
        raise MachineError(f"{error.filename}: {error.strerror}; nothing was written") from error


def _taken(target: Path | str) -> UsageError:
    return UsageError(f"{target} is there already; nothing was changed")


def parse_pins(texts: Sequence[str]) -> dict[str, str]:
    """Return ``NAME==VERSION`` texts as versions by name. Raises UsageError for another text."""
    found = {}
    for text in texts:
        name, is_pin, version = text.partition("==")
        if not is_pin or not re.fullmatch(r"[A-Za-z0-9._-]+", name) or (
            not re.fullmatch(r"[0-9]+(\.[0-9A-Za-z]+)*", version)
        ):  # fmt: skip
            raise UsageError(f"--pin {text!r}: expected NAME==VERSION, such as keras==3.14.0")
        found[normalized_name(name)] = version
    return found


def _original(name: ConfigurationName, like: str | None, root: Path) -> Configuration:
    """Return the configuration to start from: the one named, else the newest of the backends."""
    if like is not None:
        return load_configurations([like], root)[0]
    every = load_configurations([], root)
    fitting = [c for c in every if list(c.backends) == list(name.backends)]
    if not fitting:
        raise UsageError(
            f"{name.text}: no configuration holds {', '.join(name.backends)} to start from\n"
            f"there are {', '.join(c.name for c in every)}; for another backend, write the folder "
            "by hand (docs/adding-a-configuration.md)"
        )
    return max(fitting, key=lambda c: [int(part) for part in c.keras.split(".") if part.isdigit()])


def _repin(path: Path, versions: dict[str, str]) -> list[tuple[Pin, str]]:
    """Change versions in a requirements file; return each pin that was, with its new version."""
    changed = []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    for index, line in enumerate(lines):
        found = parse_requirement(line)
        if isinstance(found, Pin) and {found.name, found.package} & versions.keys():
            version = versions.get(found.name) or versions[found.package]
            _, plus, build = found.version.partition("+")
            lines[index] = line.replace(f"=={found.version}", f"=={version}{plus}{build}", 1)
            changed.append((found, version))
    path.write_text("".join(lines), encoding="utf-8")
    return changed


def _say_versions(path: Path, changed: dict[str, str]) -> None:
    """Change every mention of a version in a text."""
    if not changed:
        return
    either = "|".join(re.escape(old) for old in sorted(changed, key=len, reverse=True))
    mention = re.compile(rf"(?<![0-9.])(?:{either})(?!\.?[0-9])")
    text = path.read_text(encoding="utf-8")
    path.write_text(mention.sub(lambda match: changed[match[0]], text), encoding="utf-8")


def _disown(path: Path, like: Configuration, repinned: Sequence[str]) -> None:
    """Take out of a copied config.toml what holds for the original only.

    A copy reproduces nothing published, and what a GPU needs for another version of a backend
    must be looked up again.
    """
    text = re.sub(r"(?m)^reproduces = .*\n", "", path.read_text(encoding="utf-8"))
    copied = f'"{COPIED} {like.name}, not looked up for this version."'
    for backend in repinned:
        source = re.compile(
            rf"(?ms)(^\[backends\.{re.escape(backend)}\.gpu\]$.*?^source = ){_TOML_STRING}"
        )
        text = source.sub(rf"\g<1>{copied}", text)
    path.write_text(text, encoding="utf-8")


def _fill(folder: Path, like: Configuration, versions: dict[str, str]) -> None:
    """Write a configuration's files as ``like`` has them, with other versions."""
    for name in ("config.toml", "Dockerfile"):
        shutil.copyfile(like.folder / name, folder / name)
    known: set[str] = set()
    changed: dict[str, str] = {}
    for device in Device:
        for path in (like.wanted(device), like.lock(device)):
            shutil.copyfile(path, folder / path.name)
        for overrides in like.overrides(device):
            shutil.copyfile(overrides, folder / overrides.name)
            _repin(folder / overrides.name, versions)
        for pin, version in _repin(folder / like.wanted(device).name, versions):
            known |= {pin.name, pin.package}
            changed[pin.version.partition("+")[0]] = version
    if unknown := sorted(versions.keys() - known):
        held = sorted({pin.name for device in Device for pin in read_pins(like.wanted(device))})
        raise UsageError(
            f"--pin {unknown[0]}: {like.name} does not ask for it; it asks for {', '.join(held)}"
        )
    for name in ("config.toml", "Dockerfile"):
        _say_versions(folder / name, changed)
    _disown(folder / "config.toml", like, [name for name in like.backends if name in versions])


def write_configuration(
    text: str,
    like: str | None,
    pins: dict[str, str],
    options: BuildOptions,
    say: Say,
    root: Path = paths.CONFIGURATIONS,
) -> tuple[Configuration, Configuration]:
    """Write a configuration and its locks; return it and the one that it was made like.

    The folder appears whole or not at all. Raises UsageError for a name that is none, is taken or
    does not say what it would hold, and BuildError where the locks cannot be made.
    """
    name = parse_configuration_name(text)
    target = root / text
    if os.path.lexists(target):
        raise _taken(target)
    source = _original(name, like, root)
    with _writing(), whole_folder(target, root.parent) as folder:
        _fill(folder, source, pins)
        made = read_configuration(folder)
        versions = {backend: about.version for backend, about in made.backends.items()}
        if wrong := name_mismatch(name, versions, made.keras):
            raise UsageError(
                f"{text}: {wrong}\nmade like {source.name}; choose another name, or say the "
                "versions: --pin keras==VERSION or --pin BACKEND==VERSION"
            )
        for device in Device:
            if list(lock_problems(made.wanted(device), made.lock(device))):
                say(f"resolving {made.lock(device).name}")
                try:
                    make_lock(made, device, options)
                except BuildError as error:
                    raise BuildError(
                        f"{made.name}: {made.wanted(device).name} cannot be resolved, so nothing "
                        f"was written: {error}\nthe index is chosen with --package-index, extra "
                        "wheels with --wheels"
                    ) from error
    return read_configuration(target), source


def write_model(wanted: str, suite: str, root: Path = paths.MODELS) -> Path:
    """Write a model's file into a suite and register it there; return the file.

    The suite is made where it is not there yet. Raises UsageError for a name that is none or is
    taken, and MachineError for a folder that cannot be written.
    """
    name = checked_model_name(wanted)
    folder = paths.suites(root) / suite_name(suite)
    target = folder / f"{name}.py"
    if known := read_workloads(root).get(name):
        raise _taken(paths.suites(root) / known.suite / target.name)
    for path in (target, folder.with_suffix(".py")):  # the latter would hide the folder
        if os.path.lexists(path):
            raise _taken(path)
    with _writing():
        if (folder / paths.SUITE).exists():
            _register(name, folder)
        else:
            with whole_folder(folder, folder.parent.parent) as made:
                empty = {"title": suite.replace("_", " ").capitalize(), "models": []}
                _write(made, empty)
                _register(name, made)
    return target


def _register(name: str, suite: Path) -> None:
    """Add a model to the folder of a suite: its file, and its entry."""
    facts = {
        "name": name,
        "title": name.replace("_", " ").capitalize(),
        "class_name": class_name(name),
    }
    text = _TEMPLATES.get_template("model.py.j2").render(facts)
    registered = json.loads((suite / paths.SUITE).read_text(encoding="utf-8"))
    registered["models"].append(json.loads(_TEMPLATES.get_template("entry.json.j2").render(facts)))
    target = suite / f"{name}.py"
    with target.open("x", encoding="utf-8") as file:
        try:
            # An unregistered file does nothing: what makes it a model is written last.
            file.write(text)
            _write(suite, registered)
        except BaseException:
            target.unlink()
            raise


def _write(suite: Path, content: object) -> None:
    """Write what a suite's file holds."""
    with whole_file(suite / paths.SUITE) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
