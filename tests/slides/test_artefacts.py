from __future__ import annotations

import cv2
import numpy as np
import pytest

from acinus.core.geometry import Size
from acinus.slides.artefacts import KINDS, Artefacts, find_artefacts
from acinus.slides.tissue import tissue_mask

MPP = 8.0
BACKGROUND, STROMA, DAB = (243, 243, 242), (226, 170, 205), (140, 95, 60)


@pytest.fixture
def slide() -> np.ndarray:
    """A sheet of stroma of 2.4 × 1.6 mm on background, with grain."""
    picture = np.full((300, 400, 3), BACKGROUND, np.uint8)
    picture[50:250, 50:350] = STROMA
    grain = np.random.default_rng(0).normal(0, 3, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def doubled(picture: np.ndarray, mask: np.ndarray) -> None:
    """Let tissue lie double where a mask is: what passes is the square of what passed."""
    share = (picture[mask].astype(float) + 1) / 256
    picture[mask] = np.clip(share**2 * 256 - 1, 0, 255).astype(np.uint8)


def found(picture: np.ndarray) -> dict[str, float]:
    return find_artefacts(picture, mpp=MPP).areas_um2()


def band(shape: tuple[int, ...], first: tuple[int, int], last: tuple[int, int], width: int) -> np.ndarray:
    canvas = np.zeros(shape[:2], np.uint8)
    cv2.line(canvas, first, last, 1, width)
    return canvas.astype(bool)


def test_tissue_and_background_alone_have_none(slide):
    assert found(slide) == {}
    assert found(np.full((50, 60, 3), BACKGROUND, np.uint8)) == {}


def test_a_band_of_tissue_lying_double_is_a_fold(slide):
    fold = band(slide.shape, (100, 80), (280, 200), 8)
    doubled(slide, fold)
    artefacts = find_artefacts(slide, mpp=MPP)
    assert set(artefacts.areas_um2()) == {"fold"}
    assert artefacts.of_kind("fold")[fold].mean() > 0.95
    assert artefacts.mask.sum() < 2 * fold.sum()


def test_dark_patches_that_are_round_and_dark_layers_at_the_edge_are_no_folds(slide):
    patch = np.zeros(slide.shape[:2], np.uint8)
    cv2.circle(patch, (200, 150), 12, 1, cv2.FILLED)
    doubled(slide, patch.astype(bool))
    doubled(slide, band(slide.shape, (60, 52), (340, 52), 6))
    assert found(slide) == {}


@pytest.mark.parametrize("ink", [(40, 90, 200), (30, 140, 70), (15, 15, 18)])
def test_ink_is_pen_on_tissue_and_beside_it(slide, ink):
    stroke = band(slide.shape, (20, 20), (300, 120), 10)
    slide[stroke] = ink
    artefacts = find_artefacts(slide, mpp=MPP)
    assert artefacts.of_kind("pen")[stroke].mean() > 0.95
    assert artefacts.of_kind("pen").sum() < 2.5 * stroke.sum()


def test_what_a_grey_ring_encloses_is_a_bubble(slide):
    cv2.circle(slide, (310, 60), 45, (150, 150, 150), 3)
    artefacts = find_artefacts(slide, mpp=MPP)
    inside = np.zeros(slide.shape[:2], np.uint8)
    cv2.circle(inside, (310, 60), 45, 1, cv2.FILLED)
    assert artefacts.of_kind("bubble")[inside > 0].mean() > 0.95
    assert "edge" not in artefacts.areas_um2()


def test_a_long_grey_line_is_an_edge_and_a_fleck_of_dust_is_not(slide):
    slide[20:23, 10:390] = (160, 160, 160)
    slide[280:283, 200:206] = (120, 120, 120)
    artefacts = find_artefacts(slide, mpp=MPP)
    assert set(artefacts.areas_um2()) == {"edge"}
    assert artefacts.of_kind("edge")[20:23, 20:380].mean() > 0.95
    assert not artefacts.mask[270:].any()


def test_brown_is_a_foreign_stain_and_blood_is_not(slide):
    slide[100:140, 100:150] = DAB
    slide[160:200, 100:150] = (200, 70, 85)
    artefacts = find_artefacts(slide, mpp=MPP)
    assert set(artefacts.areas_um2()) == {"foreign stain"}
    assert artefacts.of_kind("foreign stain")[105:135, 105:145].all()
    assert not artefacts.mask[165:].any()


def test_pale_and_dark_slides_have_their_folds_found_alike(slide):
    fold = band(slide.shape, (100, 80), (280, 200), 8)
    for strength in (0.6, 1.6):
        light = ((slide.astype(float) + 1) / 256) ** strength
        picture = np.clip(light * 256 - 1, 0, 255).astype(np.uint8)
        doubled(picture, fold)
        assert tissue_mask(picture, mpp=MPP).any()
        assert find_artefacts(picture, mpp=MPP).of_kind("fold")[fold].mean() > 0.9


def test_brown_is_no_foreign_stain_where_the_slide_is_brown(slide):
    slide[100:140, 100:150] = DAB
    assert find_artefacts(slide, mpp=MPP, brown_is_foreign=False).areas_um2() == {}
    slide[50:250, 50:280] = DAB  # 230 of 300 columns
    assert found(slide) == {}


def test_what_is_found_first_is_not_overwritten_by_blur():
    kinds = np.zeros((2, 4), np.uint8)
    kinds[0, :2] = KINDS.index("pen") + 1
    blur = np.zeros((2, 4), bool)
    blur[:, 1:3] = True
    both = Artefacts(kinds, 10.0).with_blur(blur)
    assert both.areas_um2() == {"pen": 200.0, "blur": 300.0}
    assert both.within(blur).areas_um2() == {"pen": 100.0, "blur": 300.0}
    assert both.resized(Size(8, 4), mpp=5.0).areas_um2() == both.areas_um2()


def test_areas_are_those_of_the_pixels():
    kinds = np.zeros((4, 5), np.uint8)
    kinds[0, :3] = KINDS.index("bubble") + 1
    assert Artefacts(kinds, 10.0).areas_um2() == {"bubble": 300.0}
