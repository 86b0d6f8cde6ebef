from __future__ import annotations

from dataclasses import field

import pytest

from acinus.core.errors import UsageError
from acinus.core.limits import Area, Count, Length, Mpp
from acinus.core.scaling import SizeRatio, scaled
from acinus.core.settings import settings_class


@settings_class
class Inner:
    rim_um: Length = 8.0
    steps: Count = 5


@settings_class
class Outer:
    mpp: Mpp = 1.25
    min_area_um2: Area = 100.0
    max_area_um2: Area = 200.0
    least_um2: Area = 10.0
    inner: Inner = field(default_factory=Inner)


def test_lengths_take_the_ratio_and_areas_its_square():
    larger = scaled(Outer(), SizeRatio(2.0, 2.0))
    assert larger == Outer(
        mpp=2.5, min_area_um2=400.0, max_area_um2=800.0, least_um2=40.0, inner=Inner(rim_um=16.0)
    )


def test_bounds_follow_the_smallest_and_largest_and_the_rest_their_geometric_mean():
    wider = scaled(Outer(), SizeRatio(1.0, 4.0))
    assert (wider.min_area_um2, wider.max_area_um2) == (100.0, 3200.0)
    assert (wider.mpp, wider.least_um2, wider.inner.rim_um) == (2.5, 40.0, 16.0)


def test_a_chosen_value_stays_what_it_is():
    assert scaled(Outer(least_um2=11.0), SizeRatio(2.0, 2.0)).least_um2 == 11.0


def test_scaling_twice_for_the_same_size_is_scaling_once():
    once = scaled(Outer(), SizeRatio(2.0, 2.0))
    assert scaled(once, SizeRatio(2.0, 2.0)) == once


def test_a_size_that_no_microscope_resolves_is_refused():
    with pytest.raises(UsageError, match=r"Outer\.mpp is 12\.5; expected a number from 0\.1 to 4"):
        scaled(Outer(), SizeRatio(10.0, 10.0))
