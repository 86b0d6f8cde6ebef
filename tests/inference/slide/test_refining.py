"""A slide's colours: one table for all of it, and the same answer for a pixel in whatever box and window."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from acinus.core.errors import OutputError
from acinus.core.geometry import Box
from acinus.core.image import RgbArray
from acinus.inference.colours import ColourModel, ColourRange
from acinus.inference.confidence import certainty
from acinus.inference.refinement import RefinementSettings, refined
from acinus.inference.slide.kept import KeptSource, keep_refined
from acinus.inference.slide.plan import WindowPlan
from acinus.inference.slide.probability import kept_colours, kept_share, part_with_tissue
from acinus.inference.slide.refining import RefinedSource, TissueSource, learn_colours, refined_source
from acinus.inference.slide.store import WindowStore
from acinus.inference.slide.tissue import SlideTissue

from .in_memory import MPP, all_tissue, grid_of, tissue_in

PURPLE, PINK, WHITE = (110, 60, 140), (225, 150, 190), (245, 243, 246)
SETTINGS = RefinementSettings(least_um2=0.0)  # a blur of 1.5 px
SHARP = replace(SETTINGS, smoothing_um=0.0)


def drawn(height: int, width: int) -> tuple[RgbArray, np.ndarray]:
    """Return a slide of blobs on stroma, noisy, and a network's P that misses some: (H, W) float32."""
    rng = np.random.default_rng(0)
    discs = ndimage.gaussian_filter(rng.normal(size=(height, width)), 6.0) > 0.02
    rgb = np.where(discs[..., None], PURPLE, PINK) + rng.normal(0, 20, (height, width, 3))
    rgb[height // 2 : height // 2 + 15] = WHITE
    seen = discs & (np.arange(width) < 0.7 * width)
    probability = np.clip(0.9 * ndimage.gaussian_filter(seen.astype(np.float32), 2.0) + 0.02, 0, 1)
    return np.clip(rgb, 0, 255).astype(np.uint8), probability.astype(np.float32)


def stored(
    folder: Path,
    plan: WindowPlan,
    rgb: RgbArray,
    probability: np.ndarray,
    tissue: SlideTissue,
    *,
    sigma: float = SETTINGS.smoothing_um / MPP,
) -> WindowStore:
    """Return the store of a slide with this probability; windows see what the plan shows them."""
    store = WindowStore(folder, plan, colours=folder / "colours")
    for window in plan.windows():
        seen = part_with_tissue(plan, window, tissue)
        if seen is None:
            store.write_empty(window)
            continue
        part = np.s_[seen.y : seen.bottom, seen.x : seen.right]
        colours = kept_colours(rgb[part], seen, window, tissue, sigma=sigma)
        store.write_colours(window, colours)
        kept = probability[seen.intersection(window.kept).slices_in(plan.grid.box)]
        store.write(window, kept_share(kept, seen, window, tissue))
    return store


def speckled(plan: WindowPlan) -> SlideTissue:
    """Return tissue in a few places."""
    height, width = plan.grid.size.height, plan.grid.size.width
    mask = np.random.default_rng(2).random((height, width)) < 0.002
    return SlideTissue(mask, MPP, plan.grid, Box(3, 2, width - 7, height - 4))


def source_of(store: WindowStore, tissue: SlideTissue, how: RefinementSettings = SETTINGS) -> RefinedSource:
    source = refined_source(store, tissue, how)
    assert source is not None
    return source


SMALL = WindowPlan(grid_of(110, 130), window_px=48, halo_px=16, blend_px=8)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> RefinedSource:
    tissue = speckled(SMALL)
    return source_of(stored(tmp_path_factory.mktemp("small"), SMALL, *drawn(110, 130), tissue), tissue)


@settings(max_examples=200)
@given(st.integers(0, 129), st.integers(0, 109), st.integers(0, 130), st.integers(0, 110))
def test_a_box_is_a_part_of_the_whole(source: RefinedSource, x: int, y: int, width: int, height: int):
    box = Box(x, y, min(width, 130 - x), min(height, 110 - y))
    parts, wholes = ((source.read(place), *source.answer(place)) for place in (box, SMALL.grid.box))
    for part, whole in zip(parts, wholes, strict=True):
        assert part.dtype == np.uint8
        assert np.array_equal(part, whole[y : box.bottom, x : box.right])


@pytest.mark.parametrize("colours", [True, False], ids=["with colours", "without"])
def test_what_is_kept_is_what_was_computed_and_every_pixel_of_tissue_is_asked_once_how_certain_it_is(
    tmp_path: Path, source: RefinedSource, colours: bool
):
    of = source if colours else TissueSource(source.store, source.tissue)
    kept = KeptSource(WindowStore(tmp_path, SMALL), of)
    confidence = keep_refined(of, of.tissue, into=kept.refined)
    for box in (SMALL.grid.box, Box(20, 15, 60, 70), Box(31, 0, 2, 110)):
        assert np.array_equal(kept.read(box), of.read(box))
    assert kept.size == of.size
    network, said = (
        None if values is None else values.astype(np.float32) / 255
        for values in of.answer(SMALL.grid.box)[1:]
    )
    assert network is not None
    asked = certainty(network, said)[of.tissue.mask_of(SMALL.grid.box, rim=False)]
    assert 0 < asked.size == confidence.count
    assert confidence.mean == pytest.approx(asked.mean(), abs=1e-6)


def test_depth_is_read_from_where_it_was(tmp_path: Path):
    plan = WindowPlan(grid_of(32, 32), window_px=32, halo_px=8, blend_px=8)
    window, ramp = plan.window(0, 0), np.arange(1024, dtype=np.uint32).reshape(32, 32).astype(np.uint8)
    store = WindowStore(tmp_path / "windows", plan, depth=True)
    store.write(window, np.full((32, 32), 200, np.uint8), ramp)
    source = TissueSource(store, all_tissue(plan.grid))
    kept = KeptSource(WindowStore(tmp_path / "refined", plan), source)
    keep_refined(source, source.tissue, into=kept.refined)
    depth = kept.read_depth(Box(3, 4, 5, 6))
    assert depth is not None
    assert np.array_equal(depth, ramp[4:10, 3:8])
    assert (kept.read(plan.grid.box) == 200).all()


def test_it_is_what_the_formulas_give_for_the_whole_slide_at_once(source: RefinedSource):
    rgb, probability = drawn(110, 130)
    mask = source.tissue.mask_of(SMALL.grid.box)
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(float)
    lab = np.rint([ndimage.gaussian_filter(lab[..., axis], 1.5, mode="mirror") for axis in range(3)])
    told = mask & (np.hypot(lab[1] - 128, lab[2] - 128) >= 7)
    likelihood = source.model.likelihood(lab.transpose(1, 2, 0).astype(np.float32)) * mask
    possible = told | source.tissue.mask_of(SMALL.grid.box, rim=False)
    smooth = ndimage.gaussian_filter(likelihood, 1.5, mode="mirror")
    likelihood = np.where(told, smooth, probability * possible)
    _, network, colours = source.answer(SMALL.grid.box)
    off = np.abs(colours / 255 - likelihood)
    assert np.quantile(off[told], 0.95) < 0.02  # where rounding moves a colour into the next bin it is more
    assert np.quantile(off[mask & ~told], 0.9) < 0.01  # or out of what is stained
    edge = ndimage.binary_dilation(possible) != ndimage.binary_erosion(possible)  # rounding, as above
    assert (mask & ~edge).sum() > 1000
    assert np.allclose(network[~edge], (probability * 255 * possible)[~edge], atol=0.51)
    assert np.allclose(source.read(SMALL.grid.box), 0.4 * network + 0.6 * colours, atol=0.51)
    assert not source.read(SMALL.grid.box)[~mask].any()
    assert (mask & told).sum() > 1000
    assert (mask & ~told).sum() > 100


@settings(max_examples=30)
@given(st.data())
def test_the_windows_make_no_difference(source: RefinedSource, data: st.DataObject):
    side = 8 * data.draw(st.integers(3, 16))
    blend = 2 * data.draw(st.integers(1, 4))
    shift = 8 * data.draw(st.integers(0, side // 8 - 1))
    plan = WindowPlan(SMALL.grid, window_px=side, halo_px=16, blend_px=blend, shift_px=shift)
    with tempfile.TemporaryDirectory() as folder:
        store = stored(Path(folder), plan, *drawn(110, 130), source.tissue)
        other = source_of(store, source.tissue)
        assert np.array_equal(other.model.table, source.model.table)
        assert np.array_equal(other.model.colours.low, source.model.colours.low)
        assert np.array_equal(other.read(plan.grid.box), source.read(plan.grid.box))


def test_a_slide_full_of_tissue_is_refined_as_the_image_is(tmp_path: Path):
    rgb, probability = drawn(300, 280)
    plan = WindowPlan(grid_of(300, 280), window_px=128, halo_px=32, blend_px=16)
    tissue = all_tissue(plan.grid)
    found = source_of(stored(tmp_path, plan, rgb, probability, tissue), tissue).read(plan.grid.box) / 255
    expected = refined(probability, rgb, replace(SETTINGS, lumen_above=1.0), mpp=MPP).probability
    assert np.abs(found - expected).mean() < 0.005
    assert ((found > 0.5) != (expected > 0.5)).mean() < 0.002
    assert (np.abs(found - probability) > 0.3).mean() > 0.02  # what the network missed


def test_a_gland_the_network_missed_is_told_by_the_colour_that_another_window_taught(tmp_path: Path):
    rgb = np.empty((32, 160, 3), np.uint8)
    rgb[:], rgb[:, :40], rgb[:, 120:] = PINK, PURPLE, PURPLE
    probability = np.full((32, 160), 0.02, np.float32)
    probability[:, :40] = 0.95
    probability[:, 120:] = 0.3
    plan = WindowPlan(grid_of(32, 160), window_px=32, halo_px=16, blend_px=8)
    tissue = all_tissue(plan.grid)
    source = source_of(stored(tmp_path, plan, rgb, probability, tissue, sigma=0.0), tissue, SHARP)
    likelihood = source.answer(plan.grid.box).colours
    # All sure gland is purple and all sure background pink.
    assert likelihood[:, 120:].min() > 250
    assert likelihood[:, 40:120].max() < 5
    # 0.4 × 0.3 + 0.6 × 1 = 0.72
    assert source.read(plan.grid.box)[:, 120:] / 255 == pytest.approx(np.full((32, 40), 0.72), abs=0.01)


def test_what_is_white_in_the_tissue_is_left_to_the_network(tmp_path: Path):
    """White is the colour of both: were it learnt, lumina would turn background, or glass gland."""
    rgb = np.full((100, 200, 3), WHITE, np.uint8)
    rgb[30:70, 50:150] = PINK
    rgb[35:65, 60:90] = PURPLE
    rgb[40:60, 65:85] = WHITE
    probability = np.full((100, 200), 0.02, np.float32)
    probability[35:65, 60:90] = 0.8
    plan = WindowPlan(grid_of(100, 200), window_px=64, halo_px=16, blend_px=8)
    mask = np.zeros((100, 200), bool)
    mask[30:70, 50:150] = True
    tissue = SlideTissue(mask, MPP, plan.grid, plan.grid.box)
    source = source_of(stored(tmp_path, plan, rgb, probability, tissue, sigma=0.0), tissue, SHARP)
    refined = source.read(plan.grid.box)
    white = (rgb == WHITE).all(axis=-1) & mask
    assert white.any()
    assert np.array_equal(refined[white], source.store.read(plan.grid.box)[white])
    # 0.4 × 0.8 + 0.6 × 1 = 0.92 in the epithelium, 0.4 × 0.02 + 0.6 × 0 = 0.008 in the stroma
    epithelium, stroma = ((rgb == colour).all(axis=-1) for colour in (PURPLE, PINK))
    assert refined[epithelium] / 255 == pytest.approx(0.92, abs=0.01)
    assert refined[stroma] / 255 == pytest.approx(0.008, abs=0.01)
    assert not refined[~tissue.near].any()


def test_beyond_the_tissue_what_is_stained_can_be_gland_and_glass_cannot(tmp_path: Path):
    """The network fills hollows beside the tissue, as if they were lumina."""
    rgb = np.full((60, 120, 3), WHITE, np.uint8)
    rgb[:, :50] = PINK
    rgb[20:40, 30:55] = PURPLE  # sticks out by five columns
    rgb[25:35, 35:45] = WHITE  # its lumen
    probability = np.full((60, 120), 0.02, np.float32)
    probability[20:40, 30:59] = 0.8
    plan = WindowPlan(grid_of(60, 120), window_px=64, halo_px=16, blend_px=8)
    tissue = SlideTissue(np.broadcast_to(np.arange(120) < 50, (60, 120)), MPP, plan.grid, plan.grid.box)
    assert tissue.near[:, 58].all()
    source = source_of(stored(tmp_path, plan, rgb, probability, tissue, sigma=0.0), tissue, SHARP)
    gland = source.read(plan.grid.box) > 127
    expected = np.zeros((60, 120), bool)
    expected[20:40, 30:55] = True
    assert np.array_equal(gland, expected)


@pytest.mark.parametrize(
    ("settings", "has_say"),
    [
        (SETTINGS, True),
        (replace(SETTINGS, colour_weight=0.0), False),
        (replace(SETTINGS, least_um2=1e9), False),
        (replace(SETTINGS, gland_above=1.0, sure_share=0.0), False),
    ],
)
def test_colours_have_no_say_at_weight_0_or_where_a_class_is_too_small(source, settings, has_say):
    assert (refined_source(source.store, source.tissue, settings) is not None) == has_say


def test_a_slide_without_tissue_teaches_nothing(tmp_path: Path):
    plan = SMALL
    tissue = SlideTissue(np.zeros((110, 130), bool), MPP, plan.grid, plan.grid.box)
    assert learn_colours(stored(tmp_path, plan, *drawn(110, 130), tissue), tissue, SETTINGS) is None


def test_without_colours_what_is_beside_the_tissue_is_no_gland(tmp_path: Path):
    tissue = speckled(SMALL)
    store = stored(tmp_path, SMALL, *drawn(110, 130), tissue)
    whole, source = SMALL.grid.box, TissueSource(store, tissue)
    expected = np.where(tissue.mask_of(whole, rim=False), store.read(whole), 0)
    assert np.array_equal(source.read(whole), expected)
    assert (store.read(whole) > expected).any()  # the rim has some
    assert source.size == store.size
    assert source.read_depth(whole) is None


def test_away_from_tissue_no_window_is_read(tmp_path: Path):
    """The store lacks the window, and would say so."""
    tissue = tissue_in(Box(0, 0, 10, 10), SMALL.grid)
    store = WindowStore(tmp_path, SMALL, colours=tmp_path / "colours")
    model = ColourModel(ColourRange(np.zeros(3), np.full(3, 255.0)), np.ones(32**3, np.float32))
    refined = RefinedSource(store, tissue, model, weight=0.6, sigma=1.5)
    for source in (refined, TissueSource(store, tissue)):
        away = Box(SMALL.grid.size.width - 20, SMALL.grid.size.height - 20, 20, 15)
        assert source.read(away).tolist() == np.zeros((15, 20)).tolist()
        with pytest.raises(OutputError):
            source.read(Box(0, 0, 12, 12))
