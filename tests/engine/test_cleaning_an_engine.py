"""Cleaning on a real engine, under a label of its own: what others keep there is never seen."""

import io
import uuid
from dataclasses import replace

import pytest

from runner.clean.engine import engine_items
from runner.clean.items import Kind, RemovalError
from runner.machine.docker_engine import cache_volume, plain_tag
from runner.machine.owner import Owner

pytestmark = pytest.mark.parametrize("engine", ["docker", "podman"], indirect=True, scope="session")

EVERY_KIND = list(Kind)


class Room:
    """Things on an engine under a label that nobody else has."""

    def __init__(self, engine, base, cache):
        self.engine, self.base, self.cache = engine, base, cache
        self.label = f"cleaning-test-{uuid.uuid4().hex[:12]}"

    def items(self):
        found = engine_items(self.engine, self.cache, EVERY_KIND, label=self.label)
        return {item.name: item for item in found}

    def image(self, name, base=None, content="x"):
        recipe = f"FROM {base or self.base}\nRUN head -c 3000000 /dev/zero > /{content}\n"
        image, _ = self.engine.client.images.build(
            fileobj=io.BytesIO(recipe.encode()), tag=f"{self.label}/{name}",
            labels={self.label: "image"}, rm=True,
        )  # fmt: skip
        return image

    def container(self, image, **labels):
        return self.engine.client.containers.create(image, ["true"], labels=labels)

    def volume(self, name):
        return self.engine.client.volumes.create(name, labels={self.label: "cache"})

    def clear(self):
        client = self.engine.client
        for container in client.containers.list(all=True):
            if container.image and self.label in str(container.image.tags):
                container.remove(force=True)
        named = {tag for image in client.images.list(filters={"label": self.label})
                 for tag in image.tags if plain_tag(tag).startswith(self.label)}  # fmt: skip
        for tag in sorted(named):
            client.images.remove(tag, force=True)
        for volume in client.volumes.list(filters={"label": self.label}):
            volume.remove(force=True)


@pytest.fixture
def room(engine, base_image, tmp_path):
    made = Room(engine, base_image, tmp_path)
    yield made
    made.clear()


def test_an_image_goes_with_its_cache_and_others_stay(room, engine, base_image):
    image = room.image("a-k1:cpu-1")
    room.volume(cache_volume(image.id, room.label))
    item = room.items()["a-k1:cpu-1"]
    assert item.kind is Kind.IMAGES
    assert 3_000_000 <= item.bytes < 4_000_000
    item.remove()
    assert room.items() == {}
    assert engine.client.images.get(base_image)
    assert engine.client.volumes.list(filters={"label": room.label}) == []
    item.remove()


def test_an_image_stays_while_a_container_has_it(room):
    image = room.image("a-k1:cpu-1")
    before = room.items()["a-k1:cpu-1"]
    container = room.container(image.id)
    assert room.items()["a-k1:cpu-1"].remove is None
    with pytest.raises(RemovalError, match="container"):
        before.remove()
    container.remove()
    room.items()["a-k1:cpu-1"].remove()
    assert room.items() == {}


def test_an_image_that_another_built_on_ours_is_not_ours_and_stays_whole(room, engine):
    room.image("a-k1:cpu-1")
    theirs, _ = engine.client.images.build(
        fileobj=io.BytesIO(f"FROM {room.label}/a-k1:cpu-1\nRUN echo > /y\n".encode()),
        tag=f"theirs-{room.label}:1", rm=True,
    )  # fmt: skip
    try:
        assert set(room.items()) == {"a-k1:cpu-1"}
        room.items()["a-k1:cpu-1"].remove()
        assert room.items() == {}
        container = room.container(theirs.id)
        container.start()
        assert container.wait(timeout=60)["StatusCode"] == 0
        container.remove()
    finally:
        engine.client.images.remove(theirs.id, force=True)


def test_an_image_below_ours_goes_after_it(room):
    room.image("a-k1:cpu-below")
    room.image("a-k1:cpu-above", base=f"{room.label}/a-k1:cpu-below", content="y")
    found = room.items()
    assert list(found) == ["a-k1:cpu-below", "a-k1:cpu-above"]
    assert found["a-k1:cpu-below"].used == found["a-k1:cpu-above"].used
    for name in reversed(found):
        found[name].remove()
    assert room.items() == {}


def test_a_container_goes_once_its_runner_is_dead(room):
    image = room.image("a-k1:cpu-1")
    dead = replace(Owner.this(), began="1")
    for owner in (dead, Owner.this()):
        room.container(image.id, **{room.label: "job", f"{room.label}.owner": str(owner)})
    room.container(image.id)
    found = [item for item in room.items().values() if item.kind is Kind.CONTAINERS]
    going = [item for item in found if item.remove is not None]
    assert (len(found), len(going)) == (2, 1)
    going[0].remove()
    left = [item for item in room.items().values() if item.kind is Kind.CONTAINERS]
    assert len(left) == 1
    assert left[0].remove is None


def test_a_cache_without_its_image_goes(room):
    room.volume(f"{room.label}-cache-{'0' * 16}")
    item = room.items()[f"cache-{'0' * 16}"]
    assert (item.kind, item.why) == (Kind.CACHES, "its image is gone")
    item.remove()
    assert room.items() == {}
