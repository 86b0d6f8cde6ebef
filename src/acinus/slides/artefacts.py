"""What lies on a slide and is no tissue to learn from or to measure: pen, folds, bubbles, edges, dyes.

Classical and label-free, on an overview at 8 µm/px. Every rule is a sentence about colour or shape:

- pen: greener or bluer than H&E ever is, or black;
- fold: tissue that lies double has twice the density of the slide's tissue, in a band much longer than wide
  with paler tissue on both sides (Palokangas et al. 2007 and Bautista & Yagi 2010 find folds by saturation
  and darkness likewise);
- edge: a grey line on the background, where a coverslip ends; bubble: what such a line encloses;
- foreign stain: coloured, yet not as haematoxylin and eosin are; what most of a slide has is its own stain.

Blur is not seen at this resolution: `acinus.slides.blur` finds it. Thresholds are ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.core.colour import brightest_channel, darkest_channel, mean_of_channels, optical_density
from acinus.core.geometry import Size
from acinus.core.image import BoolMask, RgbArray
from acinus.core.morphology import disc, without_small
from acinus.core.units import um2_to_px, um_to_px
from acinus.slides.tissue import pen_mask, tissue_mask

__all__ = ["KINDS", "Artefacts", "find_artefacts"]

KINDS: Final = ("pen", "fold", "bubble", "edge", "foreign stain", "blur")
"""By their numbers in `Artefacts.kinds`, from 1."""

_SMOOTH_UM = 16.0

_FOLD_DENSITY = 1.9  # times the median optical density of the slide's tissue, in all three channels
_FOLD_AREA_UM2 = 10_000.0
_FOLD_WIDTH_UM = 250.0  # wider dark patches are crowded cells
_FOLD_ELONGATION = 3.0  # length over width
_FOLD_RIM_UM = 48.0  # what is beside a fold: mostly tissue, and paler
_FOLD_RIM_TISSUE = 0.75
_FOLD_CONTRAST = 1.5

_PEN_AREA_UM2 = 20_000.0  # smaller specks are dust

_GREY_CHROMA = 14.0  # brightest less darkest channel
_GREY_DEPTH = 22.0  # grey levels below the background
_BLACK = 70.0  # a line of that brightness is ink
_LINE_WIDTH_UM = 120.0
_LINE_LENGTH_UM = 1000.0
_BUBBLE_AREA_UM2 = 40_000.0
_LARGEST_BUBBLE_UM2 = 20_000_000.0  # a coverslip's edges enclose far more
_BUBBLE_SOLIDITY = 0.85

_FOREIGN_DENSITY = 0.15
_FOREIGN_CHROMA = 22.0
_FOREIGN_EXCESS = 6.0  # of red and blue over green: pale eosin has 12 and more
_FOREIGN_AREA_UM2 = 20_000.0
_MOST_FOREIGN = 0.5  # of all that is stained: more is the stain of the slide


@dataclass(frozen=True)
class Artefacts:
    """Where artefacts lie on a slide.

    Attributes
    ----------
    kinds : (H, W) uint8
        0 for none, else the number of `KINDS`, on the pixels of an overview.
    mpp : float
        µm per pixel.
    """

    kinds: NDArray[np.uint8]
    mpp: float

    @property
    def mask(self) -> BoolMask:
        """Where any artefact lies, (H, W) bool."""
        return np.asarray(self.kinds > 0, dtype=bool)

    def of_kind(self, kind: str) -> BoolMask:
        """Return where artefacts of one kind lie, (H, W) bool."""
        return np.asarray(self.kinds == KINDS.index(kind) + 1, dtype=bool)

    def areas_um2(self) -> dict[str, float]:
        """Return the area of each kind that there is."""
        areas = {kind: float(np.count_nonzero(self.of_kind(kind)) * self.mpp**2) for kind in KINDS}
        return {kind: area for kind, area in areas.items() if area > 0}

    def with_blur(self, blur: BoolMask) -> Artefacts:
        """Return these and, where there is none of them, blur."""
        kinds = np.where(blur & ~self.mask, KINDS.index("blur") + 1, self.kinds)
        return replace(self, kinds=kinds.astype(np.uint8))

    def within(self, mask: BoolMask) -> Artefacts:
        """Return those inside a mask, (H, W) bool."""
        return replace(self, kinds=np.where(mask, self.kinds, 0).astype(np.uint8))

    def resized(self, size: Size, *, mpp: float) -> Artefacts:
        """Return them on an overview of another size and µm per pixel of the same slide."""
        kinds = cv2.resize(self.kinds, (size.width, size.height), interpolation=cv2.INTER_NEAREST_EXACT)
        return Artefacts(np.asarray(kinds, dtype=np.uint8), mpp)


def find_artefacts(
    rgb: RgbArray, *, mpp: float, brown_is_foreign: bool = True, tissue: BoolMask | None = None
) -> Artefacts:
    """Find artefacts on an overview, all but blur.

    Parameters
    ----------
    rgb : (H, W, 3) uint8
        A whole slide, at 4 to 32 µm per pixel.
    mpp : float
    brown_is_foreign : bool
        Not on a slide whose stain is brown: nothing is a foreign stain there.
    tissue : (H, W) bool, optional
        What `tissue_mask` says of it, where that is known already.

    Examples
    --------
    >>> picture = np.full((100, 100, 3), 244, np.uint8)
    >>> picture[20:80, 40:44] = (40, 90, 200)  # a stroke of a blue pen
    >>> sorted(find_artefacts(picture, mpp=8.0).areas_um2())
    ['pen']
    """
    smooth = np.asarray(cv2.GaussianBlur(rgb, (0, 0), um_to_px(_SMOOTH_UM, mpp=mpp) / 2), dtype=np.uint8)
    tissue = tissue_mask(rgb, mpp=mpp) if tissue is None else tissue
    lines, bubbles = _lines_and_bubbles(rgb, mpp=mpp)
    found = {
        "foreign stain": _foreign_stain(smooth, mpp=mpp) if brown_is_foreign else np.zeros_like(lines),
        "fold": _folds(rgb, tissue, mpp=mpp),
        "pen": _large(pen_mask(rgb, mpp=mpp), least_um2=_PEN_AREA_UM2, mpp=mpp),
        "edge": lines,
        "bubble": bubbles,
    }
    kinds = np.zeros(rgb.shape[:2], dtype=np.uint8)
    for kind, mask in found.items():  # what comes later is surer
        kinds[mask] = KINDS.index(kind) + 1
    return Artefacts(kinds, mpp)


def _folds(rgb: RgbArray, tissue: BoolMask, *, mpp: float) -> BoolMask:
    if not tissue.any():
        return tissue
    density = cv2.GaussianBlur(optical_density(rgb), (0, 0), um_to_px(_SMOOTH_UM, mpp=mpp) / 2)
    usual = np.median(density[tissue], axis=0)
    dark = (density > _FOLD_DENSITY * usual).all(axis=2) & tissue
    kept = np.zeros_like(dark)
    for here, part in _parts(dark, least_px=um2_to_px(_FOLD_AREA_UM2, mpp=mpp)):
        width_px = _width_px(part)
        if width_px * mpp <= _FOLD_WIDTH_UM and part.sum() >= _FOLD_ELONGATION * width_px**2:
            kept[here] |= part
    kept = _grown(kept, radius_um=_SMOOTH_UM, mpp=mpp)
    return _lying_in_paler_tissue(kept, mean_of_channels(density), tissue, mpp=mpp)


def _lying_in_paler_tissue(
    bands: BoolMask, density: NDArray[np.float32], tissue: BoolMask, *, mpp: float
) -> BoolMask:
    """Return the bands that have paler tissue on both sides: dark layers at the tissue's edge have not."""
    kept = np.zeros_like(bands)
    margin = round(um_to_px(_FOLD_RIM_UM, mpp=mpp)) + 1
    for (rows, columns), part in _parts(bands, least_px=1):
        around = np.s_[
            max(0, rows.start - margin) : rows.stop + margin,
            max(0, columns.start - margin) : columns.stop + margin,
        ]
        whole = np.zeros(bands.shape, dtype=bool)
        whole[rows, columns] = part
        band = whole[around]
        rim = _grown(band, radius_um=_FOLD_RIM_UM, mpp=mpp) & ~band
        beside = rim & tissue[around]
        if not beside.any() or beside.sum() < _FOLD_RIM_TISSUE * rim.sum():
            continue
        if np.median(density[around][band]) >= _FOLD_CONTRAST * np.median(density[around][beside]):
            kept |= whole
    return kept


def _lines_and_bubbles(rgb: RgbArray, *, mpp: float) -> tuple[BoolMask, BoolMask]:
    """Return long grey lines, and what such lines enclose together with the lines around it."""
    brightness = mean_of_channels(rgb.astype(np.float32))
    chroma = brightest_channel(rgb) - darkest_channel(rgb)
    background = float(np.quantile(brightness, 0.95))
    grey = (chroma < _GREY_CHROMA) & (brightness < background - _GREY_DEPTH)
    joined = _closed(grey, radius_um=3 * _SMOOTH_UM, mpp=mpp)
    lines, bubbles = np.zeros_like(grey), np.zeros_like(grey)
    least_px = um_to_px(_LINE_LENGTH_UM, mpp=mpp)
    for here, part in _parts(joined, least_px=least_px):
        width_px = _width_px(part)
        if width_px * mpp > _LINE_WIDTH_UM:
            continue  # a surface, not a line: dust, ink, a scanner's border
        inside = _round_holes(part, mpp=mpp)
        if inside.any():
            bubbles[here] |= inside | part
        elif part.sum() >= least_px * width_px / 2 and np.median(brightness[here][part]) > _BLACK:
            lines[here] |= part
    return _grown(lines & ~bubbles, radius_um=_SMOOTH_UM, mpp=mpp), bubbles


def _round_holes(part: BoolMask, *, mpp: float) -> BoolMask:
    """Return the holes of a line that are as large and as round as bubbles."""
    contours, levels = cv2.findContours(part.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    holes = np.zeros(part.shape, dtype=np.uint8)
    for contour, level in zip(contours, levels[0], strict=True):
        area_um2 = cv2.contourArea(contour) * mpp**2
        if level[3] < 0 or not _BUBBLE_AREA_UM2 <= area_um2 <= _LARGEST_BUBBLE_UM2:
            continue
        hull = cv2.contourArea(cv2.convexHull(contour)) * mpp**2
        if area_um2 >= _BUBBLE_SOLIDITY * hull:
            cv2.drawContours(holes, [contour], -1, 1, cv2.FILLED)
    return holes.astype(bool)


def _foreign_stain(smooth: RgbArray, *, mpp: float) -> BoolMask:
    """Return what is coloured but not as H&E is, which takes out green most."""
    red, green, blue = (smooth[..., channel].astype(np.float32) for channel in range(3))
    stained = mean_of_channels(optical_density(smooth)) > _FOREIGN_DENSITY
    coloured = stained & (brightest_channel(smooth) - darkest_channel(smooth) > _FOREIGN_CHROMA)
    foreign = coloured & ((red + blue) / 2 - green < _FOREIGN_EXCESS)
    if foreign.sum() > _MOST_FOREIGN * coloured.sum():
        return np.zeros_like(foreign)
    return _large(foreign, least_um2=_FOREIGN_AREA_UM2, mpp=mpp)


def _parts(mask: BoolMask, *, least_px: float) -> Iterator[tuple[tuple[slice, slice], BoolMask]]:
    """Yield the 8-connected pieces of at least so many pixels: rows and columns, and the piece in them."""
    count, labels, facts, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    for number in range(1, count):
        left, top, width, height, area = facts[number].tolist()
        if area >= least_px:
            here = (slice(top, top + height), slice(left, left + width))
            yield here, np.asarray(labels[here] == number, dtype=bool)


def _large(mask: BoolMask, *, least_um2: float, mpp: float) -> BoolMask:
    """Return the pieces of at least this area."""
    return without_small(mask, least_px=um2_to_px(least_um2, mpp=mpp), connectivity=8)


def _width_px(part: BoolMask) -> float:
    """Return the diameter of the largest disc that fits into a piece."""
    distance = cv2.distanceTransform(np.pad(part, 1).astype(np.uint8), cv2.DIST_L2, 5)
    return max(1.0, 2.0 * float(distance.max()) - 1.0)


def _grown(mask: BoolMask, *, radius_um: float, mpp: float) -> BoolMask:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc(um_to_px(radius_um, mpp=mpp))), dtype=bool)


def _closed(mask: BoolMask, *, radius_um: float, mpp: float) -> BoolMask:
    kernel = disc(um_to_px(radius_um, mpp=mpp))
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    return np.asarray(closed, dtype=bool)
