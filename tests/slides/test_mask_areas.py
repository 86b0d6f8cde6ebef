"""Areas of a mask that are numbered band by band."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from acinus.core import scratch
from acinus.slides.mask_areas import label_areas


@pytest.fixture
def two_rows_a_band(monkeypatch):
    monkeypatch.setattr(scratch, "_BAND_PX", 26)


@given(hnp.arrays(np.int32, st.tuples(st.integers(1, 13), st.just(13)), elements=st.integers(0, 1)))
def test_bands_make_no_difference(mask):
    expected, _ = ndimage.label(mask, structure=np.ones((3, 3)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scratch, "_BAND_PX", 26)
        assert np.array_equal(label_areas(mask.copy()), expected)


def test_a_snake_over_all_bands_is_one_area(two_rows_a_band):
    mask = np.zeros((40, 13), np.int32)
    mask[:, ::4] = 9
    mask[0, :5] = mask[-1, 4:9] = mask[0, 8:] = 9  # down, up, down, up
    assert label_areas(mask.copy()).max() == 1
    mask[20] = 0  # above: two pairs of lines; below: a pair between two lines
    assert label_areas(mask.copy()).max() == 5
