import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acinus.core.errors import InputError, MppError
from acinus.core.units import check_mpp, um2_to_px, um_to_px


@pytest.mark.parametrize("mpp", [0.1, 0.25, 0.62005, 1, 4.0])
def test_resolutions_of_light_microscopes_pass_unchanged(mpp: float):
    assert check_mpp(mpp, source="a.svs") == mpp
    assert isinstance(check_mpp(mpp, source="a.svs"), float)


def test_a_missing_resolution_asks_for_the_option():
    with pytest.raises(MppError, match=r"^a\.svs has no µm/px; pass --mpp, for example --mpp 0\.5$"):
        check_mpp(None, source="a.svs")


@pytest.mark.parametrize(
    ("mpp", "said"), [(0.0999, "0.0999"), (4.001, "4.001"), (0, "0"), (-0.5, "-0.5"), (25400 / 72, "352.778")]
)
def test_absurd_resolutions_are_named_with_the_range(mpp: float, said: str):
    with pytest.raises(MppError, match=rf"^--mpp gives {said} µm/px, expected 0\.1 to 4; pass --mpp"):
        check_mpp(mpp, source="--mpp")


def test_a_python_caller_is_told_of_the_argument():
    with pytest.raises(MppError, match=r"^a has no µm/px; pass mpp=, for example mpp=0\.5$"):
        check_mpp(None, source="a", remedy="mpp=")
    with pytest.raises(MppError, match=r"^mpp= gives -1 µm/px, .*; pass mpp= with the true value$"):
        check_mpp(-1, source="mpp=", remedy="mpp=")


@pytest.mark.parametrize("mpp", [float("nan"), float("inf"), float("-inf")])
def test_resolutions_that_are_no_number_are_refused(mpp: float):
    with pytest.raises(MppError, match=r"expected 0\.1 to 4"):
        check_mpp(mpp, source="a.svs")


def test_an_unknown_resolution_is_an_unusable_input():
    assert issubclass(MppError, InputError)
    assert MppError("x").exit_code == 1


def test_lengths_shrink_by_the_resolution_and_areas_by_its_square():
    assert um_to_px(30.0, mpp=1.5) == 20.0
    assert um2_to_px(45.0, mpp=1.5) == 20.0


@settings(max_examples=30)
@given(st.floats(0.1, 1000), st.floats(0.1, 4))
def test_the_area_of_a_square_is_the_square_of_its_side(side_um: float, mpp: float):
    assert um2_to_px(side_um**2, mpp=mpp) == pytest.approx(um_to_px(side_um, mpp=mpp) ** 2)
