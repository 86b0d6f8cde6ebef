from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from acinus.core.geometry import Box, Size
from acinus.slides.blur import BLUR_MPP, find_blur, fine_share
from acinus.slides.tissue import tissue_mask

GLASS, STROMA, NUCLEUS = (243, 243, 242), (226, 170, 205), (110, 70, 150)
HEIGHT, WIDTH = 768, 1024  # px of 2 µm: 1.5 × 2 mm


@dataclass
class Drawn:
    """As much of a `SlideReader` as is used, of a picture at `BLUR_MPP`."""

    rgb: np.ndarray
    mpp: float = BLUR_MPP
    mpp_doubt: str | None = None
    path: Path = Path("drawn.tif")

    @property
    def size(self) -> Size:
        return Size(self.rgb.shape[1], self.rgb.shape[0])

    def read_working(self, box: Box, *, mpp: float) -> np.ndarray:
        assert mpp == BLUR_MPP
        part = self.rgb[box.y : box.bottom, box.x : box.right]
        rows, columns = box.height - part.shape[0], box.width - part.shape[1]
        return np.pad(part, ((0, rows), (0, columns), (0, 0)), constant_values=255)


@pytest.fixture(scope="module")
def sharp() -> np.ndarray:
    """Stroma with nuclei of 8 µm and grain, with glass around it."""
    rng = np.random.default_rng(0)
    rgb = np.full((HEIGHT, WIDTH, 3), GLASS, np.uint8)
    rgb[64:-64, 64:-64] = STROMA
    for x, y in zip(rng.integers(70, WIDTH - 70, 9000), rng.integers(70, HEIGHT - 70, 9000), strict=True):
        cv2.circle(rgb, (int(x), int(y)), 2, NUCLEUS, cv2.FILLED, cv2.LINE_AA)
    return grainy(rgb)


def grainy(rgb: np.ndarray) -> np.ndarray:
    return np.clip(rgb + np.random.default_rng(1).normal(0, 2, rgb.shape), 0, 255).astype(np.uint8)


def blurred(rgb: np.ndarray, *, sigma_um: float, centre: tuple[int, int], radius_px: int) -> np.ndarray:
    """Return the picture with a disc out of focus; the grain, which is the sensor's, is not."""
    soft = grainy(cv2.GaussianBlur(rgb, (0, 0), sigma_um / BLUR_MPP))
    return np.where(disc(centre, radius_px)[..., None], soft, rgb)


def disc(centre: tuple[int, int], radius_px: int) -> np.ndarray:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.hypot(x - centre[0], y - centre[1]) < radius_px


def found_in(rgb: np.ndarray, *, mpp: float = 8.0) -> np.ndarray:
    """Return the blur that is found on an overview, on the pixels of the picture."""
    size = round(WIDTH * BLUR_MPP / mpp), round(HEIGHT * BLUR_MPP / mpp)
    tissue = tissue_mask(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), mpp=mpp)
    found = find_blur(Drawn(rgb), tissue, mpp=mpp)
    assert not found[~tissue].any()
    return cv2.resize(found.astype(np.uint8), (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST_EXACT) > 0


@pytest.mark.parametrize("mpp", [8.0, 12.8])
@pytest.mark.parametrize("sigma_um", [2.0, 4.0])
def test_tissue_out_of_focus_is_found_and_what_is_sharp_is_not(sharp, sigma_um, mpp):
    centre, radius = (600, 400), 200
    found = found_in(blurred(sharp, sigma_um=sigma_um, centre=centre, radius_px=radius), mpp=mpp)
    cell = 91  # px from corner to corner
    assert found[disc(centre, radius - cell)].mean() > 0.95
    assert not found[~disc(centre, radius + cell)].any()


def test_sharp_tissue_has_no_blur_in_pale_stain_nor_beside_a_dark_smooth_edge(sharp):
    assert not found_in(sharp).any()
    pale = np.clip(((sharp.astype(float) + 1) / 256) ** 0.5 * 256 - 1, 0, 255).astype(np.uint8)
    assert not found_in(pale).any()
    edge = sharp.copy()
    edge[610:622, 64:-64] = (90, 20, 60)  # a rim of 24 µm, and as much blur beside it
    edge[604:628] = cv2.GaussianBlur(edge[604:628], (0, 0), 3)
    assert not found_in(edge).any()


def test_tissue_without_any_structure_is_not_told(sharp):
    smooth = sharp.copy()
    smooth[disc((600, 400), 200)] = STROMA
    assert not found_in(smooth).any()


def test_three_quarters_of_a_slide_may_be_blurred_but_one_that_is_blurred_all_over_is_not_told(sharp):
    half = blurred(sharp, sigma_um=3.0, centre=(0, 400), radius_px=600)
    assert found_in(half)[100:-100, 100:450].mean() > 0.95
    assert not found_in(blurred(sharp, sigma_um=3.0, centre=(512, 384), radius_px=2000)).any()


def test_of_a_small_piece_and_of_coarse_pictures_nothing_is_said(sharp):
    rgb = blurred(sharp, sigma_um=4.0, centre=(200, 200), radius_px=150)
    small = np.full_like(rgb, 243)
    small[64:256, 64:256] = rgb[64:256, 64:256]
    assert not found_in(small).any()
    tissue = np.ones((96, 128), bool)
    assert not find_blur(Drawn(rgb, mpp=2.6), tissue, mpp=20.8).any()
    assert not find_blur(Drawn(rgb), np.zeros((192, 256), bool), mpp=8.0).any()


def test_the_share_of_fine_structure_is_that_of_a_wave():
    # Of a wave cos(kx) the Laplacian is −(2 − 2 cos k) cos(kx); what is finer than 10 µm is all but what a
    # Gaussian of 5 px leaves, exp(−k² 5² / 2).
    k = 2 * np.pi / 8
    density = np.tile(np.cos(k * np.arange(256)), (128, 1)).astype(np.float32)
    share = fine_share(density, np.ones(density.shape, bool))
    assert share.shape == (2, 4)
    expected = ((2 - 2 * np.cos(k)) / (1 - np.exp(-(k**2) * 12.5))) ** 2
    assert share[:, 1:3] == pytest.approx(expected, rel=0.02)
    half = np.zeros(density.shape, bool)
    half[:, :96] = True
    assert np.isfinite(fine_share(density, half)).tolist() == [[True, True, False, False]] * 2
