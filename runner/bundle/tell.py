"""What the commands on bundles tell: what a bundle holds, and what can be run from it here."""

import shlex
from pathlib import Path

from runner import paths
from runner.bundle.load import load_bundle
from runner.bundle.manifest import MANIFEST_NAME, BundleManifest, KeptConfiguration
from runner.bundle.save import WantedBundle, save_bundle
from runner.bundle.verify import verify_bundle
from runner.environments.datasets import file_sha256
from runner.machine.docker_engine import connect_engine
from runner.report.console import print_line, print_note
from runner.spec.configuration import configuration_names, load_configurations
from runner.words import size_text


def tell_bundle(folder: Path, whole: BundleManifest) -> None:
    """Say what a bundle holds, and under which hash it can be known again."""
    size = size_text(sum(file.size for file in whole.files))
    print_line(f"{folder}: {len(whole.files)} files, {size}, made {whole.made}")
    print_line(f"  {MANIFEST_NAME}\n    sha256:{file_sha256(folder / MANIFEST_NAME)}")
    for kept in whole.configurations:
        base = kept.base.repo_digest or kept.base.digest
        print_line(f"  {kept.name} for {kept.device}\n    {kept.tag}")
        print_line(f"  its base {kept.base.name}\n    {base}")
    held = [Path(file.path).name for file in whole.data()]
    print_line(f"  data: {', '.join(held) or 'none'}")
    if whole.missing_data:
        print_line(f"  data not in it: {', '.join(whole.missing_data)}")


def bundle_command(kept: KeptConfiguration) -> str:
    """Return the command that runs a configuration from the images that were kept."""
    words = ["python", "-m", "runner", "--config", kept.name, "--device", str(kept.device)]
    if kept.name in configuration_names():
        usual = load_configurations([kept.name])[0].images.base(kept.device)
        words += [] if kept.base.name == usual else ["--base-image", kept.base.name]
    return shlex.join(words)


def save_and_tell(wanted: WantedBundle, folder: Path, engine: str | None) -> None:
    """Save a bundle, and say what it holds."""
    tell_bundle(
        folder, save_bundle(connect_engine(engine), wanted, folder, paths.cache(), print_note)
    )


def verify_and_tell(folder: Path) -> None:
    """Check a bundle, and say what it holds."""
    tell_bundle(folder, verify_bundle(folder, print_note))
    print_line("ok")


def load_and_tell(folder: Path, engine: str | None) -> None:
    """Load a bundle, and say how each of its configurations is run here."""
    whole = load_bundle(connect_engine(engine), folder, paths.cache(), print_note)
    tell_bundle(folder, whole)
    for kept in whole.configurations:
        print_line(f"{kept.name}: {bundle_command(kept)}")
        if kept.name not in configuration_names():
            print_line("  this checkout has no such configuration; take the commit that saved it")
        if kept.python is not None:
            wheels = shlex.quote(str(folder / "wheels"))
            print_line(
                f"  without the engine, with Python {kept.python.rpartition('.')[0]}: "
                f"--launcher local --wheels {wheels}"
            )
    print_line(
        "what a run would still build here: the same with 'plan' (python -m runner plan ...)"
    )
