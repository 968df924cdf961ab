"""What an engine holds of ours: images, job containers, compile caches.

Ours is what has our label. Labels are inherited, so an image must have a name of ours too: one
that somebody builds on top of ours is theirs.
"""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import requests.exceptions
from docker.errors import APIError, DockerException, NotFound

from runner.clean.folders import measure_extent
from runner.clean.image_sizes import History, freed_bytes, history_of
from runner.clean.items import Item, Kind, RemovalError
from runner.errors import MachineError
from runner.locks import image_marker, last_use, sole_use
from runner.machine.docker_engine import LABEL, Engine, cache_volume, plain_tag
from runner.machine.owner import Owner

_BROKEN = (DockerException, OSError)  # what requests raises is an OSError
_NOT_UNDERSTOOD = (KeyError, TypeError, ValueError, AttributeError)


@dataclass(frozen=True)
class _Held:
    """What an engine holds, as its lists tell it. ``label`` marks what is ours."""

    engine: Engine
    label: str
    cache: Path
    images: list[dict[str, Any]]
    containers: list[dict[str, Any]]
    volumes: list[dict[str, Any]]

    @property
    def place(self) -> Path | None:
        """Return a folder of the disk that the engine fills, None if that is not seen here."""
        return self.engine.data_root

    def ours(self, entries: list[dict[str, Any]], role: str) -> list[dict[str, Any]]:
        """Return the entries whose label says that they are ours."""
        return [entry for entry in entries if (entry.get("Labels") or {}).get(self.label) == role]

    def is_dead(self, labels: dict[str, str]) -> bool:
        """Return whether it is certain that the runner of a job's container has ended."""
        owner = Owner.parse(labels.get(f"{self.label}.owner", ""))
        return owner is not None and owner.is_dead


@contextmanager
def _removing(name: str) -> Iterator[None]:
    """Say what the engine refuses; what has gone by then needs no removal."""
    try:
        yield
    except NotFound:
        return
    except requests.exceptions.ReadTimeout as error:
        text = f"{name}: the engine does not answer; it may still be removing it"
        raise RemovalError(text) from error
    except _BROKEN as error:
        said = error.explanation if isinstance(error, APIError) and error.explanation else error
        raise RemovalError(f"{name}: {said}") from error


def _volume_bytes(held: _Held, entry: dict[str, Any]) -> int | None:
    """Return the bytes of a volume where its folder can be read from here."""
    folder = Path(entry.get("Mountpoint") or "")
    is_seen = held.place is not None and folder.is_absolute() and os.access(folder, os.R_OK)
    return measure_extent(folder).bytes if is_seen else None


def _users_of_volumes(held: _Held) -> set[str]:
    """Return the names of the volumes that a container has, running or not."""
    mounts = [mount for entry in held.containers for mount in entry.get("Mounts") or []]
    return {mount["Name"] for mount in mounts if isinstance(mount, dict) and mount.get("Name")}


@dataclass(frozen=True)
class _Image:
    """One of our images. ``layers`` are its layers' ids, the base's first."""

    digest: str
    name: str
    layers: list[str]
    used: datetime
    reason: str | None


def _tags(entry: dict[str, Any]) -> list[str]:
    tags = [tag for tag in entry.get("RepoTags") or [] if tag != "<none>:<none>"]
    return [plain_tag(tag) for tag in tags]


def _image(held: _Held, entry: dict[str, Any], users: dict[str, str]) -> _Image | None:
    """Return one of our images as it is by itself; None if it has no name of ours."""
    digest, prefix = entry["Id"], f"{held.label}/"
    tags = _tags(entry)
    ours = [tag for tag in tags if tag.startswith(prefix)]
    if not ours:
        return None
    try:
        layers = held.engine.client.images.get(digest).attrs["RootFS"]["Layers"]
    except NotFound:
        return None
    marker = image_marker(held.cache, digest)
    with sole_use(marker) as is_free:
        reason = None if is_free else "a run uses it"
    if digest in users:
        reason = f"container {users[digest]} uses it"
    if ours != tags:
        reason = f"it is also called {next(tag for tag in tags if tag not in ours)}"
    return _Image(
        digest,
        ours[0].removeprefix(prefix),
        layers,
        last_use(marker) or datetime.fromtimestamp(entry["Created"], UTC),
        reason,
    )


def _container_name(entry: dict[str, Any]) -> str:
    """Return a container's name; one that is being removed has none, and is known by its id."""
    names = entry.get("Names") or [""]
    return str(names[0]).lstrip("/") or str(entry["Id"])[:12]


def _with_those_above(found: list[_Image]) -> list[_Image]:
    """Return our images, those that others are built on first: used and kept as long as these."""
    together = []
    for image in sorted(found, key=lambda image: len(image.layers)):
        count = len(image.layers)
        above = [o for o in found if o.layers[:count] == image.layers and o.layers[count:]]
        reason = image.reason or next((f"{o.name} stays" for o in above if o.reason), None)
        used = max(one.used for one in (image, *above))
        together.append(replace(image, used=used, reason=reason))
    return together


def _history(held: _Held, digest: str) -> History:
    try:
        return history_of(held.engine.client.api.history(digest))
    except NotFound:
        return ()


def _freed(held: _Held, ours: list[_Image]) -> dict[str, int]:
    """Return the bytes that go with each image, those that stay as if they went last."""
    names = {image.digest for image in ours}
    staying = [_history(held, e["Id"]) for e in held.images if e["Id"] not in names]
    order = sorted(ours, key=lambda o: (o.reason is not None, o.used, -len(o.layers)))
    return freed_bytes({o.digest: _history(held, o.digest) for o in order}, staying)


def _images(held: _Held) -> Iterator[Item]:
    """Yield our images, those that others are built on before these.

    Each goes with the compile cache that nothing but its jobs can use.
    """
    users = {str(entry.get("ImageID")): _container_name(entry) for entry in held.containers}
    volumes = {entry["Name"]: entry for entry in held.ours(held.volumes, "cache")}
    seen = [_image(held, entry, users) for entry in held.ours(held.images, "image")]
    ours = _with_those_above([image for image in seen if image is not None])
    freed = _freed(held, ours)
    for image in ours:
        volume = volumes.get(cache_volume(image.digest, held.label))
        cached = (_volume_bytes(held, volume) if volume else None) or 0  # at least the image
        yield Item(
            Kind.IMAGES,
            image.name,
            freed[image.digest] + cached,
            image.used,
            held.place,
            image.reason or "not in use",
            None if image.reason else partial(_remove_image, held, image.digest),
        )


def _remove_image(held: _Held, digest: str) -> None:
    """Remove an image under all its names, and its compile cache. The engine guards its use."""
    images = held.engine.client.images
    marker = image_marker(held.cache, digest)
    with sole_use(marker) as is_free:
        if not is_free:
            raise RemovalError(f"{digest}: a run uses it")
        with _removing(digest):
            tags = images.get(digest).tags
            if not all(plain_tag(tag).startswith(f"{held.label}/") for tag in tags):
                raise RemovalError(f"{digest}: it got another name meanwhile")
            for tag in tags:
                images.remove(tag, force=False)
        try:
            marker.unlink(missing_ok=True)
        except OSError as error:
            raise RemovalError(f"{marker}: {error.strerror}") from error
    _remove_volume(held, cache_volume(digest, held.label))


def _remove_volume(held: _Held, name: str) -> None:
    """Remove a compile cache; a volume of that name without our label is not one."""
    with _removing(name):
        volume = held.engine.client.volumes.get(name)
        if (volume.attrs.get("Labels") or {}).get(held.label) == "cache":
            volume.remove(force=False)


def _volumes(held: _Held) -> Iterator[Item]:
    """Yield the compile caches whose image is gone."""
    there = {cache_volume(entry["Id"], held.label) for entry in held.images}
    users = _users_of_volumes(held)
    for entry in held.ours(held.volumes, "cache"):
        name = entry["Name"]
        if name not in there:
            yield Item(
                Kind.CACHES,
                name.removeprefix(f"{held.label}-"),
                _volume_bytes(held, entry),
                datetime.fromisoformat(entry["CreatedAt"]),
                held.place,
                "a container uses it" if name in users else "its image is gone",
                None if name in users else partial(_remove_volume, held, name),
                is_waste=True,
            )


def _containers(held: _Held) -> Iterator[Item]:
    """Yield the containers of jobs. Only one whose runner is certainly dead may go."""
    for entry in held.ours(held.containers, "job"):
        is_dead = held.is_dead(entry["Labels"])
        yield Item(
            Kind.CONTAINERS,
            f"{entry['Id'][:12]} of run {entry['Labels'].get(f'{held.label}.run', '?')}",
            0,  # a job's container cannot write to its root
            datetime.fromtimestamp(entry["Created"], UTC),
            held.place,
            "its runner has ended" if is_dead else "its runner may still be at work",
            partial(_remove_container, held, entry["Id"]) if is_dead else None,
            is_waste=True,
        )


def _remove_container(held: _Held, identity: str) -> None:
    with _removing(identity[:12]):
        container = held.engine.client.containers.get(identity)
        if container.labels.get(held.label) != "job" or not held.is_dead(container.labels):
            raise RemovalError(f"{identity[:12]}: its runner may still be at work")
        container.remove(force=True, v=False)


_BY_KIND = {
    Kind.IMAGES: _images,
    Kind.CACHES: _volumes,
    Kind.CONTAINERS: _containers,
}


def engine_items(
    engine: Engine, cache: Path, kinds: Collection[Kind], label: str = LABEL
) -> list[Item]:
    """Return what of some kinds an engine holds under our label. ``cache`` knows the last uses.

    Raises MachineError if the engine does not say what it holds.
    """
    ask = engine.client.api
    try:
        volumes = ask.volumes()["Volumes"] or []
        held = _Held(engine, label, cache, ask.images(), ask.containers(all=True), volumes)
        asked = [items for kind, items in _BY_KIND.items() if kind in kinds]
        return [item for items in asked for item in items(held)]
    except (*_BROKEN, *_NOT_UNDERSTOOD) as error:
        said = error if isinstance(error, _BROKEN) else f"its answer lacks or misstates {error}"
        raise MachineError(
            f"the engine does not say what it holds: {said}\n"
            "try again, or leave it out: --kind environments caches"
        ) from error
