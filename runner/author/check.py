"""Is a configuration or a model fit to run, by its files? Each step is a finding."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from runner import paths
from runner.author.new import COPIED
from runner.environments.lock_maker import UnreachableError, is_installable, lock_differences
from runner.environments.lockfile import lock_problems, read_pins
from runner.errors import BuildError, ConfigurationError
from runner.plan.findings import Finding, Reporter
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Configuration, Device, read_configuration
from runner.spec.naming import name_mismatch, parse_configuration_name
from runner.spec.workload import read_workloads

_say = Reporter("check")
_OTHER_INDEX = "name an index with --package-index, or extra wheels with --wheels"


def _shown(path: Path) -> Path:
    """Return a path as a person in the project's folder writes it."""
    return path.relative_to(paths.ROOT) if path.is_relative_to(paths.ROOT) else path


# A configuration, from its files


def configuration_findings(folder: Path) -> Iterator[Finding]:
    """Yield what the folder of a configuration tells."""
    try:
        found = read_configuration(folder)
    except ConfigurationError as error:
        yield _say.problem("schema", str(error), "docker/README.md says what the file holds")
        return
    yield from _facts(found)
    wanted = [found.folder / "Dockerfile", *(found.wanted(device) for device in Device)]
    if missing := [path.name for path in wanted if not path.is_file()]:
        yield _say.problem(
            "files", f"missing: {', '.join(missing)}", f"they belong in {_shown(folder)}"
        )
        return
    yield _say.ok("files", "config.toml, Dockerfile, cpu.in, gpu.in")
    fine = "begins at BASE_IMAGE, checks libraries, runs as an ordinary user"
    text = wanted[0].read_text(encoding="utf-8", errors="replace")
    yield from _say.each(
        "recipe", list(recipe_problems(text)), fine, f"correct {_shown(wanted[0])}"
    )
    for device in Device:
        yield from _locked(found, device)


def _facts(found: Configuration) -> Iterator[Finding]:
    versions = {name: backend.version for name, backend in found.backends.items()}
    held = ", ".join(f"{name} {version}" for name, version in versions.items())
    name = parse_configuration_name(found.name)
    if wrong := name_mismatch(name, versions, found.keras):
        yield _say.problem("schema", wrong, "rename the folder, or correct config.toml")
    else:
        yield _say.ok("schema", f"{held} under Keras {found.keras}, Python {found.python}")
    copied = [n for n, backend in found.backends.items() if backend.gpu.source.startswith(COPIED)]
    for backend in copied:
        yield _say.warning(
            "gpu facts",
            f"what {backend} needs of a GPU was copied, not looked up",
            f"state them with their source in {_shown(found.folder / 'config.toml')}",
        )


def _instructions(text: str) -> list[str]:
    """Return a recipe's instructions, continued lines joined, comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [" ".join(line.split()) for line in joined.splitlines() if line.strip()]


def recipe_problems(text: str) -> Iterator[str]:
    """Yield what in a Dockerfile would build elsewhere than asked, or run otherwise."""
    found = _instructions(text)
    if found[:2] != ["ARG BASE_IMAGE", "FROM ${BASE_IMAGE}"]:
        yield "it does not begin with ARG BASE_IMAGE and FROM ${BASE_IMAGE}"
    if sum(line.upper().startswith("FROM ") for line in found) > 1:
        yield "it has more than one FROM"
    users = [line.split()[1] for line in found if re.match(r"USER \S", line, re.IGNORECASE)]
    if not users or users[-1].split(":")[0] in ("root", "0"):
        yield "it does not end as an ordinary user; jobs run as USER bench"
    installed = [n for n, line in enumerate(found) if "install-requirements.sh" in line]
    checked = [n for n, line in enumerate(found) if "check_libraries.py" in line]
    if not installed:
        yield "it does not install the lock with common/install-requirements.sh"
    elif not checked or checked[-1] < installed[-1]:
        yield "it does not run common/check_libraries.py after installing"
    if not any(line.startswith("COPY requirements.lock ") for line in found):
        yield "it does not COPY requirements.lock, where an environment's stage begins"
    if any(line.upper().startswith("ADD ") for line in found):
        yield "it uses ADD; files come by COPY alone, so that an image is named after them"
    if 'ENTRYPOINT ["python3", "-m", "models"]' not in found:
        yield 'a job is started by ENTRYPOINT ["python3", "-m", "models"], which is missing'
    if not found or found[-1] != "COPY models /opt/bench/models":
        yield "its last instruction is not COPY models /opt/bench/models"
    if any("--mount" in line or "<<" in line for line in found):
        yield "it uses --mount or <<, which need BuildKit"
    for script in sorted(set(re.findall(r"/opt/build/common/([\w.-]+)", "\n".join(found)))):
        if not (paths.CONFIGURATIONS / "common" / script).is_file():
            yield f"it calls common/{script}, which is not there"


def _unstated(found: Configuration, device: Device) -> Iterator[str]:
    """Yield each version of config.toml that a lock does not pin."""
    lock = found.lock(device)
    held: dict[str, list[str]] = {}
    for pin in read_pins(lock):
        held.setdefault(pin.name, []).append(pin.version.partition("+")[0])
    stated = {name: backend.version for name, backend in found.backends.items()}
    for name, version in stated.items():
        if version not in held.get(name, []):
            pinned = " and ".join(held.get(name, [])) or "none"
            yield f"config.toml says {name} {version}, {lock.name} pins {pinned}"
    # keras-mxnet adds a number of its own to the version of Keras that it is.
    versions = [*held.get("keras", []), *held.get("keras-mxnet", [])]
    if not any(f"{version}.".startswith(f"{found.keras}.") for version in versions):
        pinned = " and ".join(held.get("keras", [])) or "none"
        yield f"config.toml says Keras {found.keras}, {lock.name} pins {pinned}"


def _locked(found: Configuration, device: Device) -> Iterator[Finding]:
    step = f"{device} lock"
    wanted, lock = found.wanted(device), found.lock(device)
    remedy = f"python -m runner lock {found.name}"
    if not lock.is_file():
        yield _say.problem(step, f"{lock.name} is missing", remedy)
        return
    try:
        stale = list(lock_problems(wanted, lock))
    except UnicodeDecodeError:
        yield _say.problem(step, f"{wanted.name} or {lock.name} is no text", remedy)
        return
    if not stale:
        remedy = f"correct config.toml, or {wanted.name}, then {remedy}"
    fine = f"{len(read_pins(lock))} packages, each with its hashes"
    yield from _say.each(step, stale or list(_unstated(found, device)), fine, remedy)


def index_findings(found: Configuration, tried: Device, build: BuildOptions) -> Iterator[Finding]:
    """Yield what the package index says of locks that fit their files.

    What cannot be had for the other device than ``tried`` is a note: PyTorch for the CPU is on no
    index that has it for a GPU.
    """
    for device in Device:
        step = f"{device} index"
        try:
            is_there = is_installable(found, device, build)
            other = lock_differences(found, device, build)
        except UnreachableError as error:
            yield _say.warning(step, f"not asked: {error}", _OTHER_INDEX)
            continue
        except BuildError as error:
            against = _say.problem if device is tried else _say.warning
            yield against(step, str(error), _OTHER_INDEX)
            continue
        if other:
            shown = ", ".join(other[:5]) + (", ..." if other[5:] else "")
            yield _say.problem(step, f"resolved anew, {device}.lock would differ in {shown}",
                               f"python -m runner lock {found.name}")  # fmt: skip
        elif is_there:
            yield _say.ok(step, f"has every package of {device}.lock")
        else:
            text = "packages so old are looked up when they are installed"
            yield _say.ok(step, f"resolves {device}.in; {text}")


# A model, from its files

_IMPORTED = {"numpy", "models", *sys.stdlib_module_names}


def model_files(name: str, folder: Path = paths.MODELS) -> list[Path]:
    """Return the files of that name in the suites' folders, whether or not they are registered."""
    return sorted(paths.suites(folder).glob(f"*/{name}.py"))


def model_findings(name: str, folder: Path = paths.MODELS) -> Iterator[Finding]:
    """Yield what the files of a model tell."""
    remedy = "docs/adding-a-model.md says what an entry holds"
    try:
        workload = read_workloads(folder).get(name)
    except ConfigurationError as error:
        yield _say.problem("registry", str(error), remedy)
        return
    files = model_files(name, folder)
    if workload is None:
        where = ", ".join(str(_shown(path.with_name(paths.SUITE))) for path in files)
        yield _say.problem("registry", f"{name} has no entry in {where or 'any suite'}", remedy)
    else:
        yield _say.ok(
            "registry",
            f"{workload.suite}: {workload.dataset}, batch {workload.batch_size}, "
            f"{workload.epochs} epochs, {workload.parameters:,} parameters",
        )
        files = [paths.suites(folder) / workload.suite / f"{name}.py"]
    for path in files:
        yield from _file(path)


def _file(path: Path) -> Iterator[Finding]:
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text, filename=path.name, feature_version=(3, 5))
    except (OSError, UnicodeDecodeError) as error:
        yield _say.problem("file", f"{_shown(path)}: {error}", "a model's file has its name")
        return
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        yield _say.problem("file", f"{_shown(path)}{line}: {getattr(error, 'msg', error)}",
                       "the images of 2017 have Python 3.5: keep to its syntax")  # fmt: skip
        return
    fine = f"{_shown(path)}, in the syntax of Python 3.5"
    remedy = f"correct {_shown(path)}: it runs on Python 3.5, with numpy and this package only"
    yield from _say.each("file", list(_unfit(tree)), fine, remedy)


def _unfit(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr | ast.AnnAssign):
            yield f"line {node.lineno}: f-strings and annotated variables came with Python 3.6"
        elif isinstance(node, ast.Import | ast.ImportFrom):
            modules = [getattr(node, "module", None) or "."]
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            for module in modules:
                if module.split(".")[0] not in _IMPORTED:
                    yield f"line {node.lineno}: imports {module}; layers come from the argument"
    if not any(isinstance(node, ast.ClassDef) for node in tree.body):
        yield "it holds no class that derives from Workload"
