from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from acinus.core.geometry import Box
from acinus.core.image import RgbImage
from acinus.grouping.segmenter import NetworkSegmenter
from acinus.inference.slide.plan import WindowPlan
from acinus.inference.slide.probability import part_with_tissue
from acinus.networks.unet import UNet

from .in_memory import ArraySlide, Brightest, all_tissue, computed, grid_of, noise, tissue_in


def test_a_window_without_tissue_is_not_computed(tmp_path: Path):
    plan = WindowPlan(grid_of(128, 256), window_px=128, halo_px=16, blend_px=8)
    segmenter = Brightest(0)
    tissue = tissue_in(Box(150, 10, 50, 50), plan.grid)
    slide = ArraySlide(np.full((128, 256, 3), 255, np.uint8))
    assert part_with_tissue(plan, plan.window(0, 0), tissue) is None
    store = computed(tmp_path, slide, segmenter, plan, tissue)
    assert len(segmenter.asked) == len(slide.reads) == 1  # of two windows the right one
    assert slide.reads[0][0].x >= 128 - 16
    assert not store.read(Box(0, 0, 128 - 4, 128)).any()
    assert store.read(Box(150, 10, 50, 50)).min() == 255


def test_probability_is_rounded_and_0_away_from_tissue(tmp_path: Path):
    plan = WindowPlan(grid_of(64, 128), window_px=128, halo_px=16, blend_px=8)
    tissue = tissue_in(Box(40, 30, 20, 10), plan.grid)

    class Sure:
        mpp = plan.grid.mpp

        def probability(self, image: RgbImage) -> np.ndarray:
            return np.full(image.shape, 0.503, np.float32)

    store = computed(tmp_path, ArraySlide(noise(64, 128)), Sure(), plan, tissue)
    result = store.read(plan.grid.box)
    assert np.unique(result).tolist() == [0, 128]
    rows, columns = np.nonzero(result)
    rim = round(24 / 2.5)
    assert (columns.min(), columns.max()) == (40 - rim, 59 + rim)
    assert (rows.min(), rows.max()) == (30 - rim, 39 + rim)


@given(st.data())
def test_of_a_window_that_tissue_fills_in_part_no_more_than_needed_is_computed(data: st.DataObject):
    grid = grid_of(200, 210)
    plan = WindowPlan(grid, window_px=64, halo_px=32, blend_px=16, shift_px=8)
    x, y = data.draw(st.integers(0, 200)), data.draw(st.integers(0, 190))
    tissue = tissue_in(Box(x, y, data.draw(st.integers(1, 50)), data.draw(st.integers(1, 50))), grid)
    window = data.draw(st.sampled_from(list(plan.windows())))
    seen = part_with_tissue(plan, window, tissue)
    mask = tissue.mask_of(window.kept)
    if seen is None:
        assert not mask.any()
        return
    rows, columns = np.nonzero(mask)
    left, top = window.kept.x + columns.min(), window.kept.y + rows.min()
    right, bottom = window.kept.x + columns.max() + 1, window.kept.y + rows.max() + 1
    needed = Box(left, top, right - left, bottom - top).grown(32 - 8).intersection(grid.box)
    assert seen.intersection(needed) == needed
    assert seen.intersection(window.outer) == seen
    assert seen.x % 8 == seen.y % 8 == 0
    assert seen.width < needed.width + 16
    assert seen.height < needed.height + 16


@pytest.fixture(scope="module")
def default_network() -> NetworkSegmenter:
    torch.manual_seed(0)
    network = UNet().eval()
    torch.nn.init.normal_(network.classifier.weight, std=3.0)  # probabilities from 0 to 1, not all near 1/2
    return NetworkSegmenter(network, mpp=2.5, device=torch.device("cpu"), views=1)


@pytest.mark.parametrize("sizes", [{"window_px": 128}, {"window_px": 256, "shift_px": 128}], ids=str)
def test_the_default_network_gives_the_same_in_windows_as_at_once(tmp_path, default_network, sizes):
    rgb = noise(251, 300)
    plan = WindowPlan(grid_of(251, 300), **sizes)
    slide, tissue = ArraySlide(rgb), all_tissue(plan.grid)
    store = computed(tmp_path, slide, default_network, plan, tissue)
    whole = default_network.probability(RgbImage(rgb, mpp=2.5)) * 255
    assert np.ptp(whole) > 50
    assert np.abs(store.read(plan.grid.box) - whole).max() < 0.5 + 1e-2
