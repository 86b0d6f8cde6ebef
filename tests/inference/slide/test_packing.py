"""Maps as bytes come back as they were, and nothing that was damaged passes for a map."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acinus.core.geometry import Box
from acinus.inference.slide.packing import is_whole, pack, unpack

BOX = Box(40, 50, 6, 4)
PLANES = np.random.default_rng(0).integers(0, 256, (3, 4, 6), dtype=np.uint8)


@given(st.integers(1, 4), st.integers(0, 9), st.integers(0, 9), st.integers(0, 1000))
def test_maps_come_back_as_they_were(count: int, height: int, width: int, seed: int):
    planes = np.random.default_rng(seed).integers(0, 256, (count, height, width), dtype=np.uint8)
    box = Box(seed, 2 * seed, width, height)
    found = unpack(pack(planes, box), box, count=count)
    assert found is not None
    assert found.dtype == np.uint8
    assert np.array_equal(found, planes)


def test_a_map_that_comes_back_cannot_be_changed():
    found = unpack(pack(PLANES, BOX), BOX, count=3)
    assert found is not None
    with pytest.raises(ValueError, match="read-only"):
        found[0, 0, 0] = 1


@pytest.mark.parametrize("box", [Box(41, 50, 6, 4), Box(40, 51, 6, 4), Box(40, 50, 4, 6)])
def test_maps_of_another_box_are_not_those_asked_for(box: Box):
    assert unpack(pack(PLANES, BOX), box, count=3) is None


@pytest.mark.parametrize("count", [1, 2, 4])
def test_another_number_of_maps_is_not_what_was_asked_for(count: int):
    assert not is_whole(pack(PLANES, BOX), BOX, count=count)


@given(st.data())
def test_no_damage_goes_unnoticed(data: st.DataObject):
    packed = bytearray(pack(PLANES, BOX))
    end = data.draw(st.integers(0, len(packed) - 1))
    assert unpack(bytes(packed[:end]), BOX, count=3) is None
    header = 8 + 5 * 8  # magic, box and number; height and width that follow are those of the maps
    place = data.draw(st.one_of(st.integers(0, header - 1), st.integers(header + 16, len(packed) - 1)))
    packed[place] ^= 1 << data.draw(st.integers(0, 7))
    assert unpack(bytes(packed), BOX, count=3) is None


def test_a_uniform_map_takes_next_to_nothing():
    box = Box(0, 0, 1024, 1024)
    assert len(pack(np.full((1, 1024, 1024), 9, np.uint8), box)) < 300
