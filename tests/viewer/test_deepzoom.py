from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from acinus.core.geometry import Box, Size
from acinus.viewer.deepzoom import TILE_PX, BlankSlide, DeepZoom, OpenedSlide, encode_jpeg


@given(width=st.integers(1, 5000), height=st.integers(1, 5000))
def test_the_tiles_of_every_level_cover_it_once(width: int, height: int) -> None:
    grid = DeepZoom(Size(width, height))
    for level in range(grid.top + 1):
        across, down = (-(-side // grid.downsample(level)) for side in (width, height))
        columns, rows = -(-across // TILE_PX), -(-down // TILE_PX)
        boxes = [grid.box(level=level, column=c, row=r) for r in range(rows) for c in range(columns)]
        assert sum(box.width * box.height for box in boxes if box) == across * down
        assert grid.box(level=level, column=columns, row=0) is None
        assert grid.box(level=level, column=0, row=-1) is None
    assert max(width, height) / grid.downsample(0) <= TILE_PX


def test_there_is_no_level_below_0_or_above_the_top() -> None:
    grid = DeepZoom(Size(1000, 1000))
    assert grid.box(level=-1, column=0, row=0) is None
    assert grid.box(level=3, column=0, row=0) is None


@pytest.fixture
def noise(tmp_path: Path) -> tuple[np.ndarray, OpenedSlide]:
    rgb = np.random.default_rng(0).integers(0, 256, (600, 2300, 3), dtype=np.uint8)
    Image.fromarray(rgb).save(tmp_path / "noise.png")
    return rgb, OpenedSlide(tmp_path / "noise.png")


def test_full_resolution_is_the_files_own_pixels(noise: tuple[np.ndarray, OpenedSlide]) -> None:
    rgb, slide = noise
    box = slide.zoom.box(level=slide.zoom.top, column=3, row=2)
    assert box == Box(768, 512, 256, 88)
    assert np.array_equal(slide.tile(slide.zoom.top, box), rgb[512:600, 768:1024])


def test_coarse_tiles_are_means_of_the_pixels_they_cover(noise: tuple[np.ndarray, OpenedSlide]) -> None:
    rgb, slide = noise
    assert (slide.zoom.top, slide.overview_level) == (4, 3)
    for level, step in ((3, 2), (2, 4), (1, 8)):
        box = slide.zoom.box(level=level, column=0, row=0)
        assert box is not None
        expected = rgb[: 64 * step, : 64 * step].reshape(64, step, 64, step, 3).mean(axis=(1, 3))
        assert np.abs(slide.tile(level, box)[:64, :64] - expected).max() <= 1.01  # rounded once or twice


def test_a_slide_without_resolution_is_shown_without_one(tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), (200, 100, 100)).save(tmp_path / "plain.png")
    slide = OpenedSlide(tmp_path / "plain.png")
    assert slide.mpp is None
    assert slide.mpp_problem is not None
    assert slide.overview().shape == (200, 300, 3)
    slide.close()
    assert slide.tile(1, Box(0, 0, 256, 200)).shape == (200, 256, 3)  # opened again after closing


def test_a_lost_slide_is_white() -> None:
    slide = BlankSlide(Size(3000, 1000), mpp=0.5, reason="is gone")
    assert slide.tile(0, Box(0, 0, 188, 63)).min() == 255
    assert slide.overview().shape == (85, 256, 3)


def test_jpeg_keeps_the_size_and_thumbnails_the_proportions() -> None:
    rgb = np.full((200, 300, 3), 128, np.uint8)
    assert Image.open(io.BytesIO(encode_jpeg(rgb))).size == (300, 200)
    assert Image.open(io.BytesIO(encode_jpeg(rgb, largest_px=30))).size == (30, 20)
