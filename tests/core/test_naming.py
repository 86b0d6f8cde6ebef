from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from acinus.core.naming import natural_key, plural

NAMES = st.text(alphabet="aB_0129²٣µ ", max_size=8)


def test_names_stand_in_the_order_in_which_people_count() -> None:
    names = ["tile_2", "tile_10", "tile_1b", "Tile_3", "10", "9", "a5²", "a5", ""]
    expected = ["", "9", "10", "a5", "a5²", "tile_1b", "tile_2", "Tile_3", "tile_10"]
    for shuffled in itertools.islice(itertools.permutations(names), 0, 5000, 37):
        assert sorted(shuffled, key=natural_key) == expected


def test_zeros_in_front_do_not_change_the_number() -> None:
    assert natural_key("slide_007") == natural_key("slide_7")
    assert natural_key("slide_07") < natural_key("slide_8") < natural_key("slide_0010")


@given(one=NAMES, other=NAMES)
def test_any_two_names_can_be_compared(one: str, other: str) -> None:
    first, second = natural_key(one), natural_key(other)
    assert (first < second) + (first == second) + (second < first) == 1


@given(prefix=st.sampled_from(["", "tile_", "CRC-"]), low=st.integers(0, 10**12), more=st.integers(1, 10**6))
def test_larger_numbers_come_later(prefix: str, low: int, more: int) -> None:
    assert natural_key(f"{prefix}{low}.png") < natural_key(f"{prefix}{low + more}.png")


def test_a_noun_agrees_with_its_count() -> None:
    assert [plural(count, "gland") for count in (0, 1, 2)] == ["0 glands", "1 gland", "2 glands"]
    assert plural(1, "gland lies", "glands lie") == "1 gland lies"
    assert plural(5, "gland lies", "glands lie") == "5 glands lie"
    assert plural(1200, "gland", shown="1,200") == "1,200 glands"
