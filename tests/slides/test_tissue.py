from __future__ import annotations

import numpy as np
import pytest

from acinus.slides import tissue_mask
from acinus.slides.tissue import find_tissue, pen_mask

GLASS, PALE, EOSIN, NUCLEI = (243, 242, 244), (236, 216, 230), (225, 150, 190), (95, 60, 130)
BLUE_INK, VIOLET_INK, GREEN_INK, BLACK = (40, 60, 180), (60, 55, 170), (30, 140, 80), (20, 20, 22)


def glass(height: int = 150, width: int = 200, *, colour=GLASS) -> np.ndarray:
    """An overview at 8 µm/px of an empty slide, with a camera's noise."""
    noise = np.random.default_rng(0).normal(0, 2, (height, width, 3))
    return np.clip(np.asarray(colour) + noise, 0, 255).astype(np.uint8)


def share_found(rgb: np.ndarray, box: tuple[slice, slice]) -> float:
    return float(tissue_mask(rgb, mpp=8.0)[box].mean())


@pytest.mark.parametrize("colour", [PALE, EOSIN, NUCLEI])
def test_pale_pink_and_dark_tissue_are_found_to_the_pixel(colour):
    rgb = glass()
    rgb[40:100, 50:130] = colour
    mask = tissue_mask(rgb, mpp=8.0)
    assert mask[42:98, 52:128].all()
    assert not mask[:37].any()
    assert not mask[:, 134:].any()


@pytest.mark.parametrize("tint", [GLASS, (250, 250, 250), (238, 236, 222), (240, 233, 238), (205, 205, 208)])
def test_glass_of_any_tint_is_no_tissue(tint):
    rgb = glass(colour=tint)
    assert not tissue_mask(rgb, mpp=8.0).any()
    rgb[40:100, 50:130] = EOSIN
    assert share_found(rgb, (slice(42, 98), slice(52, 128))) == 1


@pytest.mark.parametrize("ink", [BLUE_INK, VIOLET_INK, GREEN_INK, BLACK])
def test_a_pen_stroke_is_no_tissue_and_hides_what_it_covers(ink):
    rgb = glass()
    rgb[40:100, 50:130] = EOSIN
    rgb[20:25, 10:190] = ink  # beside the tissue
    rgb[60:66, 60:120] = ink  # across it
    mask = tissue_mask(rgb, mpp=8.0)
    assert not mask[15:30].any()
    assert not mask[60:66, 60:120].any()
    assert mask[75:98, 52:128].all()


def violet_tissue(*, textured: bool) -> np.ndarray:
    """Tissue under a stain or camera that makes all of it violet, beside cyan glass."""
    rgb = glass(colour=(208, 250, 252))
    rgb[20:130, 30:180] = (120, 75, 210)
    if textured:  # crowds of nuclei
        rgb[20:130:3, 30:180:2] = (60, 30, 160)
    return rgb


def test_a_violet_stain_with_the_texture_of_tissue_is_tissue_and_its_cyan_glass_no_ink():
    rgb = violet_tissue(textured=True)
    mask = tissue_mask(rgb, mpp=8.0)
    assert mask[22:128, 32:178].all()
    assert not mask[:, :24].any()
    assert not pen_mask(rgb, mpp=8.0).any()


def test_the_same_violet_without_texture_is_ink():
    rgb = violet_tissue(textured=False)
    assert pen_mask(rgb, mpp=8.0)[22:128, 32:178].all()


def test_ink_is_seen_on_violet_tissue():
    rgb = violet_tissue(textured=True)
    rgb[60:70, 60:150] = GREEN_INK
    rgb[90:100, 60:150] = (20, 25, 240)
    pen = pen_mask(rgb, mpp=8.0)
    assert pen[60:70, 60:150].all()
    assert pen[90:100, 60:150].all()
    assert not pen[110:, :].any()


def test_black_borders_are_no_tissue():
    rgb = glass()
    rgb[:30], rgb[:, :25] = 0, 3
    rgb[60:110, 80:150] = EOSIN
    mask = tissue_mask(rgb, mpp=8.0)
    assert not mask[:40].any()
    assert not mask[:, :35].any()
    assert mask[62:108, 82:148].all()


def test_an_image_full_of_tissue_is_all_tissue():
    for colour in (PALE, EOSIN, NUCLEI):
        assert tissue_mask(glass(colour=colour), mpp=8.0).all() or colour == PALE
    half = glass(colour=PALE)
    half[:, :100] = NUCLEI
    assert tissue_mask(half, mpp=8.0).all()


def test_a_lumen_belongs_to_the_tissue_and_a_gap_does_not():
    rgb = glass()
    rgb[10:140, 10:190] = EOSIN
    rgb[30:44, 30:44] = GLASS  # 112 µm across
    rgb[60:120, 60:150] = GLASS  # 480 × 720 µm
    mask = tissue_mask(rgb, mpp=8.0)
    assert mask[25:50, 25:50].all()
    assert not mask[65:115, 65:145].any()


def test_dust_is_dropped_and_a_lone_gland_is_kept():
    rgb = glass()
    rgb[20:24, 20:24] = EOSIN  # 32 µm
    rgb[80:92, 80:92] = EOSIN  # 96 µm
    mask = tissue_mask(rgb, mpp=8.0)
    assert not mask[:40].any()
    assert mask[82:90, 82:90].all()


@pytest.mark.parametrize("mpp", [0.5, 2.0])
def test_a_finer_image_gives_the_same_tissue_at_its_own_size(mpp):
    coarse = glass(60, 80)
    coarse[20:40, 30:60] = EOSIN
    factor = round(8 / mpp)
    fine = coarse.repeat(factor, axis=0).repeat(factor, axis=1)
    mask = tissue_mask(fine, mpp=mpp)
    assert mask.shape == fine.shape[:2]
    assert np.array_equal(mask[factor // 2 :: factor, factor // 2 :: factor], tissue_mask(coarse, mpp=8.0))


def test_white_black_and_empty_images_hold_no_tissue():
    assert not tissue_mask(np.full((40, 50, 3), 255, np.uint8), mpp=8.0).any()
    assert not tissue_mask(np.zeros((40, 50, 3), np.uint8), mpp=8.0).any()
    assert tissue_mask(np.zeros((0, 50, 3), np.uint8), mpp=8.0).shape == (0, 50)


@pytest.mark.parametrize("side", [4, 12, 25])
def test_a_white_picture_smaller_than_a_lumen_holds_no_tissue(side):
    assert not tissue_mask(glass(side, side), mpp=8.0).any()


def test_glass_beside_the_tissue_of_a_small_picture_is_no_hole():
    rgb = glass(25, 25)  # 200 µm: all of it is smaller than a wide lumen
    rgb[:, :12] = EOSIN
    mask = tissue_mask(rgb, mpp=8.0)
    assert mask[:, :11].all()
    assert not mask[:, 15:].any()


def test_a_lumen_cut_by_one_side_or_by_two_belongs_to_the_tissue():
    rows, columns = np.mgrid[:150, :200]
    for y, x in ((75, 0), (0, 0), (149, 100)):
        rgb = glass(colour=EOSIN)
        rgb[np.hypot(rows - y, columns - x) < 12] = GLASS
        assert tissue_mask(rgb, mpp=8.0).all(), (y, x)


@pytest.mark.parametrize("turns", range(4))
def test_a_strip_of_glass_along_a_side_of_an_image_is_no_hole(turns):
    rgb = glass(150, 150, colour=EOSIN)
    rgb[:6] = glass(6, 150)  # 48 × 1,200 µm
    mask = np.rot90(tissue_mask(np.rot90(rgb, turns).copy(), mpp=8.0), -turns)
    assert not mask[:3].any()
    assert mask[10:].all()


def test_a_gap_wider_than_a_lumen_of_colon_is_no_tissue_but_said_to_be_enclosed_by_it():
    rgb = glass(colour=EOSIN)
    rgb[60:120, 60:150] = GLASS  # 480 × 720 µm
    rgb[20:40, 20:40] = GLASS  # 160 × 160 µm, which belongs to the tissue
    rgb[:, 180:] = GLASS  # beside the tissue
    mask, gaps = find_tissue(rgb, mpp=8.0)
    assert np.array_equal(mask, tissue_mask(rgb, mpp=8.0))
    assert not mask[65:115, 65:145].any()
    assert mask[20:40, 20:40].all()
    rows, columns = np.flatnonzero(gaps.any(axis=1)), np.flatnonzero(gaps.any(axis=0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == pytest.approx((60, 119, 60, 149), abs=1)
    assert gaps[65:115, 65:145].all()
    assert not (mask & gaps).any()


def test_a_gap_that_ink_fills_is_no_gap():
    rgb = glass(colour=EOSIN)
    rgb[60:120, 60:150] = BLUE_INK
    assert not find_tissue(rgb, mpp=8.0).wide_gaps.any()
