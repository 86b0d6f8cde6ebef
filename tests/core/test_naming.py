"""Names in the order in which people count."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acinus.core.naming import natural_key


@pytest.mark.parametrize(
    ("names", "ordered"),
    [
        (["a10", "a9", "a1"], ["a1", "a9", "a10"]),
        (["b1", "A2", "a1"], ["a1", "A2", "b1"]),
        (["a", "a1", "a1b", "1a", "a01"], ["1a", "a", "a1", "a01", "a1b"]),
        (["a5²", "a5", "a50"], ["a5", "a5²", "a50"]),  # ² is a digit, and no decimal one
        (["x٣", "x2", "x10"], ["x2", "x٣", "x10"]),  # an Arabic three
    ],
)
def test_names_are_ordered_as_people_count(names, ordered):
    assert sorted(names, key=natural_key) == ordered


@given(st.lists(st.text(), max_size=8))
def test_any_names_can_be_ordered(names):
    keys = [natural_key(name) for name in sorted(names, key=natural_key)]
    assert all(one <= other for one, other in pairwise(keys))
