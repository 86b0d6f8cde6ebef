from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acinus.core.geometry import Box, Size
from acinus.inference.slide.grid import WorkingGrid
from acinus.inference.slide.tissue import SlideTissue
from acinus.slides.coarse import CoarseView

from .in_memory import ArraySlide

GLASS, EOSIN = (243, 242, 244), (225, 150, 190)
MPP, GRID = 2.0, WorkingGrid(2.5, 2.0, Size(240, 160))


def drawn_slide(*, bounds: Box | None = None) -> ArraySlide:
    """Return 600 × 400 µm of glass with 160 × 160 µm of tissue from (160, 80) µm on."""
    rgb = np.full((200, 300, 3), GLASS, np.uint8)
    rgb[40:120, 80:160] = EOSIN
    return ArraySlide(rgb, mpp=MPP, bounds=bounds)


def test_tissue_is_found_where_it_lies_and_believed_24_um_around():
    slide = drawn_slide()
    tissue = SlideTissue.of(slide, WorkingGrid.of(slide, 2.5))
    assert tissue.grid == GRID
    assert tissue.area_um2 == pytest.approx(160 * 160, rel=0.1)
    mask = tissue.mask_of(tissue.grid.box)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    pixel = 8 / 2.5  # of the overview, in working pixels
    for found, expected_um in (
        (columns[0], 160 - 24),
        (columns[-1] + 1, 320 + 24),
        (rows[0], 80 - 24),
        (rows[-1] + 1, 240 + 24),
    ):
        assert found == pytest.approx(expected_um / 2.5, abs=pixel)


def test_nothing_outside_the_bounds_is_tissue():
    slide = drawn_slide(bounds=Box(100, 0, 30, 100))  # level-0 pixels of 2 µm
    tissue = SlideTissue.of(slide, WorkingGrid.of(slide, 2.5))
    mask = tissue.mask_of(tissue.grid.box)
    assert np.flatnonzero(mask.any(axis=0)).tolist() == list(range(80, 104))  # 200 to 260 µm
    assert np.flatnonzero(mask.any(axis=1)).max() == 79  # up to 200 µm
    assert not tissue.covers(Box(0, 0, 80, 160))
    assert not tissue.covers(Box(0, 80, 240, 80))


def test_artefacts_are_no_tissue_nor_beside_it_and_are_kept_with_it(tmp_path):
    slide = drawn_slide()
    slide.rgb[40:120, 110:120] = (40, 90, 200)  # a stroke of a blue pen, 20 × 160 µm, through the tissue
    slide.rgb[60:90, 60:120] = (40, 90, 200)
    grid = WorkingGrid.of(slide, 2.5)
    tissue = SlideTissue.kept(tmp_path / "tissue.mask", slide, grid)
    ink = tissue.artefacts.of_kind("pen")
    assert ink[60 * 2 // 8 + 1, 60 * 2 // 8 + 1]
    assert not (tissue.mask & ink).any()
    assert not (tissue.near & ink).any()
    again = SlideTissue.kept(tmp_path / "tissue.mask", slide, grid)
    assert np.array_equal(again.mask, tissue.mask)
    assert np.array_equal(again.artefacts.kinds, tissue.artefacts.kinds)


def test_artefacts_that_nobody_looked_for_are_not_taken_for_none_when_read_again(tmp_path):
    slide = drawn_slide()
    grid = WorkingGrid.of(slide, 2.5)
    for _ in range(2):  # found, then read
        assert SlideTissue.kept(tmp_path / "kept", slide, grid, artefacts=False).artefacts is None
    SlideTissue.left_out(tmp_path / "left_out", slide, grid, CoarseView.of(slide, most_px=10_000))
    left_out = SlideTissue.kept(tmp_path / "left_out", slide, grid)
    assert left_out.artefacts is None
    assert not left_out.mask.any()


def _speckled() -> SlideTissue:
    mask = np.random.default_rng(0).random((50, 75)) < 0.002
    return SlideTissue(mask, 8.0, GRID, Box(3, 5, 230, 140))


@given(st.integers(-9, 240), st.integers(-9, 160), st.integers(0, 99), st.integers(0, 99))
def test_what_is_said_of_a_pixel_does_not_depend_on_the_box(x: int, y: int, width: int, height: int):
    tissue = _speckled()
    box = Box(x, y, width, height)
    expected = np.zeros((height, width), bool)
    for row in range(height):
        for column in range(width):
            working_x, working_y = x + column, y + row
            if 3 <= working_x < 233 and 5 <= working_y < 145:
                under_y, under_x = int((working_y + 0.5) * 2.5 / 8.0), int((working_x + 0.5) * 2.5 / 8.0)
                expected[row, column] = tissue.near[min(under_y, 49), min(under_x, 74)]
    assert np.array_equal(tissue.mask_of(box), expected)
    assert tissue.covers(box) == expected.any()


@pytest.mark.parametrize(("side_px", "expected_mpp"), [(1000, 8.0), (100_000, 8.0), (400_000, 31.623)])
def test_a_large_slide_is_looked_at_more_coarsely(side_px: int, expected_mpp: float):
    class Huge:
        mpp, path, size = 0.25, Path("huge.svs"), Size(side_px, side_px)
        bounds = Box(0, 0, side_px, side_px)

        def read_working(self, tile: Box, *, mpp: float) -> np.ndarray:
            assert mpp == pytest.approx(expected_mpp, rel=1e-4)
            assert tile.width * tile.height <= 10_100_000
            assert tile.width * mpp >= side_px * 0.25 - 1e-6
            raise KeyboardInterrupt

    huge = Huge()
    with pytest.raises(KeyboardInterrupt):
        SlideTissue.of(huge, WorkingGrid.of(huge, 2.5))


def test_tissue_is_found_once_and_again_when_its_file_is_damaged(tmp_path: Path):
    slide, path = drawn_slide(), tmp_path / "scratch" / "tissue.mask"
    grid = WorkingGrid.of(slide, 2.5)
    found = SlideTissue.kept(path, slide, grid)
    first = len(slide.reads)
    again = SlideTissue.kept(path, slide, grid)
    assert len(slide.reads) == first
    assert np.array_equal(found.mask, again.mask)
    assert (found.mpp, found.grid, found.bounds) == (again.mpp, again.grid, again.bounds)
    assert not again.wide_gaps.any()
    path.write_bytes(path.read_bytes()[:-3])
    SlideTissue.kept(path, slide, grid)
    assert len(slide.reads) == 2 * first
    SlideTissue.kept(path, slide, grid)
    assert len(slide.reads) == 2 * first


def test_wide_gaps_are_found_and_kept_with_the_tissue(tmp_path: Path):
    rgb = np.full((300, 300, 3), EOSIN, np.uint8)  # 600 × 600 µm
    rgb[80:220, 80:220] = GLASS  # 280 × 280 µm: 78,400 µm²
    slide = ArraySlide(rgb, mpp=MPP)
    grid = WorkingGrid.of(slide, 2.5)
    found, again = (SlideTissue.kept(tmp_path / "tissue.mask", slide, grid) for _ in range(2))
    assert sum(mpp >= 8.0 for _, mpp in slide.reads) == 1
    assert found.wide_gaps.sum() * 64 == pytest.approx(78_400, rel=0.1)
    assert np.array_equal(found.wide_gaps, again.wide_gaps)
    assert np.array_equal(found.mask, ~found.wide_gaps)
    assert np.array_equal(found.mask, again.mask)
    # From the overview's pixels of 8 µm to working pixels of 2.5 µm: the gap begins at 160 µm = 64 px.
    in_gap = found.seen_in(grid.box, found.wide_gaps)
    assert in_gap[80:160, 80:160].all()
    assert not in_gap[:, :56].any()
