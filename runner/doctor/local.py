"""What jobs need that are processes of this machine: interpreters, programs and libraries."""

from collections.abc import Iterator, Mapping

from runner.doctor.asked import AskedRun, text_and_remedy
from runner.environments.venv import environment_folder, is_environment_made, python_for
from runner.errors import BuildError
from runner.machine.interpreters import Installed
from runner.plan.interpreter import MISSING_REMEDY, differences, lack_of
from runner.plan.libraries import LACKING_REMEDY
from runner.plan.preflight import misfits
from runner.report.findings import Finding, Reporter
from runner.spec.configuration import Configuration, Device

_say = Reporter("local")


def _interpreter(configuration: Configuration, asked: AskedRun) -> Finding:
    device = Device.GPU if asked.card.value else Device.CPU
    folder = environment_folder(configuration, device, asked.cache)
    if is_environment_made(folder):
        return _say.ok(configuration.name, "its environment is made")
    try:
        python = python_for(configuration)
    except BuildError as error:
        text, _, remedy = str(error).partition("; ")
        if asked.runs_locally:
            return _say.problem(configuration.name, text, remedy)
        return _say.ok(configuration.name, f"{text} (only for --launcher local)")
    return _say.ok(configuration.name, f"Python {python}" if "/" in python
                   else f"uv fetches Python {python}")  # fmt: skip


def local_pythons(asked: AskedRun) -> list[Finding]:
    """Say for each chosen configuration which Python its environment has or would have."""
    if asked.python is None:
        return [_interpreter(c, asked) for c in asked.configurations]
    if (error := asked.installed.error) is not None:
        return [_say.problem("--python", *text_and_remedy(error))]
    installed = asked.installed.value
    assert installed is not None
    return [
        _say.ok("--python", f"{asked.python} is Python {installed.python}, taken as it is"),
        *_packages(asked, installed),
    ]


def _packages(asked: AskedRun, installed: Installed) -> Iterator[Finding]:
    """Say which chosen backends a given interpreter has. One of them is enough for a run."""
    named = {name for c in asked.configurations for name in c.backends}
    chosen = sorted(named & set(asked.backend) if asked.backend else named)
    lacks = {name: lack for name in chosen if (lack := lack_of(name, installed)) is not None}
    for name in chosen:
        if name not in lacks:
            version = installed.version_of(name) or "of unknown version"
            yield _say.ok(name, f"{version}, keras {installed.version_of('keras')}")
        elif len(lacks) == len(chosen):
            yield _say.problem(name, lacks[name], MISSING_REMEDY)
        else:
            yield _say.warning(name, lacks[name], MISSING_REMEDY)
    for text in differences(asked.configurations, chosen, installed):
        yield _say.warning("--python", text, "its figures are of what it has")


def local_needs(asked: AskedRun) -> Iterator[Finding]:
    """Say which programs and libraries a backend lacks, where no image would bring them."""
    if not asked.runs_locally:
        return
    lacks = asked.lacks
    report = _say.problem if all(lacks.values()) else _say.warning
    for (configuration, backend), text in lacks.items():
        if text is not None:
            yield report(f"{configuration} {backend}", text, LACKING_REMEDY)


def something_left(asked: AskedRun) -> Iterator[Finding]:
    """Say where each backend lacks something, though no one thing is lacking to all of them."""
    card = asked.card.value
    against: list[Mapping[tuple[str, str], object]] = []
    if card is not None:
        against.append(misfits(asked.configurations, asked.backend, card))
    if asked.runs_locally:
        against.append(asked.lacks)
    installed = asked.installed.value
    if installed is not None and asked.lacks:
        against.append({pair: lack_of(pair[1], installed) for pair in asked.lacks})
    if any(all(reasons.values()) for reasons in against):
        return
    pairs = {pair for reasons in against for pair in reasons}
    if pairs and all(any(reasons[pair] for reasons in against) for pair in pairs):
        yield _say.problem("backends", "none of the chosen ones can run: see the warnings")
