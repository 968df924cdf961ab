"""Saving a bundle: whole under its name, or not at all."""

import errno
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import requests.exceptions
from docker.errors import APIError

from runner.bundle.archive import archived_images
from runner.bundle.manifest import (
    FOLDERS,
    BundleFile,
    BundleManifest,
    KeptBase,
    KeptConfiguration,
    KeptImage,
    write_manifest,
)
from runner.bundle.packages import download_packages, streamed
from runner.environments.datasets import DOWNLOADS, dataset_states, fetch_dataset, file_sha256
from runner.environments.image import (
    ImagePlan,
    build_stages,
    find_base,
    fresh_build_log,
    image_plan,
    kept_name,
)
from runner.environments.patience import Making
from runner.errors import EngineError, MachineError, UsageError
from runner.machine.docker_engine import Engine, give_name
from runner.machine.identity import describe_identity
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Configuration, Device
from runner.spec.workload import DataSource
from runner.words import Say, size_text

_SAY_EVERY_SECONDS = 5.0


@dataclass(frozen=True)
class WantedBundle:
    """What to save. ``source`` None means the real data as far as it is cached."""

    configurations: Sequence[Configuration]
    device: Device
    options: BuildOptions
    source: DataSource | None = None


@contextmanager
def _becoming(folder: Path) -> Iterator[Path]:
    """Give a partial folder that becomes ``folder`` only if the block succeeds."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder}: is there already; name a new folder")
    part = folder.with_name(folder.name + ".part")
    try:
        part.mkdir(parents=True)
    except FileExistsError as error:
        raise UsageError(
            f"{part}: another save is writing it, or left it when it was killed; then remove it"
        ) from error
    except OSError as error:
        raise UsageError(f"{part}: {error.strerror}") from error
    try:
        for name in FOLDERS:
            (part / name).mkdir()
        yield part
        part.rename(folder)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        free = shutil.disk_usage(folder.parent).free
        raise MachineError(
            f"{folder.parent}: no space left, {size_text(free)} free; nothing was kept"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _plan(
    engine: Engine, wanted: WantedBundle, configuration: Configuration, making: Making
) -> ImagePlan:
    """Have the engine hold every stage of a configuration, and return what they are."""
    name = wanted.options.base_image or configuration.images.base(wanted.device)
    base = find_base(engine, name, wanted.options.pull_seconds, making)
    plan = image_plan(configuration, wanted.device, base)
    for upto in range(len(plan.stages)):
        build_stages(engine, plan, upto, wanted.options, making)
    return plan


def _require_space(
    engine: Engine, plans: list[ImagePlan], folder: Path, extra: int, say: Say
) -> None:
    """Fail before anything is written if the images alone do not fit."""
    sizes = [int(engine.client.images.get(plan.tag).attrs["Size"]) for plan in plans]
    needed = sum(sizes) + extra
    free = shutil.disk_usage(folder).free
    say(f"about {size_text(needed)} of images and data, and the wheels; {size_text(free)} free")
    if needed > free:
        raise MachineError(
            f"{folder.parent}: {size_text(free)} free, a bundle of these images needs "
            f"{size_text(needed)} and the wheels' size\n"
            "name a folder on a larger disk, or fewer configurations (--config)"
        )


def _write(path: Path, pieces: Iterator[bytes], name: str, say: Say) -> None:
    """Write a file piece by piece, saying how far it is."""
    written, began = 0, time.monotonic()
    due = began + _SAY_EVERY_SECONDS
    with path.open("xb") as file:
        for piece in pieces:
            file.write(piece)
            written += len(piece)
            if time.monotonic() > due:
                say(f"{name}: {size_text(written)} so far")
                due += _SAY_EVERY_SECONDS
        file.flush()
        os.fsync(file.fileno())
    say(f"{name}: {size_text(written)} in {time.monotonic() - began:.0f} s")


def _images(engine: Engine, plan: ImagePlan, part: Path, path: str, say: Say) -> list[KeptImage]:
    """Write the archive of a plan's images, and return them: the base, then each stage."""
    base = plan.base.local
    if (tag := kept_name(base)) is not None:
        give_name(engine.client.images.get(base), tag)  # a digest gets a tag to live on
        base = tag
    names = [base, *(stage.tag for stage in plan.stages)]
    try:
        # One archive: layers that the images share lie in it once.
        with closing(streamed(engine, "images/get", {"names": names})) as pieces:
            _write(part / path, pieces, path, say)
        found = archived_images(part / path)
        kept = [
            KeptImage(tag=tag, config=image.config, content=image.content)
            for tag, image in found.items()
        ]
        # The engine may write the base's name out: "debian" as "debian:latest".
        kept.sort(key=lambda image: names.index(image.tag) if image.tag in names else 0)
    except (APIError, requests.exceptions.RequestException) as error:
        raise EngineError(f"{plan.configuration.name}: images cannot be saved: {error}") from error
    if len(kept) != len(names):
        raise UsageError(
            f"base image {plan.base.name}: has no name that lasts; give it one "
            "(docker tag) and name that with --base-image"
        )
    return kept


def _kept(
    engine: Engine, plan: ImagePlan, options: BuildOptions, part: Path, log: Path, say: Say
) -> KeptConfiguration:
    """Write the images and the wheels of a configuration, and return what they are."""
    name = plan.configuration.name
    path = f"images/{name}-{plan.device}.tar"
    kept = _images(engine, plan, part, path, say)
    began = time.monotonic()
    python, files = download_packages(engine, plan, options, part / "wheels", log)
    size = size_text(sum(path.stat().st_size for path in files))
    say(f"wheels of {name}: {len(files)}, {size} in {time.monotonic() - began:.0f} s")
    return KeptConfiguration(
        name=name,
        device=plan.device,
        tag=plan.tag,
        base=KeptBase(
            name=plan.base.name, digest=plan.base.digest, repo_digest=plan.base.repo_digest
        ),
        lock_sha256=plan.lock_sha256,
        archive=path,
        images=tuple(kept),
        python=python,
        wheels=tuple(sorted(f"wheels/{path.name}" for path in files)),
    )


def _sources(source: DataSource | None, cache: Path, say: Say) -> tuple[list[Path], list[str]]:
    """Return the files of real data sets to keep, and the names of those that are missing."""
    if source not in (None, DataSource.REAL):
        return [], []  # jobs make that data themselves
    if source is DataSource.REAL:
        return [fetch_dataset(item, cache) for item in DOWNLOADS.values()], []
    kept, missing = [], []
    for item, path, state in dataset_states(cache):
        if state == "ok":
            kept.append(path)
        else:
            missing.append(item.dataset)
            say(f"data: {item.dataset} is left out: {path} is {state} "
                "(python -m runner data fetch)")  # fmt: skip
    return kept, missing


def _file(part: Path, path: Path) -> BundleFile:
    name = path.relative_to(part).as_posix()
    return BundleFile(path=name, size=path.stat().st_size, sha256=file_sha256(path))


def save_bundle(
    engine: Engine, wanted: WantedBundle, folder: Path, cache: Path, say: Say
) -> BundleManifest:
    """Write the images, wheels and data of configurations to ``folder``, which must be new.

    What is not built yet is built. The folder appears under its name when it is whole. Raises
    UsageError, BuildError, DataError, MachineError or EngineError.
    """
    sources, missing = _sources(wanted.source, cache, say)
    with _becoming(folder) as part:
        plans = []
        for configuration in wanted.configurations:
            log = fresh_build_log(cache, configuration, wanted.device)
            plans.append((_plan(engine, wanted, configuration, Making(log, say)), log))
        data_bytes = sum(path.stat().st_size for path in sources)
        _require_space(engine, [plan for plan, _ in plans], part, data_bytes, say)
        kept = [_kept(engine, plan, wanted.options, part, log, say) for plan, log in plans]
        for path in sources:
            say(f"data/{path.name}: {size_text(path.stat().st_size)}")
            shutil.copyfile(path, part / "data" / path.name)
        say("hashing every file")
        about = describe_identity(None)
        paths = sorted(path for name in FOLDERS for path in (part / name).iterdir())
        whole = BundleManifest(
            made=datetime.now(UTC).isoformat(timespec="seconds"),
            runner_version=str(about["runner_version"]),
            git_commit=about["git_commit"],
            models_sha256=str(about["models_sha256"]),
            configurations=tuple(kept),
            missing_data=tuple(missing),
            files=tuple(_file(part, path) for path in paths),
        )
        write_manifest(part, whole)
    return whole
