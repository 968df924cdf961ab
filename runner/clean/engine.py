"""What an engine holds of ours: images, job containers, compile caches.

Ours is what has our label. Labels are inherited, so an image must have a name of ours too: one
that somebody builds on top of ours is theirs.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import requests.exceptions
from docker.errors import APIError, DockerException, NotFound

from runner.clean.items import Item, Kind, RemovalError
from runner.errors import MachineError
from runner.locks import image_marker, last_use, sole_use
from runner.machine.docker_engine import LABEL, Engine, cache_volume, plain_tag
from runner.machine.owner import is_of_dead

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

    def ours(self, entries: list[dict[str, Any]], role: str) -> list[dict[str, Any]]:
        """Return the entries whose label says that they are ours."""
        return [entry for entry in entries if (entry.get("Labels") or {}).get(self.label) == role]


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
        reason = error.explanation if isinstance(error, APIError) and error.explanation else error
        raise RemovalError(f"{name}: {reason}") from error


def _tags(entry: dict[str, Any]) -> list[str]:
    tags = [tag for tag in entry.get("RepoTags") or [] if tag != "<none>:<none>"]
    return [plain_tag(tag) for tag in tags]


def _own_name(held: _Held, entry: dict[str, Any]) -> str | None:
    """Return the first name of ours that an image has."""
    ours = (tag for tag in _tags(entry) if tag.startswith(f"{held.label}/"))
    return next(ours, "").removeprefix(f"{held.label}/") or None


def _layers(held: _Held, digest: str) -> list[str]:
    """Return the ids of an image's layers, the base's first; none of one that has gone."""
    try:
        return list(held.engine.client.images.get(digest).attrs["RootFS"]["Layers"])
    except NotFound:
        return []


def _is_above(layers: list[str], below: list[str]) -> bool:
    """Return whether an image of some layers is built on one of those below."""
    return 0 < len(below) < len(layers) and layers[: len(below)] == below


def _reason_to_stay(held: _Held, entry: dict[str, Any]) -> str | None:
    """Return why one of our images has to stay, seen by itself; None if it may go."""
    if other := next((tag for tag in _tags(entry) if not tag.startswith(f"{held.label}/")), None):
        return f"it is also called {other}"
    users = (one for one in held.containers if str(one.get("ImageID")) == entry["Id"])
    if (user := next(users, None)) is not None:
        # One that is being removed has no name, and is known by its id.
        name = str((user.get("Names") or [""])[0]).lstrip("/")
        return f"container {name or str(user['Id'])[:12]} uses it"
    with sole_use(image_marker(held.cache, entry["Id"])) as is_free:
        return None if is_free else "a run uses it"


def _images(held: _Held) -> Iterator[Item]:
    """Yield our images, those that others are built on before these.

    One below others is used as lately, and stays as long, as they are and do. Each takes what it
    has above the largest image that it is built on, and goes with the compile cache that nothing
    but its jobs can use.
    """
    layers = {entry["Id"]: _layers(held, entry["Id"]) for entry in held.images}
    ours = [
        entry
        for entry in held.ours(held.images, "image")
        if _own_name(held, entry) and layers[entry["Id"]]
    ]
    reasons = {entry["Id"]: _reason_to_stay(held, entry) for entry in ours}
    for entry in sorted(ours, key=lambda entry: len(layers[entry["Id"]])):
        digest = entry["Id"]
        own = layers[digest]
        above = [one for one in ours if _is_above(layers[one["Id"]], own)]
        staying = (f"{_own_name(held, one)} stays" for one in above if reasons[one["Id"]])
        reason = reasons[digest] or next(staying, None)
        below = [one["Size"] for one in held.images if _is_above(own, layers[one["Id"]])]
        yield Item(
            Kind.IMAGES,
            str(_own_name(held, entry)),
            int(entry["Size"]) - max(below, default=0),
            max(_last_use(held, one) for one in (entry, *above)),
            held.engine.data_root,
            reason or "not in use",
            None if reason else partial(_remove_image, held, digest),
        )


def _last_use(held: _Held, entry: dict[str, Any]) -> datetime:
    used = last_use(image_marker(held.cache, entry["Id"]))
    return used or datetime.fromtimestamp(entry["Created"], UTC)


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
    mounts = [mount for entry in held.containers for mount in entry.get("Mounts") or []]
    users = {mount.get("Name") for mount in mounts}
    for entry in held.ours(held.volumes, "cache"):
        name = entry["Name"]
        if name not in there:
            yield Item(
                Kind.CACHES,
                name.removeprefix(f"{held.label}-"),
                None,  # an engine's root alone can read its folder
                datetime.fromisoformat(entry["CreatedAt"]),
                held.engine.data_root,
                "a container uses it" if name in users else "its image is gone",
                None if name in users else partial(_remove_volume, held, name),
                is_waste=True,
            )


def _containers(held: _Held) -> Iterator[Item]:
    """Yield the containers of jobs. Only one whose runner is certainly dead may go."""
    for entry in held.ours(held.containers, "job"):
        is_dead = is_of_dead(entry["Labels"].get(f"{held.label}.owner", ""))
        yield Item(
            Kind.CONTAINERS,
            f"{entry['Id'][:12]} of run {entry['Labels'].get(f'{held.label}.run', '?')}",
            0,  # a job's container cannot write to its root
            datetime.fromtimestamp(entry["Created"], UTC),
            held.engine.data_root,
            "its runner has ended" if is_dead else "its runner may still be at work",
            partial(_remove_container, held, entry["Id"]) if is_dead else None,
            is_waste=True,
        )


def _remove_container(held: _Held, identity: str) -> None:
    with _removing(identity[:12]):
        held.engine.client.containers.get(identity).remove(force=True, v=False)


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
        reason = error if isinstance(error, _BROKEN) else f"its answer lacks or misstates {error}"
        raise MachineError(
            f"the engine does not say what it holds: {reason}\n"
            "try again, or leave it out: --kind environments caches"
        ) from error
