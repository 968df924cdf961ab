"""Bundles without an engine: what is verified, what is refused, what an ended save leaves."""

import errno
import io
import json
import shutil
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from docker.errors import ImageNotFound
from hypothesis import given
from hypothesis import strategies as st

from made_configuration import CONFIG
from runner import paths
from runner.bundle.archive import archived_images
from runner.bundle.load import load_bundle
from runner.bundle.manifest import (
    MANIFEST_NAME,
    BundleFile,
    BundleManifest,
    _canonical,
    read_bundle,
    write_manifest,
)
from runner.bundle.save import WantedBundle, save_bundle
from runner.bundle.verify import verify_bundle
from runner.cli.app import main
from runner.environments.datasets import DOWNLOADS
from runner.environments.image import held_base, kept_name
from runner.environments.image_content import image_content
from runner.environments.recipe import sha256_of
from runner.errors import BundleError, ExitCode, MachineError, UsageError
from runner.machine.docker_engine import LABEL, Engine
from runner.spec.choices import BuildOptions
from runner.spec.configuration import Device, read_configuration
from runner.spec.workload import DataSource

BASE = "base:1"
MNIST = replace(DOWNLOADS["mnist"], sha256=sha256_of(b"digits"))
DOCKERFILE = """
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
COPY common /opt/build/common
COPY requirements.lock /opt/build/
COPY models /opt/models
"""


def quiet(line: str) -> None: ...


def config_of(tag: str) -> bytes:
    """The configuration of a made-up image, whose one layer is its name."""
    return json.dumps({"rootfs": {"diff_ids": [tag]}}).encode()


def content_of(tag: str) -> str:
    return image_content([tag], {})


def packed_images(tags: list[str]) -> bytes:
    """An archive as an engine writes it, of one image for each name."""
    entries = [{"Config": f"{n}.json", "RepoTags": [tag]} for n, tag in enumerate(tags)]
    files = {f"{n}.json": config_of(tag) for n, tag in enumerate(tags)}
    return packed({**files, "manifest.json": json.dumps(entries).encode()})


def packed(files: dict[str, bytes]) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return whole.getvalue()


class FakeImage:
    def __init__(self, images: dict[str, str], tag: str) -> None:
        self._images, self._layer = images, images[tag]
        layers = {"Layers": [self._layer]}
        self.attrs = {"Size": 1000, "RepoDigests": [], "RootFS": layers, "Config": None}

    def tag(self, repository: str, tag: str | None) -> None:
        self._images[f"{repository}:{tag}"] = self._layer


class FakeImages:
    """What an engine holds: the one layer of each image by its name."""

    def __init__(self, held: dict[str, str]) -> None:
        self.held = held

    def get(self, name: str) -> FakeImage:
        if name not in self.held:
            raise ImageNotFound(name)
        return FakeImage(self.held, name)

    def remove(self, name: str) -> None:
        del self.held[name]


class Answer:
    """A streamed answer that may break off."""

    def __init__(self, content: bytes, failure: BaseException | None) -> None:
        self._content, self._failure = content, failure

    def __enter__(self):
        return self

    def __exit__(self, *ended) -> None: ...

    def raise_for_status(self) -> None: ...

    def iter_content(self, size: int):
        yield self._content[:512]
        if self._failure is not None:
            raise self._failure
        yield self._content[512:]


class FakeClient:
    """An engine that saves and loads archives of made-up images, and builds at once."""

    base_url, api_version = "http://fake", "1.41"

    def __init__(self, *names: str) -> None:
        self.images = FakeImages({name: name for name in names})
        self.api = self
        self.hooks: dict[str, list] = {"response": []}
        self.failure: BaseException | None = None
        self.loaded_as: Callable[[str], str] = str
        self.loads = 0

    def build(self, *, tag, **ignored):
        self.images.held[tag] = tag
        return iter([{"stream": "Step 1/1 : FROM\n"}])

    def get(self, url, *, params, **ignored):
        return Answer(packed_images(params["names"]), self.failure)

    def load_image(self, file, quiet):
        self.loads += 1
        content = io.BytesIO(file.read())
        with tarfile.open(fileobj=content) as tar:
            entries = json.loads(tar.extractfile("manifest.json").read())
        for entry in entries:
            for tag in entry["RepoTags"]:
                self.images.held[tag] = self.loaded_as(tag)
        yield {"stream": "Loaded"}


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """A project of one small configuration, a cache that holds one data set, and no engine."""
    root = tmp_path_factory.mktemp("room")
    folder = root / "docker" / "test-k1"
    for path in (folder, root / "docker" / "common", root / "models", root / "cache/downloads"):
        path.mkdir(parents=True)
    (folder / "config.toml").write_text(CONFIG.replace('cpu = "none"', 'cpu = "base:1"'))
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "cpu.lock").write_text("")
    (root / "docker" / "common" / "x.sh").write_text("")
    (root / "models" / "x.py").write_text("1")
    (root / "cache" / "downloads" / "mnist.npz").write_bytes(b"digits")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "CONFIGURATIONS", root / "docker")
        patch.setattr(paths, "MODELS", root / "models")
        patch.setitem(DOWNLOADS, "mnist", MNIST)
        yield root


def save(
    room: Path, folder: Path, client: FakeClient | None = None, said=quiet, **more
) -> BundleManifest:
    chosen = [read_configuration(room / "docker" / "test-k1")]
    wanted = WantedBundle(chosen, Device.CPU, BuildOptions(), **more)
    engine = Engine(client or FakeClient(BASE), {})
    return save_bundle(engine, wanted, folder, room / "cache", said)


@pytest.fixture(scope="module")
def whole(room) -> Path:
    """A bundle that is as it should be; tests change copies of it."""
    save(room, room / "whole")
    wheel = room / "whole" / "wheels" / "a-1-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    old = read_bundle(room / "whole")
    file = {"path": f"wheels/{wheel.name}", "size": 5, "sha256": sha256_of(b"wheel")}
    kept = old.configurations[0].model_copy(update={"wheels": (file["path"],)})
    files = (*old.files, BundleFile(**file))
    change = {"files": files, "configurations": (kept,)}
    write_manifest(room / "whole", old.model_copy(update=change))
    return room / "whole"


@pytest.fixture
def copy(whole, tmp_path) -> Path:
    shutil.copytree(whole, tmp_path / "copy")
    return tmp_path / "copy"


def rewrite(folder: Path, change) -> None:
    """Change what a manifest says, its own hash included, as someone hostile would."""
    path = folder / MANIFEST_NAME
    whole = json.loads(path.read_text())
    change(whole["content"])
    whole["sha256"] = sha256_of(_canonical(whole["content"]))
    path.write_text(json.dumps(whole))


# What is saved.


def test_a_bundle_holds_images_data_and_what_they_are(room, whole):
    found = verify_bundle(whole, quiet)
    kept = found.configurations[0]
    assert [file.path for file in found.files] == [
        "data/mnist.npz", "images/test-k1-cpu.tar", "wheels/a-1-py3-none-any.whl",
    ]  # fmt: skip
    assert (kept.name, kept.base.name, kept.base.digest) == ("test-k1", BASE, content_of(BASE))
    assert kept.images[0].tag == BASE
    assert kept.images[-1].tag == kept.tag
    assert len(kept.images) == 4, "the base and three stages"
    assert set(found.missing_data) == {"cifar10", "babi"}
    assert found.data()[0].sha256 == MNIST.sha256


def test_data_that_is_missing_is_said(room, tmp_path):
    said: list[str] = []
    save(room, tmp_path / "b", said=said.append)
    for name in ("cifar10", "babi"):
        assert [line for line in said if f"{name} is left out" in line and "data fetch" in line]


def test_data_that_jobs_make_themselves_is_not_saved(room, tmp_path):
    found = save(room, tmp_path / "b", source=DataSource.SYNTHETIC)
    assert (found.data(), found.missing_data) == ([], ())


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), OSError(errno.EIO, "broken")])
def test_an_ended_save_leaves_nothing(room, tmp_path, failure):
    client = FakeClient(BASE)
    client.failure = failure
    with pytest.raises(type(failure)):
        save(room, tmp_path / "b", client)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_clear_error_and_leaves_nothing(room, tmp_path):
    client = FakeClient(BASE)
    client.failure = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(MachineError, match="no space left"):
        save(room, tmp_path / "b", client)
    assert list(tmp_path.iterdir()) == []


def test_too_little_space_is_said_before_anything_is_written(room, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(MachineError, match=r"100 B free.* needs 0.982 KiB"):
        save(room, tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_save_left_is_no_bundle(tmp_path):
    (tmp_path / "b.part" / "images").mkdir(parents=True)
    with pytest.raises(BundleError, match=r"holds no bundle\.json"):
        verify_bundle(tmp_path / "b.part", quiet)


def test_a_folder_of_the_users_is_never_touched(room, tmp_path):
    (tmp_path / "b.part").mkdir()
    (tmp_path / "b.part" / "thesis").write_text("x")
    with pytest.raises(UsageError, match="then remove it"):
        save(room, tmp_path / "b")
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "thesis").write_text("x")
    with pytest.raises(UsageError, match="is there already"):
        save(room, tmp_path / "c")
    assert (tmp_path / "b.part" / "thesis").exists()
    assert (tmp_path / "c" / "thesis").exists()


def test_a_second_save_of_one_folder_is_refused(room, tmp_path, monkeypatch):
    client = FakeClient(BASE)

    class Second(BaseException): ...

    def interfere(tag, **ignored):
        with pytest.raises(UsageError, match="another save"):
            save(room, tmp_path / "b")
        raise Second

    monkeypatch.setattr(client, "build", interfere)
    with pytest.raises(Second):
        save(room, tmp_path / "b", client)


def test_a_base_without_a_name_cannot_be_kept(room, tmp_path, monkeypatch):
    client = FakeClient(BASE)
    tags = LABEL
    whole_answer = client.get

    def nameless_answer(url, *, params, **more):
        names = [name for name in params["names"] if name.startswith(tags)]
        return whole_answer(url, params={"names": names})

    monkeypatch.setattr(client, "get", nameless_answer)
    with pytest.raises(UsageError, match="has no name that lasts"):
        save(room, tmp_path / "b", client)


def test_a_base_named_by_digest_is_kept_under_a_tag(room, tmp_path, monkeypatch):
    name = "some/base@sha256:" + "a" * 64
    chosen = [read_configuration(room / "docker" / "test-k1")]
    wanted = WantedBundle(chosen, Device.CPU, BuildOptions(base_image=name))
    client = FakeClient(name)
    found = save_bundle(Engine(client, {}), wanted, tmp_path / "b", room, quiet)
    kept = found.configurations[0]
    assert kept.images[0].tag == kept_name(name)
    other = Engine(FakeClient(), {})
    other.client.images.held[kept.images[0].tag] = name
    held = held_base(other, name)
    assert held is not None
    assert (held.local, held.digest) == (kept.images[0].tag, content_of(name))


# What is verified.


def test_a_changed_file_is_named_with_both_hashes_in_one_line(copy):
    path = copy / "wheels" / "a-1-py3-none-any.whl"
    path.write_bytes(b"whee!")
    with pytest.raises(BundleError) as caught:
        verify_bundle(copy, quiet)
    line = str(caught.value)
    assert "\n" not in line
    for part in (path.name, sha256_of(b"whee!"), sha256_of(b"wheel")):
        assert part in line


def test_every_problem_has_its_line(copy):
    (copy / "wheels" / "a-1-py3-none-any.whl").unlink()
    (copy / "data" / "mnist.npz").write_bytes(b"digit")
    (copy / "extra").write_text("x")
    (copy / "images" / "more.tar").write_text("x")
    with pytest.raises(BundleError) as caught:
        verify_bundle(copy, quiet)
    text = str(caught.value)
    assert len(text.splitlines()) == 4
    assert "wheels/a-1-py3-none-any.whl: is missing" in text
    assert "5 bytes, expected 6" in text
    assert "extra: is not listed" in text
    assert "images/more.tar: is not listed" in text


@pytest.mark.parametrize("name", ["wheels/a-1-py3-none-any.whl", "bundle.json", "data"])
def test_a_symbolic_link_is_refused(copy, tmp_path, name):
    (copy / name).rename(tmp_path / "elsewhere")
    (copy / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundleError):
        verify_bundle(copy, quiet)


@pytest.mark.parametrize(
    "path",
    ["../x", "/etc/passwd", "images/../../x", "images/a/b", "images/..", "images/", "x", "",
     "images\\x", "images/x\n", "images/x\0", "images/.hidden", "bundle.json",
     "images/" + "x" * 300],
)  # fmt: skip
def test_a_path_that_could_leave_the_folder_is_refused(copy, path):
    rewrite(copy, lambda content: content["files"][0].update(path=path))
    with pytest.raises(BundleError, match=r"files\.0\.path"):
        verify_bundle(copy, quiet)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.update(more=1), "more"),
        (lambda c: c["files"].append(c["files"][0]), "lists a file twice"),
        (lambda c: c["files"].pop(1), r"names images/test-k1-cpu\.tar and does not list it"),
        (lambda c: c.update(configurations=[]), "configurations"),
        (lambda c: c["configurations"][0].update(tag="other:1"), "'other:1' is none of its images"),
        (lambda c: c["configurations"][0].update(name="../x"), "name"),
        (lambda c: c["configurations"][0]["images"][0].update(tag="debian:12"), "'debian:12'"),
        (lambda c: c["configurations"][0]["images"][0].update(tag="x y"), r"images\.0\.tag"),
        (lambda c: c["configurations"][0]["images"].pop(0), "which bundle.json does not say"),
        (
            lambda c: c["configurations"][0]["images"][1].update(config="sha256:" + "0" * 64),
            "is not the expected sha256:0000",
        ),
    ],
)
def test_a_hostile_manifest_is_refused(copy, change, said):
    rewrite(copy, change)
    with pytest.raises(BundleError, match=said):
        verify_bundle(copy, quiet)


@pytest.mark.parametrize("name", ["mnist.npz", "stranger.npz"])
def test_data_that_this_runner_does_not_know_is_refused(copy, name):
    (copy / "data" / "mnist.npz").unlink()
    (copy / "data" / name).write_bytes(b"other")
    change = {"path": f"data/{name}", "sha256": sha256_of(b"other"), "size": 5}
    rewrite(copy, lambda content: content["files"][0].update(change))
    with pytest.raises(BundleError, match="this runner knows"):
        verify_bundle(copy, quiet)


def test_what_is_no_archive_of_images_is_refused(tmp_path):
    (tmp_path / "x.tar").write_bytes(b"no archive")
    with pytest.raises(BundleError, match="no archive of images"):
        archived_images(tmp_path / "x.tar")
    with tarfile.open(tmp_path / "y.tar", "w") as tar:
        entry = tarfile.TarInfo("manifest.json")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(entry)
    with pytest.raises(BundleError, match="not a plain file"):
        archived_images(tmp_path / "y.tar")


def test_two_names_that_differ_in_the_registry_alone_are_refused(tmp_path):
    (tmp_path / "x.tar").write_bytes(packed_images([f"localhost/{BASE}", BASE]))
    with pytest.raises(BundleError, match=f"names '{BASE}' twice"):
        archived_images(tmp_path / "x.tar")


NAME = {"io.containerd.image.name": "docker.io/library/base:1"}


def with_index(annotations) -> bytes:
    """An archive whose manifest.json names the base, and whose index.json what is asked."""
    files = {
        "0.json": config_of(BASE),
        "manifest.json": json.dumps([{"Config": "0.json", "RepoTags": [BASE]}]).encode(),
        "index.json": json.dumps({"manifests": [{"annotations": annotations}]}).encode(),
    }
    return packed(files)


@pytest.mark.parametrize("annotations", [NAME, None])
def test_an_archive_whose_two_lists_agree_is_taken(tmp_path, annotations):
    (tmp_path / "x.tar").write_bytes(with_index(annotations))
    assert archived_images(tmp_path / "x.tar").keys() == {BASE}


@pytest.mark.parametrize(
    "annotations",
    [
        {"io.containerd.image.name": "docker.io/library/debian:12"},
        {"org.opencontainers.image.ref.name": "debian:12"},
    ],
)
def test_an_archive_that_would_set_other_names_in_another_store_is_refused(tmp_path, annotations):
    """Containerd's store takes names from index.json, the others from manifest.json."""
    (tmp_path / "x.tar").write_bytes(with_index(annotations))
    with pytest.raises(BundleError, match="'debian:12'"):
        archived_images(tmp_path / "x.tar")


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "[" * 100_000, '{"schema": 1}', "\xff"])
def test_what_is_no_manifest_is_refused(copy, text):
    (copy / "bundle.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(BundleError, match=r"bundle\.json"):
        verify_bundle(copy, quiet)


def test_another_schema_says_so(copy):
    path = copy / "bundle.json"
    path.write_text(path.read_text().replace('"schema": 2', '"schema": 1'))
    with pytest.raises(BundleError, match="schema is '1', this runner reads 2"):
        verify_bundle(copy, quiet)


def damaged(content: bytes, at: int, how: str) -> bytes:
    at %= len(content)
    changes = {
        "flip": content[:at] + bytes([content[at] ^ 0x15]) + content[at + 1 :],
        "cut": content[:at],
        "grow": content + b"\0",
        "double": content[:at] + content[at : at + 1] * 2 + content[at + 1 :],
    }
    return changes[how]


@given(
    number=st.integers(0, 3),
    at=st.integers(0, 1 << 20),
    how=st.sampled_from(["flip", "cut", "grow", "double"]),
)
def test_no_damage_to_any_file_goes_unseen(whole, tmp_path_factory, number, at, how):
    folder = tmp_path_factory.mktemp("damaged") / "copy"
    shutil.copytree(whole, folder)
    path = sorted(path for path in folder.rglob("*") if path.is_file())[number]
    path.write_bytes(damaged(path.read_bytes(), at, how))
    try:
        found = verify_bundle(folder, quiet)
    except BundleError:
        return
    # White space between the words of bundle.json means nothing.
    assert path.name == "bundle.json"
    assert found == verify_bundle(whole, quiet)


# What is loaded.


def load(folder: Path, cache: Path, client: FakeClient) -> BundleManifest:
    return load_bundle(Engine(client, {}), folder, cache, quiet)


def test_loading_brings_images_under_their_names_and_data_into_the_cache(whole, tmp_path):
    client = FakeClient()
    found = load(whole, tmp_path, client)
    assert client.images.held == {i.tag: i.tag for i in found.configurations[0].images}
    assert [p.name for p in (tmp_path / "downloads").iterdir()] == ["mnist.npz"]
    assert (tmp_path / "downloads" / "mnist.npz").read_bytes() == b"digits"
    load(whole, tmp_path, client)
    assert client.loads == 1, "what is there is not loaded again"


def test_nothing_is_loaded_from_a_broken_bundle(copy, tmp_path):
    (copy / "wheels" / "a-1-py3-none-any.whl").write_bytes(b"x")
    client = FakeClient()
    with pytest.raises(BundleError):
        load(copy, tmp_path / "cache", client)
    assert (client.loads, (tmp_path / "cache").exists()) == (0, False)


def test_no_name_is_taken_from_an_image_that_is_there(whole, tmp_path):
    client = FakeClient()
    client.images.held[BASE] = "other"
    with pytest.raises(MachineError, match=f"another image named {BASE}"):
        load(whole, tmp_path, client)
    assert client.images.held == {BASE: "other"}


def test_images_that_come_out_otherwise_are_taken_back(whole, tmp_path):
    client = FakeClient(BASE)
    client.loaded_as = lambda tag: tag if tag == BASE else "other"
    with pytest.raises(MachineError, match="another image once loaded"):
        load(whole, tmp_path, client)
    assert client.images.held == {BASE: BASE}, "what was there before stays"


def test_an_image_that_takes_the_place_of_one_that_was_there_does_not_stay(whole, tmp_path):
    """An archive can mean another image by a name in a store that reads another list of it."""
    client = FakeClient(BASE)
    client.loaded_as = lambda tag: "other"
    with pytest.raises(MachineError, match="another image once loaded"):
        load(whole, tmp_path, client)
    assert client.images.held == {}


def test_a_name_that_podman_put_a_registry_before_is_the_plain_one_again(
    room, tmp_path, monkeypatch
):
    podman = FakeClient(BASE)

    def prefixed(url, *, params, **ignored):
        names = [f"localhost/{name}" for name in params["names"]]
        return Answer(packed_images(names), None)

    monkeypatch.setattr(podman, "get", prefixed)
    content = config_of
    monkeypatch.setattr(
        sys.modules[__name__], "config_of", lambda tag: content(tag.removeprefix("localhost/"))
    )
    saved = save(room, tmp_path / "b", podman)
    docker = FakeClient()
    docker.loaded_as = lambda tag: tag.removeprefix("localhost/")
    docker.images.held[f"localhost/{BASE}"] = "other"
    with pytest.raises(MachineError, match=f"another image named localhost/{BASE}"):
        load(tmp_path / "b", tmp_path / "cache", docker)
    del docker.images.held[f"localhost/{BASE}"]
    load(tmp_path / "b", tmp_path / "cache", docker)
    assert docker.images.held.keys() == {i.tag for i in saved.configurations[0].images}


def test_an_engine_that_refuses_an_archive_is_one_clear_error(whole, tmp_path, monkeypatch):
    client = FakeClient()
    said = {"error": "no space left on device"}
    monkeypatch.setattr(client, "load_image", lambda file, quiet: iter([said]))
    with pytest.raises(MachineError, match="no space left on device"):
        load(whole, tmp_path, client)


# The command.


def test_exit_codes(whole, copy, tmp_path, capsys):
    assert main(["bundle", "verify", str(whole)]) == ExitCode.OK
    assert "ok" in capsys.readouterr().out
    (copy / "extra").write_text("x")
    assert main(["bundle", "verify", str(copy)]) == ExitCode.USAGE
    assert "extra: is not listed" in capsys.readouterr().err
    assert main(["bundle", "verify", str(tmp_path / "none")]) == ExitCode.USAGE
    socket = str(tmp_path / "no.sock")
    assert main(["bundle", "load", str(whole), "--engine", socket]) == ExitCode.MACHINE
    arguments = [
        "bundle",
        "save",
        str(tmp_path / "b"),
        "--config",
        "mxnet-k122",
        "--engine",
        socket,
    ]
    assert main(arguments) == ExitCode.MACHINE
    assert not (tmp_path / "b").exists()


def test_an_archive_whose_documents_are_nested_without_end_is_refused_in_a_line(tmp_path):
    """Python itself gives up at a depth, by an error of its own."""
    path = tmp_path / "images.tar"
    path.write_bytes(packed({"manifest.json": b"[" * 100_000 + b"]" * 100_000}))
    with pytest.raises(BundleError, match="is no archive of images: maximum recursion depth"):
        archived_images(path)
