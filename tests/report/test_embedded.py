"""What becomes of text that wants to be more than text."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_runs import HOSTILE
from runner.report.html.embedded import content_policy, embedded_json
from runner.report.html.packed import pack_frame, plain_value
from runner.words import escaped_lines

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)  # fmt: skip


@given(anything)
def test_embedded_data_reads_back_and_cannot_leave_its_element(content):
    written = embedded_json(content)
    assert json.loads(written) == content
    assert not set("<>&\u2028\u2029") & set(written)
    assert written.isascii()


def test_a_number_that_json_lacks_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        embedded_json(float("nan"))


@given(st.text() | st.just(HOSTILE))
def test_nothing_stays_inescaped_lines(text):
    hidden = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
    shown = escaped_lines(text)
    assert [c for c in shown if unicodedata.category(c) in hidden and c not in "\n\t"] == []
    assert escaped_lines(shown) == shown


def test_what_is_made_visible_can_be_told():
    assert escaped_lines("a\r\nb\rc\td") == "a\nb\nc\td"
    assert escaped_lines("\x1b[31m\x00\x7f\x9b") == r"\x1b[31m\x00\x7f\x9b"
    assert escaped_lines("x\u202ey\u200b") == r"x\u202ey\u200b"
    assert escaped_lines("Größe \u4e2d\u6587 \U0001f600") == "Größe \u4e2d\u6587 \U0001f600"


def test_the_policy_names_hashes_and_allows_no_source():
    said = content_policy(["library", "script"], "style")
    assert said.startswith("default-src 'none'")
    assert "http" not in said
    assert "unsafe" not in said
    assert said.count("'sha256-") == 3
    assert said != content_policy(["library", "scripts"], "style")


def test_numbers_are_rounded_and_what_is_none_is_null():
    values = [1 / 3, float("nan"), float("inf"), None, 123456, "a\x07"]
    assert [plain_value(v) for v in values] == [0.33333, None, None, None, 123456, r"a\x07"]


def test_columns_are_packed_by_value_and_empty_ones_left_out(tmp_path):
    import pandas as pd

    frame = pd.DataFrame({"a": ["x", "y", "x", None], "b": [None] * 4, "c": [1, 2, 3, 4]})
    assert pack_frame(frame) == {
        "length": 4,
        "columns": {"a": {"values": ["x", "y"], "index": [0, 1, 0, -1]}, "c": [1, 2, 3, 4]},
    }
