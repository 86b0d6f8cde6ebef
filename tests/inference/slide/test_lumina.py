"""Wide gaps of a slide are lumina where gland lines them, whatever windows the slide was computed in."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from acinus.core.geometry import Box
from acinus.core.image import RgbArray
from acinus.glands.roi import RegionOfInterest
from acinus.inference.instances import InstanceSettings
from acinus.inference.refinement import RefinementSettings
from acinus.inference.slide.labelling import label_slide
from acinus.inference.slide.lumina import SlideLumina, find_lumina
from acinus.inference.slide.plan import WindowPlan
from acinus.inference.slide.refining import RefinedSource, TissueSource, refined_source
from acinus.inference.slide.store import WindowStore
from acinus.inference.slide.tissue import SlideTissue

from .in_memory import MPP, ArraySlide, grid_of
from .test_refining import PINK, PURPLE, WHITE, stored

SIDE = 300  # px of 2.5 µm: 750 µm
CENTRE = 150.0
LUMEN, GLAND = 101.0, 121.0  # radii in px: a gap of 0.2 mm² and the epithelium around it
SHARP = RefinementSettings(least_um2=0.0, smoothing_um=0.0)
PLAN = WindowPlan(grid_of(SIDE, SIDE), window_px=128, halo_px=16, blend_px=8)


def distance(x: float = CENTRE, y: float = CENTRE) -> np.ndarray:
    """Return how many pixels each pixel's centre is away from a point, (SIDE, SIDE)."""
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    return np.hypot(rows - y, columns - x)


def drawn(*, lined: bool = True, x: float = CENTRE) -> tuple[RgbArray, np.ndarray]:
    """Return stroma with a wide white gap, lined by gland or not, and what a network says of it.

    The network takes the white for background, and a speck of debris in it as well.
    """
    rgb = np.full((SIDE, SIDE, 3), PINK, np.uint8)
    if lined:
        rgb[distance(x) < GLAND] = PURPLE
    rgb[distance(x) < LUMEN] = WHITE
    probability = np.where((rgb == PURPLE).all(axis=2), 0.9, 0.02).astype(np.float32)
    rgb[debris(x)] = PURPLE
    return rgb, probability


def debris(x: float = CENTRE) -> np.ndarray:
    """Return a speck in the lumen, 12 µm from its wall: near enough to be computed."""
    return distance(x, CENTRE + LUMEN - 5.0) < 2.0


def tissue_around(gaps: np.ndarray) -> SlideTissue:
    """Return tissue everywhere but in wide gaps, seen as finely as the working grid."""
    return SlideTissue(~gaps, MPP, PLAN.grid, PLAN.grid.box, wide_gaps=gaps)


def store_of(
    folder: Path, rgb: RgbArray, probability: np.ndarray, tissue: SlideTissue, plan: WindowPlan = PLAN
) -> WindowStore:
    return stored(folder, plan, rgb, probability, tissue, sigma=0.0)


def source_of(store: WindowStore, tissue: SlideTissue, lumina: SlideLumina | None) -> RefinedSource:
    source = refined_source(store, tissue, SHARP, lumina=lumina)
    assert source is not None
    return source


def test_a_gap_that_gland_lines_is_a_lumen_and_its_bare_pixels_are_gland(tmp_path: Path):
    tissue = tissue_around(distance() < LUMEN)
    store = store_of(tmp_path, *drawn(), tissue)
    found = find_lumina(tissue, store, SHARP)
    assert found is not None
    assert np.array_equal(found.inside, distance() < LUMEN)
    # Stained debris keeps what network and colours say: 0.4 × 0.02 + 0.6 × 1 = 0.61.
    probability = source_of(store, tissue, found).read(PLAN.grid.box)
    assert (probability[(distance() < LUMEN) & ~debris()] == 255).all()
    assert probability[debris()] / 255 == pytest.approx(0.61, abs=0.01)
    assert np.array_equal(probability > 127, distance() < GLAND)
    [crop] = label_slide(source_of(store, tissue, found), InstanceSettings(), mpp=MPP)
    assert np.count_nonzero(crop.labels) == np.count_nonzero(distance() < GLAND)


def test_the_same_gap_in_stroma_is_none(tmp_path: Path):
    tissue = tissue_around(distance() < LUMEN)
    store = store_of(tmp_path, *drawn(lined=False), tissue)
    assert find_lumina(tissue, store, SHARP) is None


def test_where_there_are_no_wide_gaps_no_window_is_read(tmp_path: Path):
    tissue = tissue_around(np.zeros((SIDE, SIDE), bool))
    empty = WindowStore(tmp_path, PLAN)
    assert find_lumina(tissue, empty, SHARP) is None
    assert find_lumina(replace(tissue, wide_gaps=None), empty, SHARP) is None


def test_without_colours_all_of_a_lumen_is_gland(tmp_path: Path):
    tissue = tissue_around(distance() < LUMEN)
    store = store_of(tmp_path, *drawn(), tissue)
    source = TissueSource(store, tissue, find_lumina(tissue, store, SHARP))
    assert np.array_equal(source.read(PLAN.grid.box) > 127, distance() < GLAND)


@pytest.mark.parametrize(("least_lined", "expected"), [(0.4, True), (0.6, False)])
def test_the_share_of_the_rim_that_is_gland_decides(tmp_path: Path, least_lined: float, expected: bool):
    rgb, probability = drawn()
    probability[:, 150:] = 0.02  # half of the ring
    tissue = tissue_around(distance() < LUMEN)
    store = store_of(tmp_path, rgb, probability, tissue)
    found = find_lumina(tissue, store, replace(SHARP, least_lined=least_lined))
    assert (found is not None) == expected


def test_each_gap_is_judged_by_itself(tmp_path: Path):
    lined, bare = distance(75, 75) < 40, distance(225, 225) < 40
    probability = np.where(distance(75, 75) < 60, 0.9, 0.02).astype(np.float32)
    tissue = tissue_around(lined | bare)
    store = store_of(tmp_path, np.full((SIDE, SIDE, 3), PINK, np.uint8), probability, tissue)
    found = find_lumina(tissue, store, SHARP)
    assert found is not None
    assert np.array_equal(found.inside, lined)


def test_only_what_is_of_interest_is_asked_and_is_a_lumen(tmp_path: Path):
    """Gland lines the left half of the gap, nothing the right half, and only the left one is of interest."""
    rgb, probability = drawn()
    probability[:, 150:] = 0.02
    gaps = distance() < LUMEN
    left = np.arange(SIDE) < 150
    everywhere = tissue_around(gaps)
    roi = RegionOfInterest(inside=(shapely.box(0, 0, 150, SIDE),))
    tissue = replace(everywhere, mask=everywhere.mask & left, roi=roi)
    store = store_of(tmp_path, rgb, probability, tissue)
    found = find_lumina(tissue, store, replace(SHARP, least_lined=0.9))
    assert found is not None
    assert np.array_equal(found.inside, gaps & left)
    assert not found.near_of(PLAN.grid.box)[:, 150:].any()


def slide_with_gap(*, x: float) -> tuple[ArraySlide, np.ndarray]:
    rgb, probability = drawn(x=x)
    return ArraySlide(rgb), probability


@pytest.mark.parametrize("x", [CENTRE, 0.0, 40.0])
def test_on_a_slide_the_gap_is_found_also_where_the_slide_s_side_cuts_it(tmp_path: Path, x: float):
    slide, probability = slide_with_gap(x=x)
    tissue = SlideTissue.of(slide, PLAN.grid)
    store = store_of(tmp_path, slide.rgb, probability, tissue)
    found = find_lumina(tissue, store, SHARP)
    gland = source_of(store, tissue, found).read(PLAN.grid.box) > 127
    # On the overview the debris joins the wall: a few bare pixels behind it are tissue.
    assert np.count_nonzero(gland != (distance(x) < GLAND)) < 10


def test_a_strip_of_glass_along_the_slide_s_side_is_no_lumen_even_beside_gland(tmp_path: Path):
    rgb = np.full((SIDE, SIDE, 3), PINK, np.uint8)
    rgb[:, :160], rgb[:, :110] = PURPLE, WHITE  # 275 × 750 µm = 0.2 mm²
    probability = np.where((rgb == PURPLE).all(axis=2), 0.9, 0.02).astype(np.float32)
    slide = ArraySlide(rgb)
    tissue = SlideTissue.of(slide, PLAN.grid)
    store = store_of(tmp_path, rgb, probability, tissue)
    assert find_lumina(tissue, store, SHARP) is None


def test_a_lumen_is_as_deep_inside_its_gland_as_can_be(tmp_path: Path):
    tissue = tissue_around(distance() < LUMEN)
    store = WindowStore(tmp_path, PLAN, depth=True)
    for window in PLAN.windows():
        part = np.full((window.kept.height, window.kept.width), 100, np.uint8)
        store.write(window, np.full_like(part, 230), part)
    found = find_lumina(tissue, store, SHARP)
    depth = TissueSource(store, tissue, found).read_depth(Box(0, 100, SIDE, 100))
    assert depth is not None
    assert (depth[distance()[100:200] < LUMEN + 4] == 255).all()
    assert (depth[distance()[100:200] > LUMEN + 6] == 100).all()  # beyond the rim of 5 px


@settings(max_examples=20)
@given(st.data())
def test_neither_windows_nor_boxes_make_a_difference(whole: tuple[SlideTissue, np.ndarray], data):
    tissue, expected = whole
    side = 8 * data.draw(st.integers(4, 30))
    shift = 8 * data.draw(st.integers(0, side // 8 - 1))
    plan = WindowPlan(PLAN.grid, window_px=side, halo_px=16, blend_px=8, shift_px=shift)
    left, top = data.draw(st.integers(0, SIDE - 1)), data.draw(st.integers(0, SIDE - 1))
    box = Box(left, top, data.draw(st.integers(1, SIDE - left)), data.draw(st.integers(1, SIDE - top)))
    with tempfile.TemporaryDirectory() as folder:
        store = store_of(Path(folder), *scene(), tissue, plan)
        found = find_lumina(tissue, store, SHARP)
        part = source_of(store, tissue, found).read(box)
    assert np.array_equal(part, expected[box.y : box.bottom, box.x : box.right])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[SlideTissue, np.ndarray]:
    """The tissue of a slide with two gaps, one in stroma, and P of the whole slide at once."""
    rgb, probability = scene()
    tissue = SlideTissue.of(ArraySlide(rgb), PLAN.grid)
    plan = WindowPlan(PLAN.grid, window_px=304, halo_px=16, blend_px=8)
    store = store_of(tmp_path_factory.mktemp("whole"), rgb, probability, tissue, plan)
    found = find_lumina(tissue, store, SHARP)
    assert found is not None
    assert found.inside.sum() < tissue.wide_gaps.sum()
    return tissue, source_of(store, tissue, found).read(PLAN.grid.box)


def scene() -> tuple[RgbArray, np.ndarray]:
    rgb, lined, bare = np.full((SIDE, SIDE, 3), PINK, np.uint8), distance(80, 80), distance(215, 215)
    rgb[lined < 75] = PURPLE
    rgb[(lined < 60) | (bare < 60)] = WHITE
    noise = np.random.default_rng(0).normal(0, 2, rgb.shape)
    probability = np.where((lined < 75) & (lined > 60), 0.9, 0.02).astype(np.float32)
    return np.clip(rgb + noise, 0, 255).astype(np.uint8), probability
