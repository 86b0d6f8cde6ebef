"""What a network is shown in place of the glass beside tissue."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from acinus.core.geometry import Box
from acinus.core.image import BoolMask, RgbArray, RgbImage
from acinus.core.segmenter import ProbabilityMap
from acinus.glands.roi import RegionOfInterest
from acinus.inference.refinement import RefinementSettings
from acinus.inference.slide.continuation import TissueContinuation
from acinus.inference.slide.plan import WindowPlan
from acinus.inference.slide.tissue import SlideTissue
from acinus.slides.artefacts import Artefacts

from .in_memory import MPP, ArraySlide, computed, grid_of

GLASS = (243, 242, 244)
COARSE = 4  # working pixels in a pixel of the overview: 10 µm


def tissue_of(mask: BoolMask, **more: object) -> SlideTissue:
    """Return tissue whose overview has pixels of 10 µm, on a grid of 2.5 µm."""
    grid = grid_of(mask.shape[0] * COARSE, mask.shape[1] * COARSE)
    return SlideTissue(mask, COARSE * MPP, grid, grid.box, **more)  # type: ignore[arg-type]


def columns_of_tissue(columns: slice, *, size: tuple[int, int] = (10, 30)) -> BoolMask:
    mask = np.zeros(size, bool)
    mask[:, columns] = True
    return mask


def purple(height: int, width: int, *, seed: int = 0) -> RgbArray:
    """Return stained pixels all of which are told apart by their red and blue."""
    rng = np.random.default_rng(seed)
    rgb = np.empty((height, width, 3), np.uint8)
    rgb[..., 0] = rng.integers(150, 220, (height, width))
    rgb[..., 1] = 40
    rgb[..., 2] = rng.integers(150, 220, (height, width))
    return rgb


def pictured(tissue: SlideTissue, *, seed: int = 0) -> RgbArray:
    """Return a slide that is stained where the overview says so, glass elsewhere."""
    rgb = purple(tissue.grid.size.height, tissue.grid.size.width, seed=seed)
    rgb[~tissue.mask_of(tissue.grid.box, rim=False)] = GLASS
    return rgb


def shown(continuation: TissueContinuation, rgb: RgbArray) -> tuple[RgbArray, BoolMask]:
    whole = continuation.tissue.grid.box
    return continuation.shown(rgb, whole, whole)


def test_glass_beside_a_straight_edge_shows_the_tissue_mirrored_and_beyond_its_reach_stays_glass():
    tissue = tissue_of(columns_of_tissue(slice(0, 10)))  # 40 of 120 working pixels
    rgb = pictured(tissue)
    result, glass = shown(TissueContinuation(tissue, reach_um=25.0), rgb)
    # Blurred by half a pixel, the first column of glass, 40, is stained, too. As a neighbour of glass it is
    # painted over, and tissue proper ends at 39.
    assert np.flatnonzero(glass.all(axis=0)).tolist() == list(range(41, 120))
    assert not glass[:, :41].any()
    np.testing.assert_array_equal(result[:, :40], rgb[:, :40])
    np.testing.assert_array_equal(result[:, 40:50], rgb[:, 38:28:-1])  # 40 shows 2 × 39 − 40, 49 shows 29
    np.testing.assert_array_equal(result[:, 50:], rgb[:, 50:])  # more than 10 px from 39


def test_narrow_tissue_is_continued_by_its_own_width():
    tissue = tissue_of(columns_of_tissue(slice(10, 12)))  # working pixels 40 to 47
    rgb = pictured(tissue)
    result, _ = shown(TissueContinuation(tissue, reach_um=25.0), rgb)
    np.testing.assert_array_equal(result[:, 49:55], rgb[:, 45:39:-1])  # behind 47: 2 × 47 − 49 = 45
    np.testing.assert_array_equal(result[:, 55:], rgb[:, 55:])


def test_a_pixel_of_the_overview_that_tissue_fills_in_part_is_glass_where_it_has_no_stain():
    mask = columns_of_tissue(slice(0, 10))
    tissue = tissue_of(mask)
    rgb = pictured(tissue)
    rgb[:, 37:] = GLASS  # three of the last four working pixels that the overview calls tissue
    _, glass = shown(TissueContinuation(tissue, reach_um=25.0), rgb)
    assert np.flatnonzero(glass.all(axis=0)).tolist() == list(range(38, 120))


def test_a_lumen_is_not_glass_nor_is_what_is_left_out():
    mask = columns_of_tissue(slice(0, 20))
    mask[3:7, 5:9] = False
    gap = np.zeros_like(mask)
    gap[3:7, 5:9] = True
    artefact = np.zeros(mask.shape, np.uint8)
    artefact[:, 20:] = 1
    for kind in ("gap", "artefact"):
        tissue = tissue_of(
            mask | gap if kind == "artefact" else mask,
            wide_gaps=gap,
            artefacts=Artefacts(artefact, COARSE * MPP),
        )
        rgb = pictured(tissue)
        result, glass = shown(TissueContinuation(tissue, reach_um=50.0), rgb)
        assert not glass.any(), kind
        np.testing.assert_array_equal(result, rgb)


def test_what_is_not_of_interest_is_neither_glass_nor_shown():
    roi = RegionOfInterest(inside=(shapely.box(0, 0, 60, 40),))
    everywhere = tissue_of(np.ones((10, 30), bool))
    tissue = tissue_of(np.arange(30)[None] < np.full((10, 1), 15), roi=roi)
    rgb = pictured(everywhere)
    rgb[:, 70:80] = GLASS  # a lumen outside
    result, glass = shown(TissueContinuation(tissue, reach_um=50.0), rgb)
    assert not glass.any()
    np.testing.assert_array_equal(result, rgb)


def blobs(data: st.DataObject, *, size: tuple[int, int] = (12, 14)) -> SlideTissue:
    """Return tissue of a few rectangles, and a gap in one of them."""
    mask = np.zeros(size, bool)
    for _ in range(data.draw(st.integers(1, 4))):
        y, x = data.draw(st.integers(0, 10)), data.draw(st.integers(0, 12))
        mask[y : y + data.draw(st.integers(1, 6)), x : x + data.draw(st.integers(1, 6))] = True
    gap = np.zeros_like(mask)
    gap[5:7, 6:8] = ~mask[5:7, 6:8]
    return tissue_of(mask, wide_gaps=gap)


@given(st.data(), st.sampled_from([7.5, 20.0, 45.0]))
@settings(deadline=None)
def test_glass_shows_what_lies_as_far_behind_the_nearest_edge(data: st.DataObject, reach_um: float):
    tissue = blobs(data)
    rgb = pictured(tissue, seed=data.draw(st.integers(0, 9)))
    result, glass = shown(TissueContinuation(tissue, reach_um), rgb)
    beside = np.zeros_like(glass)
    for dy, dx in np.ndindex(3, 3):  # one pixel around glass has something of it
        rows, columns = (
            np.clip(np.arange(n) + d - 1, 0, n - 1) for n, d in zip(glass.shape, (dy, dx), strict=True)
        )
        beside |= glass[np.ix_(rows, columns)]
    inside = tissue.mask_of(tissue.grid.box, rim=False) & ~beside
    edge = np.argwhere(inside)
    for y, x in np.ndindex(*glass.shape):
        away = np.hypot(*(edge - (y, x)).T)
        possible = (
            [rgb[y, x]] if not beside[y, x] or not len(edge) or away.min() > 0.95 * reach_um / MPP else []
        )
        if beside[y, x] and len(edge) and away.min() <= 1.02 * reach_um / MPP:
            for at_y, at_x in edge[away <= 1.05 * away.min()]:  # distances are not exact
                behind = 2 * at_y - y, 2 * at_x - x
                there = all(0 <= place < length for place, length in zip(behind, glass.shape, strict=True))
                possible.append(rgb[behind] if there and inside[behind] else rgb[y, x])
        assert any((result[y, x] == colour).all() for colour in possible)


@given(st.data(), st.sampled_from([7.5, 20.0, 45.0]))
@settings(deadline=None)
def test_what_is_shown_does_not_depend_on_the_box(data: st.DataObject, reach_um: float):
    tissue = blobs(data, size=(20, 24))
    whole = tissue.grid.box
    rgb = pictured(tissue)
    continuation = TissueContinuation(tissue, reach_um)
    result, glass = shown(continuation, rgb)
    part = Box(data.draw(st.integers(0, 70)), data.draw(st.integers(0, 60)), 20, 16)
    around = part.grown(continuation.margin_px).intersection(whole)
    rows, columns = part.slices_in(whole)
    part_shown, part_glass = continuation.shown(rgb[around.slices_in(whole)], around, part)
    np.testing.assert_array_equal(part_shown, result[rows, columns])
    np.testing.assert_array_equal(part_glass, glass[rows, columns])
    if not continuation.concerns(part):
        np.testing.assert_array_equal(part_shown, rgb[rows, columns])
        assert not part_glass.any()


class SumsAround:
    """Says of each pixel the mean of red and blue within 8 px, which is high on tissue and on its image."""

    mpp = MPP

    def probability(self, image: RgbImage) -> ProbabilityMap:
        stain = (image.rgb[..., 0].astype(np.int64) - image.rgb[..., 1]) * 2
        sums = ndimage.uniform_filter(np.pad(stain, 8).astype(np.float64), 17, mode="constant")[8:-8, 8:-8]
        return np.clip(np.rint(sums), 0, 255).astype(np.float32) / 255


@pytest.mark.parametrize("window_px", [40, 64, 400])
@pytest.mark.parametrize("continued_um", [0.0, 30.0])
def test_windows_give_the_same_wherever_they_end_and_glass_is_never_gland(
    tmp_path: Path, window_px: int, continued_um: float
):
    mask = np.zeros((40, 50), bool)
    mask[8:30, 5:21] = mask[12:18, 30:44] = True
    tissue = tissue_of(mask)
    slide = ArraySlide(pictured(tissue))
    plan = WindowPlan(tissue.grid, window_px=window_px, halo_px=16, blend_px=8)
    settings = RefinementSettings(colour_weight=0.0, continued_um=continued_um)
    store = computed(tmp_path / "windows", slide, SumsAround(), plan, tissue, refinement=settings)
    at_once = WindowPlan(tissue.grid, window_px=400, halo_px=16, blend_px=8, shift_px=200)
    whole = computed(tmp_path / "whole", slide, SumsAround(), at_once, tissue, refinement=settings)
    found = store.read(tissue.grid.box)
    np.testing.assert_array_equal(found, whole.read(tissue.grid.box))
    corner, middle = found[33, 21], found[70, 50]
    assert middle > 200
    _, glass = shown(TissueContinuation(tissue, 30.0), slide.rgb)
    if continued_um:
        assert corner > 200  # it looks like the middle
        assert not found[glass].any()
    else:
        assert corner < 120
        assert found[glass].any()
