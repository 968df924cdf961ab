"""Packs from anyone: one that is whole becomes a run's folder, anything else is told and leaves
nothing."""

import hashlib
import io
import json
import random
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

import runner
from made_runs import small_run
from runner import paths
from runner.cli.app import main
from runner.errors import ExitCode, StoreError
from runner.share.write import make_pack, write_pack
from runner.store.pack import read_pack, unpacked_run


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return paths.cache()


@pytest.fixture
def pack(tmp_path, cache):
    path = tmp_path / "small.run.zip"
    write_pack(make_pack(small_run(tmp_path / "runs"), False, "CC0-1.0", None), path)
    return path


def members(pack):
    with zipfile.ZipFile(pack) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewrite(pack, content, extra=()):
    """Write a zip of (name, bytes); ``extra`` may repeat names."""
    with zipfile.ZipFile(pack, "w") as archive:
        for name, text in [*content.items(), *extra]:
            archive.writestr(name, text)


def described(content, **changes):
    """Return the content with a description that lists all of it, as it is."""
    files = [
        {"path": name, "size": len(text), "sha256": hashlib.sha256(text).hexdigest()}
        for name, text in content.items()
        if name != "PACK.json"
    ]
    told = {**json.loads(content["PACK.json"]), "files": files, **changes}
    return {**content, "PACK.json": json.dumps(told).encode()}


def refused(pack, cache, why):
    with pytest.raises(StoreError) as caught:
        unpacked_run(pack)
    assert why in str(caught.value)
    assert str(pack) in str(caught.value)
    assert "\n" not in str(caught.value)
    left = list((cache / "packs").rglob("*"))
    assert left == []


def test_a_pack_is_a_run_like_any_other(pack, cache, capsys):
    folder = unpacked_run(pack)
    assert folder.is_relative_to(cache / "packs")
    assert unpacked_run(pack) == folder
    assert len(runner.load(pack)) == len(runner.load(folder)) > 20
    for command in ("report", "verify", "history"):
        assert main([command, str(pack)]) == ExitCode.OK
    assert "mnist_mlp" in capsys.readouterr().out


def test_compare_takes_packs(pack, tmp_path, capsys):
    other = small_run(tmp_path / "others")
    assert main(["compare", str(pack), str(other)]) == ExitCode.OK
    assert f"A: {read_pack(pack).run}" in capsys.readouterr().out


def test_a_folder_of_packs_is_a_history(pack, capsys):
    assert main(["history", str(pack.parent), "--json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["series"]


EVIL = [
    *("../evil", "/evil", "jobs/../evil/job.json", "jobs/a/../../job.json", "jobs/a/evil.sh"),
    *("jobs/.hidden/job.json", "nodes/x.json", "jobs/a\\b/job.json", "jobs//job.json"),
]


@pytest.mark.parametrize("name", EVIL)
def test_names_that_no_run_has_are_refused(pack, cache, name):
    rewrite(pack, described({**members(pack), name: b"x"}))
    refused(pack, cache, "a pack holds no")


def test_what_is_there_and_not_listed_or_listed_and_missing_is_refused(pack, cache):
    content = members(pack)
    rewrite(pack, {**content, "jobs/a/log.txt": b"x"})
    refused(pack, cache, "'jobs/a/log.txt' is listed and missing, or there and not listed")
    first = next(name for name in content if name.endswith("events.jsonl"))
    rewrite(pack, {name: text for name, text in content.items() if name != first})
    refused(pack, cache, "is listed and missing")


def test_a_changed_file_is_refused(pack, cache):
    content = members(pack)
    first = next(name for name, text in content.items() if b'"seconds":' in text)
    faster = content[first].replace(b'"seconds":', b'"seconds": 0', 1)
    rewrite(pack, {**content, first: faster[: len(content[first])]})
    refused(pack, cache, "it was changed")


def test_two_files_of_one_name_are_refused(pack, cache):
    content = members(pack)
    with pytest.warns(UserWarning, match="Duplicate"):
        rewrite(pack, content, [("manifest.json", b"{}")])
    refused(pack, cache, "two of one name")


def test_more_than_a_file_says_it_holds_is_not_read(pack, cache):
    content = members(pack)
    whole = described({**content, "table.csv": b"0" * (1 << 20)})
    told = json.loads(whole["PACK.json"])
    for file in told["files"]:
        file["size"] = min(file["size"], 1000)
    rewrite(pack, {**whole, "PACK.json": json.dumps(told).encode()})
    refused(pack, cache, "has more than")


def test_more_than_a_run_can_hold_is_refused(pack, cache):
    content = members(pack)
    told = json.loads(content["PACK.json"])
    told["files"][0]["size"] = 1 << 40
    rewrite(pack, {**content, "PACK.json": json.dumps(told).encode()})
    refused(pack, cache, "it holds more than")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"run": "../up"}, "is no name for a run"),
        ({"run": "latest"}, "is no name for a run"),
        ({"pack": 2}, "PACK.json: pack"),
        ({"licence": 3}, "PACK.json: licence"),
        ({"files": "none"}, "PACK.json: files"),
    ],
)
def test_a_description_that_is_none_is_refused(pack, cache, changes, why):
    content = members(pack)
    told = {**json.loads(content["PACK.json"]), **changes}
    rewrite(pack, {**content, "PACK.json": json.dumps(told).encode()})
    refused(pack, cache, why)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_pack_is_told(tmp_path, cache, content):
    path = tmp_path / "x.run.zip"
    path.write_bytes(content)
    refused(path, cache, "no pack of a run that can be read")
    with pytest.raises(StoreError):
        read_pack(path)


def test_a_link_in_a_pack_becomes_a_plain_file(pack, cache):
    content = members(pack)
    with zipfile.ZipFile(pack, "w") as archive:
        for name, text in content.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o120777 << 16
            archive.writestr(entry, text)
    folder = unpacked_run(pack)
    assert not any(path.is_symlink() for path in folder.rglob("*"))


def test_a_link_to_a_pack_is_not_followed(pack, cache, tmp_path):
    link = tmp_path / "link.run.zip"
    link.symlink_to(pack)
    refused(link, cache, "it is a link, which is not followed")


@settings(max_examples=150, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(some.integers(0, 2**32), some.sampled_from(["flip", "cut", "member"]))
def test_whatever_is_done_to_a_pack_it_is_read_or_told(pack, cache, seed, how):
    """A damaged pack ends in one error; none is half unpacked, and none reads beyond its run."""
    chance = random.Random(seed)
    whole = bytearray(pack.read_bytes())
    broken = pack.parent / "broken.run.zip"
    if how == "flip":
        for _ in range(chance.randint(1, 20)):
            whole[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        broken.write_bytes(whole)
    elif how == "cut":
        broken.write_bytes(whole[: chance.randrange(len(whole))])
    else:
        content = members(pack)
        name = chance.choice(sorted(content))
        text = bytearray(content[name])
        for _ in range(chance.randint(1, 5)):
            if text:
                text[chance.randrange(len(text))] = chance.randrange(256)
        rewrite(broken, {**content, name: bytes(text)})
    try:
        folder = unpacked_run(broken)
    except StoreError as error:
        assert "no pack of a run that can be read" in str(error)
    else:
        assert folder.is_relative_to(cache / "packs")
        assert len(runner.load(folder)) > 20


def test_an_archive_that_asks_for_a_password_is_told(pack, cache):
    content = members(pack)
    rewrite(pack, content)
    raw = bytearray(pack.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = raw.find(mark)
        while start >= 0:
            raw[start + place] |= 1
            start = raw.find(mark, start + 4)
    pack.write_bytes(raw)
    refused(pack, cache, "no pack of a run that can be read")


def test_one_run_makes_one_pack(tmp_path, cache):
    folder = small_run(tmp_path / "runs")
    packs = []
    for _ in range(2):
        shared = make_pack(folder, False, "CC0-1.0", None)
        pack = shared.pack.model_copy(update={"made": "2026-01-01T00:00:00Z"})
        path = tmp_path / "one.run.zip"
        write_pack(type(shared)(pack, shared.content, shared.scrubber), path)
        packs.append(path.read_bytes())
    assert packs[0] == packs[1]
    assert zipfile.ZipFile(io.BytesIO(packs[0])).testzip() is None
