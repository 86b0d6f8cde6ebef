"""Where the tissue is, seen on an overview at 8 µm/px: pale tissue too, but no pen, no black border.

H&E takes out green more than red and blue, so tissue is what lies above the grey line: (R + B) / 2 − G. That
is one number for pale and dark tissue alike, and background, shadows and black borders have none of it. Pens
are recognised by what H&E never is: greener or bluer than red. Some stains and cameras make all of a slide
violet or its glass green, so both are meant beyond the glass and beyond what has the texture of tissue.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from acinus.core.colour import brightest_channel, darkest_channel, mean_of_channels, optical_density
from acinus.core.geometry import Box, Size
from acinus.core.image import BoolMask, LabelMap, RgbArray
from acinus.core.morphology import disc, without_small
from acinus.core.units import um2_to_px, um_to_px
from acinus.slides.reader import SlideReader, working_size

__all__ = [
    "LARGEST_HOLE_UM2",
    "OVERVIEW_MPP",
    "Tissue",
    "enclosed_by_tissue",
    "find_tissue",
    "overview",
    "pen_mask",
    "tissue_mask",
]

OVERVIEW_MPP = 8.0
"""µm per pixel: a nucleus is one pixel, a gland ten to forty."""

LARGEST_HOLE_UM2 = 50_000.0
"""A wide lumen of colon, which is part of the tissue."""

# All ours, in grey levels of 255, set on synthetic cases and on GlaS and Aperio slides.
_STAIN_EXCESS = 6.0  # above the background; pale eosin has 12 and more, JPEG's colour noise averages below 2
_BACKGROUND_TINT = 8.0  # a tint of the background itself is subtracted up to this
_PEN_EXCESS = 10.0  # green above red: blue, green and turquoise ink
_PEN_BLUE = 80.0  # blue above red: violet-blue ink; dense haematoxylin has 40
_BEYOND_TISSUE_GREEN, _BEYOND_TISSUE_BLUE = 40.0, 60.0  # ink above the tissue's own median, in the same terms
_TISSUE_TEXTURE = 0.1  # deviation of the optical density within 3 px over the density; ink is smooth
_STAINED_OD = 0.15  # mean of the channels, beyond the glass, which a badly balanced camera shows green
_GLASS_OD = 0.3  # of glass under a dark lamp; what is darker is none
_BLACK = 70.0  # brightest channel of black ink and scanner borders
_BLACK_CHROMA = 25.0  # below this a dark pixel is black, not crowded nuclei

_SMOOTH_UM = 8.0
_CLOSE_UM = 24.0
_PEN_RIM_UM = 24.0
_SMALLEST_PIECE_UM2 = 5_000.0  # a gland alone is kept, dust is not
_LEAST_BULGE = 0.1  # of a gap beyond its chord, over the chord squared: half a disc has 0.39, a quarter 0.14


def overview(reader: SlideReader, *, mpp: float = OVERVIEW_MPP) -> RgbArray:
    """Return the whole slide at a coarse resolution, for `tissue_mask` and for pictures.

    Parameters
    ----------
    reader : SlideReader
        An open slide.
    mpp : float
        µm per pixel.

    Raises
    ------
    MppError
        When the slide's own resolution is unknown or absurd.
    """
    return reader.read(Box(0, 0, reader.size.width, reader.size.height), mpp=mpp)


class Tissue(NamedTuple):
    """Where tissue lies, and what of the rest it encloses.

    Attributes
    ----------
    mask : (H, W) bool
        See `tissue_mask`.
    wide_gaps : (H, W) bool
        Gaps that tissue encloses and that are wider than what `mask` includes: lumina, vessels or tears.
    """

    mask: BoolMask
    wide_gaps: BoolMask


def tissue_mask(rgb: RgbArray, *, mpp: float) -> BoolMask:
    """Return where tissue lies.

    Parameters
    ----------
    rgb : ndarray of shape (H, W, 3), uint8
        At any resolution; finer than `OVERVIEW_MPP` is averaged down to it first.
    mpp : float
        µm per pixel of `rgb`.

    Returns
    -------
    ndarray of shape (H, W), bool
        True on tissue, holes up to a wide lumen included; all False on background, pen and black, and of the
        shape of `rgb` when that is empty.

    Examples
    --------
    >>> picture = np.full((100, 100, 3), 244, np.uint8)  # background
    >>> picture[20:60, 20:60] = (236, 214, 230)  # pale stroma
    >>> int(tissue_mask(picture, mpp=8.0).sum())
    1600
    """
    return find_tissue(rgb, mpp=mpp).mask


def find_tissue(rgb: RgbArray, *, mpp: float) -> Tissue:
    """Return where tissue lies and which wide gaps it encloses; parameters as of `tissue_mask`.

    Examples
    --------
    >>> picture = np.full((100, 100, 3), (236, 214, 230), np.uint8)  # pale stroma
    >>> picture[20:60, 20:60] = 244  # 0.1 mm² of background
    >>> found = find_tissue(picture, mpp=8.0)
    >>> int(found.mask.sum()), int(found.wide_gaps.sum())  # the corners of the square are closed
    (8416, 1584)
    """
    height, width = rgb.shape[:2]
    if height == 0 or width == 0:
        return Tissue(np.zeros((height, width), np.bool_), np.zeros((height, width), np.bool_))
    work_mpp = max(mpp, OVERVIEW_MPP)
    size = working_size(Size(width, height), native_mpp=mpp, mpp=work_mpp)
    small = cv2.resize(rgb, (size.width, size.height), interpolation=cv2.INTER_AREA)
    mask, wide_gaps = (
        cv2.resize(found.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
        for found in _at_work_mpp(small, mpp=work_mpp)
    )
    return Tissue(np.asarray(mask, np.bool_), np.asarray(wide_gaps, np.bool_))


def _at_work_mpp(rgb: RgbArray, *, mpp: float) -> Tissue:
    smooth = np.asarray(cv2.GaussianBlur(rgb, (0, 0), um_to_px(_SMOOTH_UM, mpp=mpp) / 2), dtype=np.uint8)
    foreign = _foreign(smooth, mpp=mpp)  # takes much memory: before there is more of it
    values = smooth.astype(np.float32)
    red, green, blue = values[..., 0], values[..., 1], values[..., 2]
    excess = (red + blue) / np.float32(2) - green
    tint = _background_tint(values, excess, foreign)
    tissue = (excess - tint > _STAIN_EXCESS) & (red > green) & ~foreign
    tissue = _closed(tissue, radius_px=um_to_px(_CLOSE_UM, mpp=mpp)) & ~foreign
    tissue = without_small(tissue, least_px=um2_to_px(_SMALLEST_PIECE_UM2, mpp=mpp), connectivity=8)
    holes, wide_gaps = _gaps(tissue, foreign, largest_px=um2_to_px(LARGEST_HOLE_UM2, mpp=mpp))
    return Tissue(np.asarray(tissue | holes, np.bool_), wide_gaps)


def pen_mask(rgb: RgbArray, *, mpp: float) -> BoolMask:
    """Return where ink of a pen or something black lies on an overview, (H, W) bool, with its faint rim."""
    smooth = cv2.GaussianBlur(rgb, (0, 0), um_to_px(_SMOOTH_UM, mpp=mpp) / 2)
    return _foreign(np.asarray(smooth, dtype=np.uint8), mpp=mpp)


def _foreign(smooth: RgbArray, *, mpp: float) -> BoolMask:
    """Return pen and black, with the rim where ink fades into what lies beside it."""
    density = mean_of_channels(optical_density(smooth))
    density -= min(float(np.quantile(density, 0.02)), _GLASS_OD)
    red = smooth[..., 0].astype(np.float32)
    greener, bluer = smooth[..., 1] - red, smooth[..., 2] - red
    brightest, darkest = brightest_channel(smooth), darkest_channel(smooth)
    greenest, bluest = _limits_of_stain(density, greener, bluer)
    pen = (density > _STAINED_OD) & ((greener > greenest) | (bluer > bluest))
    black = (brightest < _BLACK) & (brightest - darkest < _BLACK_CHROMA)
    grown = ndimage.binary_dilation(pen | black, iterations=max(1, round(um_to_px(_PEN_RIM_UM, mpp=mpp))))
    return np.asarray(grown, np.bool_)


def _limits_of_stain(
    density: NDArray[np.float32], greener: NDArray[np.float32], bluer: NDArray[np.float32]
) -> tuple[float, float]:
    """Return how far green and how far blue may exceed red before it is ink, on this picture."""
    mean = cv2.blur(density, (3, 3))
    spread = np.sqrt(np.maximum(cv2.blur(density**2, (3, 3)) - mean**2, 0.0))
    stained = (density > _STAINED_OD).astype(np.uint8)
    inner = cv2.erode(stained, np.ones((5, 5), np.uint8)) > 0  # the rims of ink are rough, too
    tissue = inner & (spread > _TISSUE_TEXTURE * density)
    if not 2 * np.count_nonzero(tissue) > np.count_nonzero(inner):
        return _PEN_EXCESS, _PEN_BLUE
    return (
        max(_PEN_EXCESS, float(np.median(greener[tissue])) + _BEYOND_TISSUE_GREEN),
        max(_PEN_BLUE, float(np.median(bluer[tissue])) + _BEYOND_TISSUE_BLUE),
    )


def _background_tint(values: NDArray[np.float32], excess: NDArray[np.float32], foreign: BoolMask) -> float:
    """Return the stain excess of the background itself, from the brightest tenth of the image.

    Where no background is in view that tenth is pale tissue, so the tint is cut at what a lamp may do.
    """
    if foreign.all():
        return 0.0
    lightness = mean_of_channels(values)
    bright = ~foreign & (lightness >= np.quantile(lightness[~foreign], 0.9))
    return float(np.clip(np.median(excess[bright]), -_BACKGROUND_TINT, _BACKGROUND_TINT))


def _closed(mask: BoolMask, *, radius_px: float) -> BoolMask:
    kernel = disc(radius_px)
    radius = len(kernel) // 2
    padded = np.pad(mask.astype(np.uint8), radius)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, kernel)[radius:-radius, radius:-radius]
    return np.asarray(closed, np.bool_)


def _gaps(tissue: BoolMask, foreign: BoolMask, *, largest_px: float) -> tuple[BoolMask, BoolMask]:
    """Return the gaps that tissue encloses: those of a lumen's size, which belong to it, and wider ones."""
    gaps = ~tissue & ~foreign
    labels, count = ndimage.label(gaps, structure=np.ones((3, 3)))
    small = np.bincount(labels[gaps], minlength=count + 1)[1:] < largest_px
    enclosed = enclosed_by_tissue(labels, tissue, count=count)
    holes, wide = (np.append(False, chosen)[labels] for chosen in (enclosed & small, enclosed & ~small))
    return np.asarray(holes, np.bool_), np.asarray(wide, np.bool_)


def enclosed_by_tissue(gaps: LabelMap, tissue: BoolMask, *, count: int) -> NDArray[np.bool_]:
    """Say of each gap in the tissue whether tissue encloses it, as far as the image goes: (count,) bool.

    A gap that the side of the image cuts may be part of a lumen, or glass beside the tissue. A lumen bulges
    beyond the straight line between its two ends on the sides; glass does not, and along a side it reaches
    both of the sides next to that.

    Parameters
    ----------
    gaps : (H, W) int
        0 elsewhere, 1..count.
    tissue : (H, W) bool
    """
    area = np.bincount(gaps.ravel(), minlength=count + 1)[1:]
    lined = np.bincount(gaps[ndimage.binary_dilation(tissue)], minlength=count + 1)[1:] > 0
    top, bottom, left, right = (_extent(side, count) for side in (gaps[0], gaps[-1], gaps[:, 0], gaps[:, -1]))
    across = ((top > 0) & (bottom > 0)) | ((left > 0) & (right > 0))
    wide, high = top + bottom, left + right
    chord2 = wide**2 + high**2
    bulges = area - 0.5 * wide * high >= _LEAST_BULGE * chord2
    return np.asarray(lined & ~across & bulges, np.bool_)


def _extent(side: LabelMap, count: int) -> NDArray[np.float64]:
    """Return how many pixels of one side of an image lie between the ends of each gap there: (count,)."""
    first, last = np.full(count + 1, len(side)), np.full(count + 1, -1)
    where = np.arange(len(side))
    np.minimum.at(first, side, where)
    np.maximum.at(last, side, where)
    return np.asarray(np.maximum(last - first + 1, 0)[1:], np.float64)
