"""Bundles on a real engine: saved, removed, loaded, and run as if nothing had been lost."""

import shutil
import uuid
import zipfile
from pathlib import Path

import pytest

from launcher_contract import Bench
from made_configuration import CONFIG
from runner import paths
from runner.bundle.load import load_bundle
from runner.bundle.save import WantedBundle, save_bundle
from runner.environments.image import build_image
from runner.environments.patience import Making
from runner.environments.recipe import sha256_of
from runner.errors import BuildError
from runner.launchers.docker import ContainerLimits, DockerLauncher
from runner.machine.docker_engine import LABEL, give_name, plain_tag
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Device, read_configuration
from runner.spec.job import Status

pytestmark = pytest.mark.parametrize("engine", ["docker", "podman"], indirect=True, scope="session")

FAKES = Path(__file__).parent.parent / "fakes"
COMMON = Path(__file__).parents[2] / "docker" / "common"
DOCKERFILE = """
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
COPY ca-bundle.pem /opt/build/
COPY common /opt/build/common
RUN test -e /opt/build/common/ca.sh
COPY requirements.lock /opt/build/
COPY wheels /opt/build/wheels
RUN /opt/build/common/install-requirements.sh && python3 -c "import tiny"
RUN /opt/build/common/finish.sh
ENV HOME=/tmp PYTHONPATH=/opt/bench
VOLUME ["/cache"]
WORKDIR /opt/bench
USER bench
ENTRYPOINT ["python3", "-m", "models"]
COPY models /opt/bench/models
"""
WHEEL = "bench_tiny-1.0-py3-none-any.whl"


def make_wheel(folder: Path) -> str:
    """Write a wheel of one empty module and return its hash."""
    folder.mkdir()
    about = "bench_tiny-1.0.dist-info"
    with zipfile.ZipFile(folder / WHEEL, "w") as file:
        file.writestr("tiny.py", "")
        file.writestr(
            f"{about}/METADATA", "Metadata-Version: 2.1\nName: bench-tiny\nVersion: 1.0\n"
        )
        file.writestr(
            f"{about}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        file.writestr(f"{about}/RECORD", f"tiny.py,,\n{about}/RECORD,,\n")
    return sha256_of((folder / WHEEL).read_bytes())


class Room:
    """A project of one small configuration, on a base image with a name of its own."""

    def __init__(self, engine, base_image: str, root: Path) -> None:
        name = uuid.uuid4().hex[:8]
        self.engine, self.root = engine, root
        self.base = f"{LABEL}-test-base:{name}"
        self.folder = root / "docker" / f"test{name}-k1"
        self.folder.mkdir(parents=True)
        shutil.copytree(COMMON, root / "docker" / "common")
        shutil.copytree(FAKES / "models", root / "models")
        digest = make_wheel(root / "wheels")
        (self.folder / "config.toml").write_text(CONFIG)
        (self.folder / "Dockerfile").write_text(DOCKERFILE)
        (self.folder / "cpu.lock").write_text(f"bench-tiny==1.0 --hash=sha256:{digest}\n")
        self.options = BuildOptions(base_image=self.base, wheels=root / "wheels")
        self.said: list[str] = []
        give_name(engine.client.images.get(base_image), self.base)

    def save(self, folder: Path):
        wanted = WantedBundle([read_configuration(self.folder)], Device.CPU, self.options)
        return save_bundle(self.engine, wanted, folder, self.root, self.said.append)

    def load(self, folder: Path):
        return load_bundle(self.engine, folder, self.root / "cache", self.said.append)

    def build(self):
        options = BuildOptions(base_image=self.base)
        log = self.root / "log"
        self.said.clear()
        return build_image(
            self.engine,
            read_configuration(self.folder),
            Device.CPU,
            options,
            Making(log, self.said.append),
        )

    def launcher(self) -> DockerLauncher:
        return DockerLauncher(
            self.engine,
            Device.CPU,
            run="bundle",
            limits=ContainerLimits(memory_bytes=512 << 20, cpus=1),
            build=BuildOptions(base_image=self.base),
            data_dir=None,
            gpu=None,
            say=self.said.append,
        )

    def forget(self) -> None:
        """Remove all that the engine holds of this room."""
        for name in (f"{LABEL}/{self.folder.name}", self.base.partition(":")[0]):
            for image in self.engine.client.images.list(name=name):  # the newest first
                for tag in image.tags:
                    if self.folder.name in tag or plain_tag(tag) == self.base:
                        self.engine.client.images.remove(tag)


@pytest.fixture
def room(engine, base_image, tmp_path, monkeypatch):
    made = Room(engine, base_image, tmp_path / "room")
    monkeypatch.setattr(paths, "CONFIGURATIONS", made.root / "docker")
    monkeypatch.setattr(paths, "MODELS", made.root / "models")
    yield made
    made.forget()
    for volume in engine.client.volumes.list(filters={"label": f"{LABEL}=cache"}):
        if volume.name.endswith(getattr(made, "digest", "none")):
            volume.remove()


def test_a_bundle_brings_back_what_was_removed(room, engine, tmp_path):
    saved = room.save(tmp_path / "b")
    kept = saved.configurations[0]
    assert kept.wheels == (f"wheels/{WHEEL}",)
    assert kept.python.startswith("3.")
    before = {image.tag: engine.client.images.get(image.tag).id for image in kept.images}
    room.digest = before[kept.tag].removeprefix("sha256:")[:16]
    room.forget()
    assert [
        image for image in engine.client.images.list() if room.base in map(plain_tag, image.tags)
    ] == []

    room.load(tmp_path / "b")
    for image in kept.images:
        assert engine.client.images.get(image.tag).id == before[image.tag]
    assert room.build().digest == before[kept.tag]
    assert room.said == [f"{kept.tag} is up to date"]
    launcher = room.launcher()
    environment = launcher.prepare(read_configuration(room.folder), Making(tmp_path / "log", print))
    assert Bench(launcher, environment, tmp_path / "runs").run("well").status is Status.OK

    # What changes in models/ needs no package: only the last stage is built.
    (room.root / "models" / "more.py").write_text("1")
    assert room.build().tag != kept.tag
    assert not [line for line in room.said if " : RUN " in line]


def test_a_wheel_that_cannot_be_had_ends_the_save_with_nothing_written(room, tmp_path):
    room.save(tmp_path / "b")
    (room.root / "wheels" / WHEEL).unlink()
    with pytest.raises(BuildError, match="packages cannot be downloaded"):
        room.save(tmp_path / "c")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "room"]
