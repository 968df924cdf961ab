"""Tests of the lines that say one thing of several cells."""

import pytest

from runner.report.verdict import grouped_lines


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([("a", "is wide"), ("b", "is wide")], ["is wide: a, b"]),
        ([("a", "is wide"), ("b", "is wide"), ("c", "is wide")], ["is wide: all"]),
        ([("a", "is wide (+-9 %)"), ("b", "is wide (+-7 %)")], ["is wide: a (+-9 %), b (+-7 %)"]),
        ([("a", "is wide (+-9 %)"), ("b", "is wide (+-9 %)")], ["is wide (+-9 %): a, b"]),
        ([("a", "x (1)"), ("a", "x (2)")], ["x: a (1), a (2)"]),
        ([("a", "is wide"), ("a", "drifts")], ["is wide: a", "drifts: a"]),
        ([("a", "of (one) kind")], ["of (one) kind: a"]),
        ([], []),
    ],
)
def test_cells_that_share_a_text_share_its_line(lines, said):
    assert grouped_lines(lines, 3) == said
