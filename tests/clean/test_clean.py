"""Cleaning: own things only, nothing in use, least recently used first, whole or not at all."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests.exceptions
from docker.errors import APIError, DockerException, NotFound
from hypothesis import given
from hypothesis import strategies as st

from runner import paths
from runner.clean.engine import engine_items
from runner.clean.folders import cache_items, measure_extent, run_items
from runner.clean.items import Bounds, Item, Kind, RemovalError, select_removals
from runner.cli.app import main
from runner.environments.venv import MARKER, lock_of_environment
from runner.errors import ExitCode, MachineError, UsageError
from runner.locks import Use, alone, hold_use, image_marker
from runner.machine.docker_engine import LABEL, Engine
from runner.machine.owner import Owner
from runner.store.run_folder import RunStore

NOW = datetime(2026, 1, 31, tzinfo=UTC)
DEAD = replace(Owner.this(), began="1")


@pytest.fixture
def cache(tmp_path):
    """A cache with a whole environment, a half made one, and data."""
    root = tmp_path / "cache"
    for name in ("a-k1-cpu-1", "b-k1-cpu-2"):
        (root / "environments" / name / "bin").mkdir(parents=True)
        (root / "environments" / name / "bin" / "python").write_bytes(b"x" * 5000)
        (root / "environments" / f"{name}.lock").touch()
    (root / "environments" / "a-k1-cpu-1" / MARKER).touch()
    (root / "compiled" / "a-k1-cpu-1").mkdir(parents=True)
    (root / "downloads").mkdir()
    (root / "downloads" / "mnist.npz").write_bytes(b"1")
    (root / "real").mkdir()
    (root / "precious").mkdir()
    (root / "precious" / "file").write_text("mine")
    return root


def everything(cache):
    return {item.name: item for item in cache_items(cache, list(Kind))}


def tree(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_what_the_cache_holds_is_found_with_its_kind_and_nothing_else(cache):
    found = {name: item.kind for name, item in everything(cache).items()}
    assert found == {
        "a-k1-cpu-1": Kind.ENVIRONMENTS,
        "b-k1-cpu-2": Kind.ENVIRONMENTS,
        "compiled/a-k1-cpu-1": Kind.CACHES,
        "downloads/mnist.npz": Kind.DATA,
        "real": Kind.DATA,
    }
    assert everything(cache)["b-k1-cpu-2"].why == "half made"


def test_looking_changes_nothing(cache):
    before = tree(cache)
    everything(cache)
    assert tree(cache) == before


def test_all_that_is_found_goes_and_the_rest_stays(cache):
    for item in everything(cache).values():
        item.remove()
    assert everything(cache) == {}
    assert (cache / "precious" / "file").read_text() == "mine"
    assert not list((cache / "environments").glob("*-k1-cpu-?"))


def test_a_vanished_thing_is_as_good_as_removed(cache):
    found = everything(cache)
    for item in found.values():
        item.remove()
    for item in found.values():
        item.remove()


def test_an_environment_in_use_stays_and_goes_after(cache):
    folder = cache / "environments" / "a-k1-cpu-1"
    before = everything(cache)["a-k1-cpu-1"]
    use = Use(folder)
    item = everything(cache)["a-k1-cpu-1"]
    assert (item.remove, item.why) == (None, "a run uses it")
    with pytest.raises(RemovalError, match="a run uses it"):
        before.remove()
    assert folder.is_dir()
    use.close()
    before.remove()
    assert not folder.exists()


def test_a_use_ends_with_its_holder(cache):
    code = "import sys; from pathlib import Path; from runner.locks import Use\n" \
           "use = Use(Path(sys.argv[1])); print('held', flush=True); input()"  # fmt: skip
    folder = cache / "real"
    with subprocess.Popen(
        [sys.executable, "-c", code, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        other.stdout.readline()
        assert everything(cache)["real"].remove is None
        other.kill()
        other.communicate()
    assert everything(cache)["real"].remove is not None


def test_an_environment_that_is_being_made_stays(cache):
    folder = cache / "environments" / "b-k1-cpu-2"
    before = everything(cache)["b-k1-cpu-2"]
    with alone(lock_of_environment(folder)):
        item = everything(cache)["b-k1-cpu-2"]
        assert (item.remove, item.why) == (None, "it is being made")
        with pytest.raises(RemovalError, match="being made"):
            before.remove()
    assert folder.is_dir()


def test_an_environment_whose_python_runs_stays(cache):
    python = cache / "environments" / "a-k1-cpu-1" / "bin" / "python"
    python.unlink()
    python.symlink_to(sys.executable)
    with subprocess.Popen([python, "-c", "print(1, flush=True); input()"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as job:  # fmt: skip
        job.stdout.readline()
        item = everything(cache)["a-k1-cpu-1"]
        assert item.remove is None
        assert f"({job.pid}) uses it" in item.why
        job.communicate(b"\n")
    assert everything(cache)["a-k1-cpu-1"].remove is not None


def test_a_removal_that_was_cut_off_is_never_whole_and_is_finished_later(cache, monkeypatch):
    monkeypatch.setattr("shutil.rmtree", lambda path: (_ for _ in ()).throw(OSError(5, "I/O")))
    with pytest.raises(RemovalError, match="I/O"):
        everything(cache)["a-k1-cpu-1"].remove()
    assert not (cache / "environments" / "a-k1-cpu-1").exists()
    monkeypatch.undo()
    left = everything(cache)["a-k1-cpu-1"]
    assert (left.why, left.is_waste) == ("half removed", True)
    left.remove()
    assert "a-k1-cpu-1" not in everything(cache)
    assert not list((cache / "environments").glob(".*"))


@pytest.mark.parametrize("name", ["environments", "compiled", "downloads", "real"])
def test_a_link_in_the_cache_leads_nowhere(cache, tmp_path, name):
    outside = tmp_path / "outside"
    (outside / "inner").mkdir(parents=True)
    (outside / "inner" / "file").write_text("not ours")
    (cache / name).rename(tmp_path / "away")
    (cache / name).symlink_to(outside)
    for item in everything(cache).values():
        item.remove()
    assert (outside / "inner" / "file").read_text() == "not ours"


def test_links_inside_are_removed_and_not_followed(cache, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"y" * 100_000)
    folder = cache / "environments" / "a-k1-cpu-1"
    (folder / "lib").symlink_to(outside)
    (cache / "environments" / "linked").symlink_to(outside)
    assert "linked" not in everything(cache)
    item = everything(cache)["a-k1-cpu-1"]
    assert item.bytes < 100_000
    item.remove()
    assert (outside / "file").exists()


def test_a_folder_that_became_a_link_stays(cache, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").touch()
    item = everything(cache)["compiled/a-k1-cpu-1"]
    (cache / "compiled" / "a-k1-cpu-1").rmdir()
    (cache / "compiled" / "a-k1-cpu-1").symlink_to(outside)
    with pytest.raises(RemovalError):
        item.remove()
    assert (outside / "file").exists()


def test_files_with_a_second_name_elsewhere_free_nothing(tmp_path):
    folder, other = tmp_path / "folder", tmp_path / "other"
    folder.mkdir()
    (folder / "own").write_bytes(b"1" * 8192)
    (folder / "twice").write_bytes(b"2" * 8192)
    os.link(folder / "twice", folder / "again")
    before = measure_extent(folder)
    os.link(folder / "own", other)
    after = measure_extent(folder)
    assert before.linked == 0
    assert after.linked == other.stat().st_blocks * 512
    assert before.bytes - after.bytes == after.linked


# Runs


@pytest.fixture
def runs(tmp_path):
    root = tmp_path / "runs"
    for name in ("one", "two"):
        (root / name / "jobs" / "j").mkdir(parents=True)
        (root / name / "manifest.json").write_text('{"schema": 1}')
    (root / "notes").mkdir()
    (root / "notes" / "file").touch()
    return root


def test_a_run_goes_unless_a_runner_writes_in_it(runs):
    with RunStore(runs / "one").hold():
        found = {item.name: item for item in run_items(runs)}
        assert set(found) == {"one", "two"}
        assert (found["one"].remove, found["one"].why) == (None, "a run uses it")
        found["two"].remove()
    assert not (runs / "two").exists()
    assert (runs / "notes" / "file").exists()


def test_a_run_that_is_taken_up_meanwhile_stays(runs):
    found = {item.name: item for item in run_items(runs)}
    with RunStore(runs / "one").hold(), pytest.raises(RemovalError, match="a run uses it"):
        found["one"].remove()
    assert (runs / "one" / "manifest.json").exists()


def test_half_a_run_is_no_run(runs, monkeypatch):
    from runner.store.find import list_resumable_runs, list_runs

    monkeypatch.setattr("shutil.rmtree", lambda path: (_ for _ in ()).throw(OSError(5, "I/O")))
    (runs / "one" / "jobs" / "j" / "job.json").touch()
    item = next(item for item in run_items(runs) if item.name == "one")
    with pytest.raises(RemovalError):
        item.remove()
    assert list_runs(runs) == []
    assert [folder.name for folder in list_resumable_runs(runs)] == ["two"]


def test_a_results_folder_that_is_a_link_is_the_users_choice(runs, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(runs)
    (runs / "linked").symlink_to(tmp_path)
    assert {item.name for item in run_items(link)} == {"one", "two"}


def test_a_folder_that_cannot_be_read_is_one_line(runs, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(MachineError, match="Permission denied"):
        list(run_items(runs))


def test_a_marker_that_cannot_be_removed_is_said(client, cache, monkeypatch):
    def refuse(path, missing_ok=False):
        raise PermissionError(13, "Permission denied", str(path))

    client.image("sha256:1", [f"{LABEL}/a-k1:cpu-1"], OURS)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(RemovalError, match="Permission denied"):
        held(client, cache)["a-k1:cpu-1"].remove()


@pytest.mark.parametrize("kept", [paths.MEASURED, paths.PUBLISHED, paths.MEASURED / "x"])
def test_what_is_kept_for_good_is_refused(kept, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(kept)
    for path in (kept, link):
        with pytest.raises(UsageError, match="kept for good"):
            list(run_items(path))


# The engine


class Store:
    """One of an engine's collections, by identity. Removal obeys as an engine's does."""

    def __init__(self, members):
        self.members = members
        self.removed = []
        self.busy = set()

    def get(self, name):
        if name not in self.members:
            raise NotFound(f"no {name}")
        return self.members[name]

    def remove(self, name, force=False):
        if name in self.busy and not force:
            raise APIError("409 Conflict", explanation=f"{name} is being used")
        found = next((key for key, one in self.members.items() if name in (key, *one.tags)), None)
        if found is None:
            raise NotFound(f"no {name}")
        self.removed.append(name)
        self.members[found].names.remove(name)
        if not self.members[found].tags:
            del self.members[found]


class Thing:
    def __init__(self, labels=None, tags=(), layers=(), on_remove=None):
        self.labels = labels or {}
        self.names = list(tags)
        self.attrs = {"RootFS": {"Layers": list(layers)}, "Labels": labels}
        self._on_remove = on_remove

    @property
    def tags(self):
        return list(self.names)

    def remove(self, force=False, v=False):
        self._on_remove()


class FakeClient:
    """An engine's client with what its lists tell of its content; each layer is of 100 bytes."""

    def __init__(self):
        self.images, self.volumes, self.containers = Store({}), Store({}), Store({})
        self.listed: dict[str, list[dict]] = {"Images": [], "Volumes": [], "Containers": []}
        self.api = SimpleNamespace(
            base_url="http+docker://localhost",
            images=lambda: self.listed["Images"],
            containers=lambda all: self.listed["Containers"],
            volumes=lambda: {"Volumes": self.listed["Volumes"] or None},
        )

    def image(self, digest, tags, labels=None, layers=("base", "own"), created=0):
        self.images.members[digest] = Thing(labels, tags, layers)
        self.listed["Images"].append(
            {"Id": digest, "RepoTags": list(tags) or None, "Labels": labels, "Created": created,
             "Size": 100 * len(layers)}
        )  # fmt: skip

    def volume(self, name, labels=None):
        def gone():
            self.volumes.removed.append(name)

        self.volumes.members[name] = Thing(labels, on_remove=gone)
        self.listed["Volumes"].append(
            {"Name": name, "Labels": labels, "CreatedAt": "2026-01-02T03:04:05Z"}
        )

    def container(self, identity, labels=None, image="", volumes=()):
        def gone():
            self.containers.removed.append(identity)

        self.containers.members[identity] = Thing(labels, on_remove=gone)
        self.listed["Containers"].append(
            {"Id": identity, "Labels": labels, "ImageID": image, "Names": [f"/{identity}"],
             "Created": 0, "State": "exited",
             "Mounts": [{"Type": "volume", "Name": name} for name in volumes] or None}
        )  # fmt: skip


@pytest.fixture
def client():
    return FakeClient()


OURS = {LABEL: "image"}


def held(client, cache):
    items = engine_items(Engine(client, {}), cache, list(Kind))
    return {item.name: item for item in items}


@pytest.mark.parametrize("names", [None, []])
@pytest.mark.parametrize("labels", [None, {}])
def test_a_strangers_container_without_a_name_stops_nothing(client, cache, names, labels):
    """Engines show dead and vanishing containers like that."""
    digest = "sha256:" + "1" * 64
    client.image(digest, [f"{LABEL}/a-k1:cpu-1"], OURS)
    client.container("c" * 64, labels, digest)
    client.listed["Containers"][0]["Names"] = names
    item = held(client, cache)["a-k1:cpu-1"]
    assert item.why == f"container {'c' * 12} uses it"
    assert item.remove is None


@pytest.mark.parametrize("error", [APIError("403 Forbidden"), OSError("gone"), DockerException()])
def test_an_engine_that_refuses_a_question_is_an_error_with_a_remedy(client, cache, error):
    def refuse(_):
        raise error

    client.image("sha256:" + "1" * 64, [f"{LABEL}/a-k1:cpu-1"], OURS)
    client.images.get = refuse
    with pytest.raises(MachineError, match="does not say what it holds"):
        held(client, cache)


@pytest.mark.parametrize(
    ("what", "entry"),
    [
        ("Images", {"Labels": OURS, "RepoTags": [f"{LABEL}/a-k1:cpu-1"]}),
        ("Images", {"Labels": OURS, "RepoTags": 7, "Id": "x"}),
        ("Images", "x"),
        ("Containers", {"Labels": {LABEL: "job"}, "Id": None, "Created": 0}),
        ("Containers", {"Labels": 1}),
        ("Volumes", {"Labels": {LABEL: "cache"}, "Name": "x", "CreatedAt": "yesterday"}),
    ],
)
def test_an_answer_that_is_not_understood_is_an_error_with_a_remedy(client, cache, what, entry):
    client.listed[what].append(entry)
    with pytest.raises(MachineError, match="its answer lacks or misstates"):
        held(client, cache)


def test_an_image_goes_under_all_its_names_with_its_compile_cache(client, cache):
    client.image("sha256:" + "1" * 64, [f"{LABEL}/a-k1:cpu-1", f"{LABEL}/a-k1:cpu-2"], OURS)
    client.volume(f"{LABEL}-cache-{'1' * 16}", {LABEL: "cache"})
    item = held(client, cache)["a-k1:cpu-1"]
    # The engine does not tell of the compile cache how large it is.
    assert (item.kind, item.bytes) == (Kind.IMAGES, 200)
    item.remove()
    assert client.images.members == {}
    assert client.volumes.removed == [f"{LABEL}-cache-{'1' * 16}"]
    item.remove()


@pytest.mark.parametrize(
    ("tags", "labels"),
    [
        (["theirs:1"], OURS),
        ([], OURS),
        ([f"{LABEL}/a-k1:cpu-1"], None),
        ([f"{LABEL}/a-k1:cpu-1"], {LABEL: "job"}),
        ([f"{LABEL}x/a-k1:cpu-1"], OURS),
    ],
)
def test_an_image_without_our_label_or_name_is_not_seen(client, cache, tags, labels):
    client.image("sha256:1", tags, labels)
    assert held(client, cache) == {}


def test_an_image_with_a_second_name_or_a_container_stays(client, cache):
    client.image("sha256:1", [f"{LABEL}/a-k1:cpu-1", "theirs:1"], OURS)
    client.image("sha256:2", [f"{LABEL}/b-k1:cpu-1"], OURS, layers=("base", "other"))
    client.container("theirs", image="sha256:2")
    found = held(client, cache)
    assert found["a-k1:cpu-1"].why == "it is also called theirs:1"
    assert found["b-k1:cpu-1"].why == "container theirs uses it"
    assert {item.remove for item in found.values()} == {None}


def test_an_image_that_a_run_uses_stays(client, cache):
    client.image("sha256:1", [f"{LABEL}/a-k1:cpu-1"], OURS)
    before = held(client, cache)["a-k1:cpu-1"]
    use = hold_use(image_marker(cache, "sha256:1"))
    assert held(client, cache)["a-k1:cpu-1"].why == "a run uses it"
    with pytest.raises(RemovalError, match="a run uses it"):
        before.remove()
    use.close()
    item = held(client, cache)["a-k1:cpu-1"]
    assert datetime.now(UTC) - item.used < timedelta(minutes=5)
    item.remove()
    assert not image_marker(cache, "sha256:1").exists()


def test_an_image_that_is_taken_into_use_meanwhile_stays_as_the_engine_says(client, cache):
    client.image("sha256:1", [f"{LABEL}/a-k1:cpu-1"], OURS)
    item = held(client, cache)["a-k1:cpu-1"]
    client.images.busy.add(f"{LABEL}/a-k1:cpu-1")
    with pytest.raises(RemovalError, match="is being used"):
        item.remove()
    client.images.busy.clear()
    client.images.members["sha256:1"].names.append("theirs:1")
    with pytest.raises(RemovalError, match="another name"):
        item.remove()
    assert client.images.removed == []


def test_a_volume_of_others_by_the_name_of_our_cache_stays_and_hinders_nothing(client, cache):
    client.image("sha256:" + "1" * 64, [f"{LABEL}/a-k1:cpu-1"], OURS)
    client.volume(f"{LABEL}-cache-{'1' * 16}", None)
    held(client, cache)["a-k1:cpu-1"].remove()
    assert client.images.members == {}
    assert client.volumes.removed == []


def test_an_engine_that_takes_long_is_said_to_do_so(client, cache, monkeypatch):
    def hang(name, force):
        raise requests.exceptions.ReadTimeout("read timeout=120")

    client.image("sha256:1", [f"{LABEL}/a-k1:cpu-1"], OURS)
    item = held(client, cache)["a-k1:cpu-1"]
    monkeypatch.setattr(client.images, "remove", hang)
    with pytest.raises(RemovalError, match="may still be removing it"):
        item.remove()


def test_an_image_below_others_is_used_with_them_and_goes_after_them(client, cache):
    client.image("sha256:1", [f"{LABEL}/a-k1:cpu-below"], OURS, ("base", "x"), created=1)
    client.image("sha256:2", [f"{LABEL}/a-k1:cpu-above"], OURS, ("base", "x", "y"), created=9)
    plan = select_removals(held(client, cache).values(), Bounds(), NOW, lambda path: 0)
    assert [item.name for item in plan.going] == ["a-k1:cpu-above", "a-k1:cpu-below"]
    plan = select_removals(held(client, cache).values(), Bounds(keep=1), NOW, lambda path: 0)
    assert [item.name for item in plan.going] == ["a-k1:cpu-above"]
    client.container("c", image="sha256:2")
    assert held(client, cache)["a-k1:cpu-below"].why == "a-k1:cpu-above stays"


def test_an_image_takes_what_it_has_above_the_image_that_it_is_built_on(client, cache):
    """An engine counts a shared layer with each image, and none of them frees it alone."""
    client.image("sha256:0", ["theirs:base"], layers=("base",))
    client.image("sha256:1", [f"{LABEL}/a-k1:cpu-below"], OURS, ("base", "x"), created=1)
    client.image("sha256:2", [f"{LABEL}/a-k1:cpu-above"], OURS, ("base", "x", "y", "z"), created=9)
    client.image("sha256:3", [f"{LABEL}/a-k1:cpu-alone"], OURS, ("other", "z"), created=0)
    sizes = {name: item.bytes for name, item in held(client, cache).items()}
    assert sizes == {"a-k1:cpu-below": 100, "a-k1:cpu-above": 200, "a-k1:cpu-alone": 200}


def test_a_compile_cache_whose_image_is_gone_goes_and_others_stay(client, cache):
    client.image("sha256:" + "1" * 64, ["theirs:1"])
    client.volume(f"{LABEL}-cache-{'1' * 16}", {LABEL: "cache"})
    client.volume(f"{LABEL}-cache-{'2' * 16}", {LABEL: "cache"})
    client.volume(f"{LABEL}-cache-{'3' * 16}", {LABEL: "cache"})
    client.container("c", volumes=[f"{LABEL}-cache-{'3' * 16}"])
    client.volume(f"{LABEL}-cache-{'4' * 16}", {})
    found = held(client, cache)
    assert set(found) == {f"cache-{'2' * 16}", f"cache-{'3' * 16}"}
    assert found[f"cache-{'3' * 16}"].remove is None
    found[f"cache-{'2' * 16}"].remove()
    assert client.volumes.removed == [f"{LABEL}-cache-{'2' * 16}"]


@pytest.mark.parametrize(
    ("owner", "goes"),
    [
        (str(DEAD), True),
        (str(Owner.this()), False),
        (str(replace(DEAD, machine="another")), False),
        ("", False),
    ],
    ids=["dead", "alive", "elsewhere", "unknown"],
)
def test_a_job_container_goes_once_its_runner_is_certainly_dead(client, cache, owner, goes):
    client.container("c1", {LABEL: "job", f"{LABEL}.owner": owner})
    client.container("c2", {f"{LABEL}.owner": str(DEAD)})
    (item,) = held(client, cache).values()
    assert (item.remove is not None) == goes
    if goes:
        item.remove()
    assert client.containers.removed == (["c1"] if goes else [])


names = st.sampled_from(["a-k1:cpu-1", "b:gpu-2", "x"])
labels = st.none() | st.dictionaries(
    st.sampled_from([LABEL, f"{LABEL}.owner", "other"]),
    st.sampled_from(["image", "job", "cache", "", str(DEAD), str(Owner.this())]),
)
tags = st.lists(
    st.builds(
        "{}{}".format, st.sampled_from([f"{LABEL}/", "theirs/", "", f"{LABEL}-like/"]), names
    ),
    max_size=3, unique=True,
)  # fmt: skip


@given(st.lists(st.tuples(tags, labels), max_size=6), st.lists(labels, max_size=4),
       st.lists(labels, max_size=4))  # fmt: skip
def test_whatever_an_engine_holds_only_what_has_our_label_goes(
    tmp_path_factory, images, volumes, containers
):
    cache = tmp_path_factory.mktemp("cache")
    client = FakeClient()
    own: dict[str, set[str]] = {"image": set(), "cache": set(), "job": set()}
    for number, (with_tags, with_labels) in enumerate(images):
        distinct = [f"{tag}{number}" for tag in with_tags]
        client.image(f"sha256:{number}", distinct, with_labels, layers=("base", str(number)))
        if (with_labels or {}).get(LABEL) == "image":
            own["image"].update(tag for tag in distinct if tag.startswith(f"{LABEL}/"))
    for number, with_labels in enumerate(volumes):
        client.volume(f"{LABEL}-cache-{number}", with_labels)
        if (with_labels or {}).get(LABEL) == "cache":
            own["cache"].add(f"{LABEL}-cache-{number}")
    for number, with_labels in enumerate(containers):
        client.container(f"c{number}", with_labels)
        if (with_labels or {}).get(LABEL) == "job":
            own["job"].add(f"c{number}")
    items = list(engine_items(Engine(client, {}), cache, list(Kind)))
    for item in select_removals(items, Bounds(), NOW, lambda path: 0).going:
        item.remove()
    assert set(client.images.removed) <= own["image"]
    assert set(client.volumes.removed) <= own["cache"]
    assert set(client.containers.removed) <= own["job"]


# What goes first


def item(name, days, kind=Kind.IMAGES, size=10, place=None, kept=False, waste=False):
    return Item(kind, name, size, NOW - timedelta(days=days), place, "",
                None if kept else lambda: None, waste)  # fmt: skip


def going(items, bounds, free=lambda path: 0):
    return [one.name for one in select_removals(items, bounds, NOW, free).going]


def test_the_least_recently_used_goes_first_and_waste_before_it():
    items = [item("new", 1), item("old", 9), item("waste", 0, waste=True), item("kept", 5, kept=1)]
    assert going(items, Bounds()) == ["waste", "old", "new"]


def test_the_newest_of_each_kind_are_kept_and_waste_is_none_of_them():
    items = [item("i1", 1), item("i2", 2), item("e1", 3, Kind.ENVIRONMENTS),
             item("waste", 0, waste=True), item("e2", 4, Kind.ENVIRONMENTS)]  # fmt: skip
    assert going(items, Bounds(keep=1)) == ["waste", "e2", "i2"]


def test_only_what_lay_long_enough_goes():
    items = [item("i1", 29), item("i2", 31)]
    assert going(items, Bounds(unused_for=timedelta(days=30))) == ["i2"]


def test_it_stops_once_enough_is_free(tmp_path):
    items = [item(str(days), days, place=tmp_path) for days in (1, 2, 3)]
    items.append(item("elsewhere", 9))
    assert going(items, Bounds(until_free=25), lambda path: 10) == ["3", "2"]
    assert going(items, Bounds(until_free=10), lambda path: 10) == []
    plan = select_removals(items, Bounds(until_free=25), NOW, lambda path: 10)
    assert {one.why for one in plan.staying} == {"enough is free", "its disk is not seen from here"}


# The command


@pytest.fixture
def command(cache, runs, monkeypatch, capsys):
    monkeypatch.setattr(paths, "cache", lambda: cache)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")

    def run(*arguments):
        code = main(["clean", "--results", str(runs), *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_on_a_pipe_it_asks_for_a_decision_and_removes_nothing(command, cache):
    before = tree(cache)
    code, out, err = command()
    assert (code, out) == (ExitCode.USAGE, "")
    assert len(err.splitlines()) == 1
    assert "--dry-run" in err
    assert tree(cache) == before


def test_a_dry_run_shows_and_removes_nothing(command, cache):
    before = tree(cache)
    code, out, err = command("--dry-run")
    assert code == ExitCode.OK
    assert "a-k1-cpu-1" in out
    assert "without the engine" in err
    assert tree(cache) == before


def test_runs_and_data_go_only_if_named(command, cache, runs):
    assert command("--yes")[0] == ExitCode.OK
    assert not (cache / "environments" / "a-k1-cpu-1").exists()
    assert (runs / "one").exists()
    assert (cache / "downloads" / "mnist.npz").exists()
    assert command("--yes", "--kind", "runs,data")[0] == ExitCode.OK
    assert not (runs / "one").exists()
    assert not (cache / "downloads" / "mnist.npz").exists()
    assert (runs / "notes").exists()


def test_what_cannot_be_removed_is_said_and_the_rest_goes(command, cache, monkeypatch):
    real = Path.rename

    def rename(path, target):
        if path.name == "a-k1-cpu-1":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    code, out, err = command("--yes", "--kind", "environments")
    assert code == ExitCode.JOBS_NOT_OK
    assert "Permission denied" in err
    assert "removed environments b-k1-cpu-2" in out
    assert "removed 1:" in out
    assert not (cache / "environments" / "b-k1-cpu-2").exists()


def test_the_engine_must_answer_where_only_it_was_asked_for(command):
    code, _, err = command("--dry-run", "--kind", "images")
    assert code == ExitCode.MACHINE
    assert "no Docker engine answers" in err


def test_json_tells_what_went_and_what_stayed(command, cache):
    with alone(lock_of_environment(cache / "environments" / "b-k1-cpu-2")):
        code, out, _ = command("--yes", "--json", "--kind", "environments")
    assert code == ExitCode.OK
    actions = {entry["name"]: entry["action"] for entry in json.loads(out)}
    assert actions == {"a-k1-cpu-1": "removed", "b-k1-cpu-2": "keep"}


@pytest.mark.parametrize(
    "arguments",
    [["--kind", "enviroments"], ["--older-than", "30"], ["--until-free", "much"], ["--keep", "-1"]],
)
def test_a_mistake_is_one_line_and_removes_nothing(command, cache, arguments):
    before = tree(cache)
    code, _, err = command("--yes", *arguments)
    assert code == ExitCode.USAGE
    assert "error:" in err.lower()
    assert tree(cache) == before
