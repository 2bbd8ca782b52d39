"""Edits are spliced into bytes: the rest stays, and nothing is changed twice."""

import pytest

from nmt.documents.units import Edit, spliced


def test_edits_change_their_places_alone():
    data = b"one two three"
    edits = [Edit(8, 13, b"3"), Edit(0, 3, b"1"), Edit(4, 4, b"a "), Edit(4, 4, b"b ")]
    assert spliced(data, edits) == b"1 a b two 3"
    assert spliced(data, []) == data
    # What is put before a place stands before what replaces it.
    assert spliced(data, [Edit(4, 7, b"2"), Edit(4, 4, b"a ")]) == b"one a 2 three"


def test_edits_that_overlap_are_a_mistake():
    with pytest.raises(ValueError, match="overlap at byte 2"):
        spliced(b"abcdef", [Edit(0, 3, b""), Edit(2, 4, b"")])
