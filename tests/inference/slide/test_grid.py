from __future__ import annotations

import numpy as np
import pytest

from acinus.core.errors import MppError
from acinus.core.geometry import Size
from acinus.inference.slide.grid import WorkingGrid

from .in_memory import ArraySlide


def test_the_grid_covers_the_slide_with_its_last_pixels_in_part():
    slide = ArraySlide(np.zeros((11, 21, 3), np.uint8), mpp=0.5)
    grid = WorkingGrid.of(slide, 2.5)
    assert grid.size == Size(5, 3)
    assert grid.scale == 5.0


def test_a_size_that_divides_has_no_pixel_too_many():
    slide = ArraySlide(np.zeros((3, 100_000, 3), np.uint8), mpp=0.1)
    assert WorkingGrid.of(slide, 0.3).size == Size(33_334, 1)
    slide = ArraySlide(np.zeros((3, 99_999, 3), np.uint8), mpp=0.1)
    assert WorkingGrid.of(slide, 0.3).size == Size(33_333, 1)


def test_a_slide_without_mpp_has_no_grid():
    slide = ArraySlide(np.zeros((3, 3, 3), np.uint8))
    slide.mpp = None  # type: ignore[assignment]
    with pytest.raises(MppError, match="--mpp"):
        WorkingGrid.of(slide, 2.5)
