"""How a job ended: whatever its file holds."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import StoreError
from runner.spec.job import Status
from runner.store.record import SCHEMA, Record, began_at, read_record

WHOLE = {
    **asdict(Record(Status.TIMEOUT, "it took too long", started="2026-11-27T10:00:00+00:00")),
    "schema": SCHEMA,
}
odd = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20),
    st.sampled_from([str(status) for status in Status]),
    st.lists(st.one_of(st.integers(), st.text(max_size=3)), max_size=2),
    st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
    st.integers(1, 20).map(lambda depth: json.loads("[" * depth + "]" * depth)),
    st.sampled_from(["2026-11-27", "0001-01-01T00:00:00+14:00", "v" * 3000, "\x1b[31m"]),
)  # fmt: skip
records = st.builds(
    lambda changes, gone, is_ascii: json.dumps(
        {name: value for name, value in {**WHOLE, **changes}.items() if name not in gone},
        ensure_ascii=is_ascii,
    ).encode("utf-8", "surrogatepass"),
    st.dictionaries(st.sampled_from([*WHOLE, "more"]), odd, max_size=3),
    st.sets(st.sampled_from(list(WHOLE)), max_size=1),
    st.booleans(),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("job")


@given(
    st.one_of(
        records,
        st.binary(max_size=40),
        st.builds(lambda raw, cut: raw[:cut], records, st.integers(0, 600)),
        st.sampled_from([b"[]", b"[" * 3000, b'{"schema":1,"status":"ok"}']),
    )
)
def test_whatever_a_file_holds_it_is_a_record_or_is_said_to_be_damaged(folder, raw):
    (folder / "record.json").write_bytes(raw)
    try:
        found = read_record(folder)
    except StoreError as error:
        assert "record.json" in str(error)
    else:
        assert found.status in Status
        assert began_at(found) is None or found.started


def test_a_whole_record_is_read_as_it_was_written(folder):
    (folder / "record.json").write_text(json.dumps(WHOLE))
    assert asdict(read_record(folder)) | {"schema": SCHEMA} == WHOLE


def test_a_record_that_is_not_there_has_no_status(tmp_path):
    with pytest.raises(StoreError, match=r"record\.json is missing"):
        read_record(tmp_path)
