"""What the commands on bundles tell: what a bundle holds, and what can be run from it here."""

from __future__ import annotations

import shlex
from pathlib import Path

from runner import config_files as configs
from runner import images, paths, units
from runner.bundle.load import load
from runner.bundle.manifest import NAME as MANIFEST
from runner.bundle.manifest import Kept, Manifest
from runner.bundle.save import Wanted, save
from runner.bundle.verify import verify
from runner.commands.console import note, out
from runner.data import file_sha256
from runner.engine import Engine, connect


def say(line: str) -> None:
    """Print a line as it is, however long."""
    out.print(line, highlight=False, soft_wrap=True, markup=False)


def tell(folder: Path, whole: Manifest) -> None:
    """Say what a bundle holds, and under which hash it can be known again."""
    say(f"{folder}: {len(whole.files)} files, {units.size(whole.size)}, made {whole.made}")
    say(f"  {MANIFEST}\n    sha256:{file_sha256(folder / MANIFEST)}")
    for kept in whole.configurations:
        base = kept.base.repo_digest or kept.base.digest
        say(f"  {kept.name} for {kept.device}\n    {kept.tag}")
        say(f"  its base {kept.base.name}\n    {base}")
    held = [Path(file.path).name for file in whole.data()]
    say(f"  data: {', '.join(held) or 'none'}")
    if whole.missing_data:
        say(f"  data not in it: {', '.join(whole.missing_data)}")


def state(engine: Engine, kept: Kept) -> str:
    """Return what the first run here will do, as this checkout may be another than the saver's."""
    if kept.name not in configs.names():
        return "this checkout has no such configuration; take the commit that saved it"
    base = images.held_base(engine, kept.base.name)
    if base is None:
        return f"the base image {kept.base.name} is not there under its name"
    stages = images.plan(configs.load([kept.name])[0], kept.device, base).stages
    there = {image.tag for image in kept.images}
    missing = [stage.name for stage in stages if stage.tag not in there]
    if not missing:
        return "runs as it is"
    if missing == ["models"]:
        return "models/ are not those that were saved: the first run copies them in, offline too"
    return (
        f"this checkout's {missing[0]} is not the one that was saved: the first run builds it, "
        "which needs its packages (--wheels, or a network)"
    )


def command(kept: Kept) -> str:
    """Return the command that runs a configuration from the images that were kept."""
    words = ["python", "-m", "runner", "--config", kept.name, "--device", str(kept.device)]
    if kept.name in configs.names():
        usual = configs.load([kept.name])[0].images.base(kept.device)
        words += [] if kept.base.name == usual else ["--base-image", kept.base.name]
    return shlex.join(words)


def save_and_tell(wanted: Wanted, folder: Path, engine: str | None) -> None:
    """Save a bundle, and say what it holds."""
    tell(folder, save(connect(engine), wanted, folder, paths.cache(), note))


def verify_and_tell(folder: Path) -> None:
    """Check a bundle, and say what it holds."""
    tell(folder, verify(folder, note))
    say("ok")


def load_and_tell(folder: Path, engine: str | None) -> None:
    """Load a bundle, and say how each of its configurations is run here."""
    reached = connect(engine)
    whole = load(reached, folder, paths.cache(), note)
    tell(folder, whole)
    for kept in whole.configurations:
        say(f"{kept.name}: {state(reached, kept)}")
        say(f"  {command(kept)}")
        if kept.python is not None:
            wheels = shlex.quote(str(folder / "wheels"))
            say(
                f"  without the engine, with Python {kept.python.rpartition('.')[0]}: "
                f"--launcher local --wheels {wheels}"
            )
