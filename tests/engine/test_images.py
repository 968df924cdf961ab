"""Images on a real engine: rebuilt when an input changed, and only then."""

import shutil
import socket
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from registry import serving

from made_configuration import CONFIG
from runner import paths
from runner.environments.image import Image, build_image, find_image, known_image_size
from runner.environments.patience import Making, UnwantedError
from runner.errors import BuildError
from runner.machine.docker_engine import LABEL, Engine
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Device, read_configuration
from waiting import appears

DOCKERFILE = """
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
ARG DEVICE
COPY ca-bundle.pem requirements.lock /opt/
RUN test "$DEVICE" = cpu
COPY models /opt/models
"""
IN_STAGES = """
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
ARG DEVICE
COPY ca-bundle.pem /opt/build/
RUN test "$DEVICE" = cpu
COPY requirements.lock /opt/build/
COPY wheels /opt/build/wheels
RUN test "$DEVICE" = cpu
COPY models /opt/models
"""
WITHOUT_A_SHELL = """
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
COPY models /opt/models
"""


@dataclass(frozen=True)
class Room:
    """A project of one small configuration; a call builds it, and ``said`` is what that says."""

    engine: Engine
    base_image: str
    root: Path
    folder: Path
    said: list[str]

    def __call__(self, **options) -> Image:
        self.said.clear()
        return build_image(
            self.engine, read_configuration(self.folder), Device.CPU,
            BuildOptions(**{"base_image": self.base_image, **options}),
            Making(self.root / "build.log", self.said.append),
        )  # fmt: skip


@pytest.fixture
def room(engine, base_image, tmp_path, monkeypatch):
    """A project of its own, whose images are removed at the end."""
    folder = tmp_path / "docker" / f"test{uuid.uuid4().hex[:8]}-k1"
    for path in (folder, tmp_path / "docker" / "common", tmp_path / "models"):
        path.mkdir(parents=True)
    (folder / "config.toml").write_text(CONFIG)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "cpu.lock").write_text("")
    (tmp_path / "models" / "x.py").write_text("1")
    monkeypatch.setattr(paths, "CONFIGURATIONS", tmp_path / "docker")
    monkeypatch.setattr(paths, "MODELS", tmp_path / "models")
    yield Room(engine, base_image, root=tmp_path, folder=folder, said=[])
    for name in (f"{LABEL}/{folder.name}", f"{LABEL}/{folder.name}b"):
        for image in engine.client.images.list(name=name):  # the newest first
            for tag in image.tags:
                engine.client.images.remove(tag)


def test_an_unchanged_configuration_is_not_built_again(room):
    first = room()
    assert any(line.startswith("Step ") for line in room.said)
    assert room() == first
    assert room.said == [f"{first.tag} is up to date"]
    assert "Step 1/" in (room.root / "build.log").read_text()


@pytest.mark.parametrize("name", ["models/x.py", "docker/common/new.sh", "Dockerfile", "cpu.lock"])
def test_a_changed_input_is_another_image(room, name):
    first = room()
    path = room.root / name if "/" in name else room.folder / name
    path.write_text((path.read_text() if path.exists() else "") + "\n# changed\n")
    assert room().tag != first.tag


def test_a_failed_build_names_the_step_and_the_log(room):
    (room.folder / "Dockerfile").write_text(DOCKERFILE + "RUN echo broken here; exit 7\n")
    with pytest.raises(BuildError, match="returned a non-zero code: 7") as caught:
        room()
    assert "build.log" in str(caught.value)
    assert "broken here" in (room.root / "build.log").read_text()


def test_a_base_that_cannot_be_pulled_points_to_the_option(room):
    with pytest.raises(BuildError, match="--base-image"):
        room(base_image="localhost:1/no-such-base:1")


@pytest.fixture
def registry(engine):
    with serving() as found:
        yield found
    pulled = engine.client.images.get(f"{found.repository}@{found.digest}")
    ours = [tag for tag in pulled.tags if tag.startswith(found.repository)]
    for name in ours or [f"{found.repository}@{found.digest}"]:  # a tag takes its digest along
        engine.client.images.remove(name)


@pytest.mark.parametrize("reference", ["{0}", "{0}:1", "{0}@{1}", "{0}:1@{1}"])
def test_a_base_is_pulled_by_tag_and_by_digest(registry, room, reference):
    (room.folder / "Dockerfile").write_text(WITHOUT_A_SHELL)
    base = reference.format(registry.repository, registry.digest)
    image = room(base_image=base)
    assert room.said[0] == f"pulling {base}"
    assert image.base_digest == registry.content
    assert image.base_repo_digest == registry.digest


def test_a_changed_model_is_built_on_the_stage_below(room):
    (room.folder / "Dockerfile").write_text(IN_STAGES)
    first = room()
    assert sum(line.startswith("building ") for line in room.said) == 3
    (room.root / "models" / "x.py").write_text("2")
    second = room()
    assert room.said[0].endswith("is up to date")
    steps = [line.partition(" : ")[2] for line in room.said if line.startswith("Step ")]
    assert "COPY models /opt/models" in steps
    assert not [step for step in steps if step.startswith("RUN")]
    assert second.digest != first.digest


def test_what_is_there_is_found_without_building(room, engine, base_image):
    (room.folder / "Dockerfile").write_text(IN_STAGES)
    configuration, options = read_configuration(room.folder), BuildOptions(base_image=base_image)

    def find():
        return find_image(engine, configuration, Device.CPU, options)

    before = find()
    assert (before.held, before.missing) == (None, ("system", "environment", "models"))
    assert known_image_size(engine, configuration, Device.CPU, before.tag) is None
    assert find() == before
    made = room()
    assert (find().tag, find().is_there) == (made.tag, True)
    size = known_image_size(engine, configuration, Device.CPU, made.tag)
    assert size == engine.client.images.get(made.tag).attrs["Size"]
    (room.root / "models" / "x.py").write_text("2")
    assert (find().held, find().missing) == ("environment", ("models",))
    assert known_image_size(engine, configuration, Device.CPU, find().tag) == size


def test_a_build_that_takes_too_long_is_ended_in_the_engine_too(room, engine):
    """A build that went on unseen would be timed beside the jobs."""
    (room.folder / "Dockerfile").write_text(DOCKERFILE + "RUN sleep 123.25\n")
    began = time.monotonic()
    with pytest.raises(BuildError, match=r"longer than 4 s \(--build-timeout\)"):
        room(build_seconds=4)
    assert time.monotonic() - began < 30
    appears(lambda: not _is_sleeping("123.25"), 30)


def _is_sleeping(seconds):
    return any(f"sleep {seconds}" in " ".join(p.info["cmdline"] or []) for p in _processes())


def test_a_build_that_nobody_wants_any_more_is_ended_and_another_goes_on(room, engine):
    """Both are called through one client of the engine, each in a thread of its own."""
    (room.folder / "Dockerfile").write_text(DOCKERFILE + "RUN sleep 123.75\n")
    other = room.folder.with_name(room.folder.name + "b")
    shutil.copytree(room.folder, other)
    (other / "Dockerfile").write_text(DOCKERFILE + "RUN sleep 8.75\n")
    is_wanted = threading.Event()
    is_wanted.set()

    def build(folder, asked):
        making = Making(room.root / f"{folder.name}.log", lambda line: None, asked)
        options = BuildOptions(base_image=room.base_image)
        return build_image(engine, read_configuration(folder), Device.CPU, options, making)

    with ThreadPoolExecutor() as pool:
        unwanted = pool.submit(build, room.folder, is_wanted.is_set)
        wanted = pool.submit(build, other, lambda: True)
        appears(lambda: _is_sleeping("123.75") and _is_sleeping("8.75"), 60)
        is_wanted.clear()
        with pytest.raises(UnwantedError):
            unwanted.result(timeout=5)
        appears(lambda: not _is_sleeping("123.75"), 30)
        assert wanted.result(timeout=60).tag.startswith(f"{LABEL}/{other.name}:")


def test_stages_that_do_the_same_work_are_built_once_though_wanted_at_the_same_time(room, engine):
    """Each would fetch the same packages."""
    step = "RUN sleep 3; date +%s%N > /opt/when\n"
    (room.folder / "Dockerfile").write_text("# one\n" + IN_STAGES.replace("RUN", step + "RUN", 1))
    other = room.folder.with_name(room.folder.name + "b")
    shutil.copytree(room.folder, other)
    text = (room.folder / "Dockerfile").read_text()
    (other / "Dockerfile").write_text(text.replace("# one", "# another"))
    (other / "cpu.lock").write_text("# another\n")

    def build(folder):
        making = Making(room.root / f"{folder.name}.log", lambda line: None)
        options = BuildOptions(base_image=room.base_image)
        return build_image(engine, read_configuration(folder), Device.CPU, options, making)

    with ThreadPoolExecutor() as pool:
        first, second = pool.map(build, [room.folder, other])
    assert first.tag != second.tag
    when = {
        engine.client.containers.run(one.tag, ["cat", "/opt/when"], remove=True)
        for one in (first, second)
    }
    assert len(when) == 1


def _processes():
    return psutil.process_iter(["cmdline"])


def test_a_registry_that_does_not_answer_is_given_up(room, engine):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        base = f"127.0.0.1:{mute.getsockname()[1]}/some/base:1"
        with pytest.raises(BuildError, match=r"longer than 2 s to pull \(--pull-timeout\)"):
            room(base_image=base, pull_seconds=2)
