"""Images: from a configuration's folder to a built image, named after all that went into it."""

import io
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import requests.exceptions
from docker.errors import DockerException, ImageNotFound
from docker.models.images import Image as EngineImage
from docker.utils import parse_repository_tag

from runner import paths
from runner.environments.engine_calls import (
    BROKEN,
    OutOfTimeError,
    cut_off_after,
    is_passing,
)
from runner.environments.image_content import held_content
from runner.environments.lockfile import uncovered, wheels_of
from runner.environments.patience import Making, Patience, call_again
from runner.environments.recipe import (
    FINISHED,
    Stage,
    read_input,
    recipe_files,
    recipe_stages,
    sha256_of,
)
from runner.environments.wheels import with_own_wheels
from runner.errors import BuildError, EngineError, MachineError
from runner.locks import alone
from runner.machine.docker_engine import LABEL, Engine, explained, plain_tag, refusals
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Configuration, Device
from runner.words import printable

ALL_THERE = ".complete"
_SHOWN = 76
_BASE_LABEL = f"{LABEL}.base"
_REPO_DIGEST_LABEL = f"{LABEL}.base-repo-digest"


@dataclass(frozen=True)
class FoundBase:
    """The image that a recipe begins at.

    ``name`` is what was asked for, ``local`` what this engine calls it, ``digest`` the hash of its
    content, the same in every engine, ``repo_digest`` the digest under which a registry serves it,
    if the engine knows one.
    """

    name: str
    local: str
    digest: str
    repo_digest: str | None


@dataclass(frozen=True)
class Image:
    """A built image. ``digest`` is its id in the engine, ``base_digest`` its base's content hash.

    ``base_repo_digest`` is its base's digest in a registry, as known when it was built.
    """

    tag: str
    digest: str
    base_digest: str
    lock_sha256: str
    base_repo_digest: str | None = None


def kept_name(base: str) -> str | None:
    """Return a tag for a base that is named by digest, which an engine forgets when it loads one.

    None for a base that is named by tag.
    """
    _, at, digest = base.partition("@sha256:")
    return f"{LABEL}/base:{digest}" if at else None


def _repo_digest(found: EngineImage, name: str) -> str | None:
    """Return an image's digest in the registry that ``name`` means, or in any."""
    repository = parse_repository_tag(parse_repository_tag(name)[0])[0]
    known = dict(one.split("@", 1) for one in found.attrs.get("RepoDigests") or [])
    return known.get(repository) or next(iter(known.values()), None)


def held_base(engine: Engine, base: str) -> FoundBase | None:
    """Return the base image if the engine holds it."""
    for name in filter(None, (base, kept_name(base))):
        with suppress(ImageNotFound):
            found = engine.client.images.get(name)
            return FoundBase(base, name, held_content(found), _repo_digest(found, base))
    return None


def find_base(engine: Engine, base: str, seconds: float, making: Making) -> FoundBase:
    """Return the base image named ``base``, pulled if the engine does not hold it.

    Raises BuildError if it cannot be had within ``seconds``.
    """

    def pull() -> FoundBase:
        with cut_off_after(engine, seconds, making):
            pulled = engine.client.images.pull(base)
        return FoundBase(base, base, held_content(pulled), _repo_digest(pulled, base))

    try:
        if (held := held_base(engine, base)) is not None:
            return held
        making.say(f"pulling {base}")
        return call_again(making.say, is_passing, Patience(attempts=3), pull)
    except OutOfTimeError:
        raise BuildError(
            f"the base image {base} took longer than {seconds:.0f} s to pull (--pull-timeout)"
        ) from None
    except (*BROKEN, *refusals()) as error:
        raise BuildError(
            f"the base image {base} cannot be pulled ({explained(error)}); "
            "name another, such as a mirror's, with --base-image"
        ) from error


def add_file(tar: tarfile.TarFile, name: str, content: IO[bytes]) -> None:
    """Add a file so that the same content gives the same bytes."""
    entry = tarfile.TarInfo(name)
    entry.size = content.seek(0, io.SEEK_END)
    content.seek(0)
    entry.mode = 0o755 if name.endswith(".sh") else 0o644
    tar.addfile(entry, content)


def add_ways(tar: tarfile.TarFile, options: BuildOptions, lock: bytes) -> None:
    """Add how packages are reached: the CA bundle, and the wheels that a lock names.

    An empty file says whether these are all that the lock needs.
    """
    bundle = read_input(options.ca_bundle, "CA bundle") if options.ca_bundle else b""
    add_file(tar, "ca-bundle.pem", io.BytesIO(bundle))
    fitting = wheels_of(options.wheel_folders, lock)
    for path in fitting:
        with path.open("rb") as file:
            add_file(tar, f"wheels/{path.name}", file)
    mark = ".keep" if uncovered(lock, fitting.values()) else ALL_THERE
    add_file(tar, f"wheels/{mark}", io.BytesIO())


def _labelled(dockerfile: bytes, labels: Mapping[str, str]) -> bytes:
    """Return a Dockerfile that ends with labels in one step: an engine makes a step of each.

    They are names of images and configurations, which hold nothing that would need quoting.
    """
    assignments = " ".join(f'{name}="{label}"' for name, label in labels.items())
    return dockerfile + f"\nLABEL {assignments}\n".encode()


def _context(stage: Stage, labels: Mapping[str, str], options: BuildOptions) -> IO[bytes]:
    """Return a stage's build context as a tar in a temporary file."""
    packed = tempfile.TemporaryFile()  # noqa: SIM115 - the caller's to close
    files = stage.files | {"Dockerfile": _labelled(stage.files["Dockerfile"], labels)}
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in files.items():
            add_file(tar, name, io.BytesIO(content))
        add_ways(tar, options, stage.files.get("requirements.lock", b""))
    packed.seek(0)
    return packed


def _follow(answers: Iterator[dict[str, Any]], making: Making) -> str | None:
    """Write a build's output to its log as it comes and return its error, if any."""
    with making.log.open("a", encoding="utf-8") as file:
        for answer in answers:
            text = answer.get("stream") or answer.get("error", "")
            file.write(text)
            file.flush()
            if text.startswith("Step "):
                making.say(printable(text.splitlines()[0].encode())[:_SHOWN])
            if "error" in answer:
                return str(answer["error"]).strip()
    return None


def _count_held(engine: Engine, stages: Sequence[Stage]) -> int:
    """Return how many of the first stages need not be built: those up to the last that is held."""
    for number, stage in reversed(list(enumerate(stages, start=1))):
        with suppress(ImageNotFound):
            engine.client.images.get(stage.tag)
            return number
    return 0


@dataclass(frozen=True)
class ImagePlan:
    """What an image is to be built from: its base on this engine, and its stages, the last last."""

    configuration: Configuration
    device: Device
    base: FoundBase
    lock_sha256: str
    stages: tuple[Stage, ...]

    @property
    def tag(self) -> str:
        """Return the finished image's name."""
        return self.stages[-1].tag


def image_plan(configuration: Configuration, device: Device, base: FoundBase) -> ImagePlan:
    """Return how a configuration's image is built on ``base``; builds nothing."""
    files = recipe_files(configuration, device)
    stages = recipe_stages(configuration, device, files, base.local, base.digest)
    return ImagePlan(
        configuration, device, base, sha256_of(files["requirements.lock"]), tuple(stages)
    )


@dataclass(frozen=True)
class FoundImage:
    """What an engine holds of an image, found without making or fetching anything.

    ``tag`` is the finished image's name, None where that cannot be told before the base image is
    there. ``held`` names the stage that a build would begin at, and ``missing`` those that it
    would make.
    """

    base: str
    tag: str | None = None
    held: str | None = None
    missing: tuple[str, ...] = ()

    @property
    def is_there(self) -> bool:
        """Return whether there is nothing to build."""
        return self.tag is not None and not self.missing

    @property
    def has_layers(self) -> bool:
        """Return whether the large layers are there: at most ``models/`` is to be added."""
        return self.tag is not None and len(self.missing) <= 1


@contextmanager
def _listing() -> Iterator[None]:
    try:
        yield
    except (DockerException, requests.exceptions.RequestException) as error:
        raise MachineError(f"the Docker engine does not list its images: {error}") from error


@_listing()
def find_image(
    engine: Engine, configuration: Configuration, device: Device, options: BuildOptions
) -> FoundImage:
    """Return what the engine holds of a configuration's image for ``device``.

    Raises MachineError where the engine does not say what it holds.
    """
    name = options.base_image or configuration.images.base(device)
    base = held_base(engine, name)
    if base is None:
        return FoundImage(name)
    wanted = image_plan(configuration, device, base)
    held = _count_held(engine, wanted.stages)
    names = [stage.name for stage in wanted.stages]
    return FoundImage(name, wanted.tag, names[held - 1] if held else None, tuple(names[held:]))


@_listing()
def known_image_size(
    engine: Engine, configuration: Configuration, device: Device, tag: str | None
) -> int | None:
    """Return a finished image's size in bytes, its base included.

    Where the engine does not hold it, that of the newest of the same configuration and device;
    None where there is none. Raises MachineError where the engine does not say what it holds.
    """
    prefix = f"{LABEL}/{configuration.name}:{device}-"
    labels = [f"{LABEL}.configuration={configuration.name}", f"{LABEL}.stage={FINISHED}"]
    held = engine.client.images.list(filters={"label": labels})
    named = [({plain_tag(name) for name in image.tags}, image) for image in held]
    fit = [(tags, image) for tags, image in named if any(t.startswith(prefix) for t in tags)]
    fit.sort(key=lambda found: (tag in found[0], str(found[1].attrs.get("Created"))))
    return fit[-1][1].attrs.get("Size") if fit else None


def _build(
    engine: Engine, wanted: ImagePlan, stage: Stage, options: BuildOptions, making: Making
) -> None:
    making.say(f"building {stage.tag}")
    if "requirements.lock" in stage.files:
        options = with_own_wheels(
            wanted.configuration, wanted.device, options, paths.cache(), making
        )
    arguments = {
        "BASE_IMAGE": stage.base,
        "DEVICE": str(wanted.device),
        "PIP_INDEX_URL": options.package_index or "",
    }
    labels = {
        LABEL: "image",
        f"{LABEL}.configuration": wanted.configuration.name,
        f"{LABEL}.stage": stage.name,
        _BASE_LABEL: wanted.base.name,
        _REPO_DIGEST_LABEL: wanted.base.repo_digest or "",
    }

    def attempt() -> None:
        whole = cut_off_after(engine, options.build_seconds, making)
        with _context(stage, labels, options) as context, whole:
            answers = engine.client.api.build(
                fileobj=context, custom_context=True, tag=stage.tag, buildargs=arguments,
                rm=True, forcerm=True, decode=True,
            )  # fmt: skip
            if problem := _follow(answers, making):
                raise EngineError(problem)

    try:
        call_again(making.say, is_passing, Patience(attempts=3), attempt)
    except OutOfTimeError:
        raise BuildError(
            f"it took longer than {options.build_seconds:.0f} s (--build-timeout); see {making.log}"
        ) from None
    except (EngineError, *BROKEN, *refusals()) as error:
        raise BuildError(f"{explained(error)}; see {making.log}") from None


def build_stages(
    engine: Engine, wanted: ImagePlan, upto: int, options: BuildOptions, making: Making
) -> None:
    """Have the engine hold stage ``upto`` of a plan, counted from 0. Raises BuildError."""
    held = _count_held(engine, wanted.stages[: upto + 1])
    if held:
        making.say(f"{wanted.stages[held - 1].tag} is up to date")
    for stage in wanted.stages[held : upto + 1]:
        # The second of two that do the same work finds what the first has made in the engine's
        # cache; at the same time both would fetch it.
        with alone(paths.cache() / "locks" / stage.work, making.check):
            _build(engine, wanted, stage, options, making)


def build_image(
    engine: Engine,
    configuration: Configuration,
    device: Device,
    options: BuildOptions,
    making: Making,
) -> Image:
    """Return the configuration's image for ``device``, building it if its inputs changed.

    The tag holds a hash of the recipe, the locked requirements, ``models/`` and the base image's
    content. Raises BuildError, and UnwantedError once nobody wants it any more.
    """
    name = options.base_image or configuration.images.base(device)
    base = find_base(engine, name, options.pull_seconds, making)
    wanted = image_plan(configuration, device, base)
    build_stages(engine, wanted, len(wanted.stages) - 1, options, making)
    found = engine.client.images.get(wanted.tag)
    return Image(
        wanted.tag,
        str(found.id),
        base.digest,
        wanted.lock_sha256,
        found.labels.get(_REPO_DIGEST_LABEL) or None,
    )


def fresh_build_log(cache: Path, configuration: Configuration, device: Device) -> Path:
    """Return the file for the output of a build that belongs to no run, emptied of an older one."""
    log = cache / "build-logs" / f"{configuration.name}-{device}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    return log
