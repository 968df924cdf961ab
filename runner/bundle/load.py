"""Loading a bundle into an engine and a cache, once all of it is verified."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from docker.errors import ImageNotFound

from runner.bundle.archive import archived_images
from runner.bundle.manifest import BundleFile, BundleManifest, KeptConfiguration, KeptImage
from runner.bundle.verify import verify_bundle
from runner.environments.datasets import file_sha256
from runner.environments.engine_calls import BROKEN
from runner.environments.image_content import held_content
from runner.errors import BundleError, MachineError
from runner.machine.docker_engine import Engine, give_name
from runner.store.atomic import whole_file
from runner.words import Say, size_text


def _content(engine: Engine, tag: str) -> str | None:
    try:
        return held_content(engine.client.images.get(tag))
    except ImageNotFound:
        return None


def _missing(engine: Engine, folder: Path, kept: KeptConfiguration) -> list[str]:
    """Return the names that loading would add. Raises MachineError if it would take one away."""
    archived = archived_images(folder / kept.archive)
    found = {image.tag: _content(engine, image.tag) for image in kept.images}
    for image in kept.images:
        for name in dict.fromkeys((image.tag, archived[image.tag].name)):
            if _content(engine, name) not in (None, image.content):
                raise MachineError(
                    f"the engine has another image named {name}; nothing was loaded\n"
                    f"give yours another name (docker tag, then docker rmi {name}), then load again"
                )
    return [tag for tag, content in found.items() if content is None]


def _feed(engine: Engine, path: Path, images: Iterable[KeptImage]) -> None:
    """Load an archive. Raises MachineError if it cannot be or gives other images."""
    with path.open("rb") as file:
        for answer in engine.client.api.load_image(file, quiet=False):
            if "error" in answer:
                raise MachineError(f"{path}: the engine cannot load it: {answer['error']}")
    names = {tag: image.name for tag, image in archived_images(path).items()}
    for image in images:
        if _content(engine, image.tag) is None and _content(engine, names[image.tag]) is not None:
            give_name(engine.client.images.get(names[image.tag]), image.tag)
            engine.client.images.remove(names[image.tag])
        if (found := _content(engine, image.tag)) != image.content:
            raise MachineError(
                f"{image.tag} is another image once loaded: its content is {found}, "
                f"expected {image.content}"
            )


def _load(engine: Engine, folder: Path, kept: KeptConfiguration, say: Say) -> None:
    missing = _missing(engine, folder, kept)
    if not missing:
        say(f"{kept.tag} is there already")
        return
    say(f"loading {kept.archive}")
    try:
        _feed(engine, folder / kept.archive, kept.images)
    except MachineError:
        for image in kept.images:
            there = _content(engine, image.tag)
            if there is not None and (image.tag in missing or there != image.content):
                engine.client.images.remove(image.tag)
        raise
    say(f"loaded {kept.tag}")


def _place(source: Path, file: BundleFile, cache: Path, say: Say) -> None:
    """Copy a data file to the cache, checked again where it lies then."""
    path = cache / "downloads" / Path(file.path).name
    if path.exists() and file_sha256(path) == file.sha256:
        say(f"{path} is there already")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with whole_file(path) as partial:
            shutil.copyfile(source, partial)
            if file_sha256(partial) != file.sha256:
                raise BundleError(f"{file.path}: changed while it was read")
    except OSError as error:
        raise MachineError(f"{path}: {error.strerror}") from error
    say(f"{path}: {size_text(file.size)}")


def load_bundle(engine: Engine, folder: Path, cache: Path, say: Say) -> BundleManifest:
    """Load a bundle's images into an engine and its data files into ``cache``.

    Everything is verified first, and no name that the engine has is taken from its image. Raises
    BundleError or MachineError.
    """
    whole = verify_bundle(folder, say)
    try:
        for kept in whole.configurations:
            _missing(engine, folder, kept)
        for kept in whole.configurations:
            _load(engine, folder, kept, say)
    except BROKEN as error:
        raise MachineError(f"the engine failed while images were loaded: {error}") from error
    for file in whole.data():
        _place(folder / file.path, file, cache, say)
    return whole
