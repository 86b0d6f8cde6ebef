"""The picture people look at first: the image with each gland outlined."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from acinus.core.errors import InputError
from acinus.core.image import LabelMap, RgbArray
from acinus.core.morphology import disc
from acinus.core.units import um_to_px
from acinus.glands import Outline
from acinus.results.artefacts import DrawnArtefact
from acinus.slides.reader import SlideReader

__all__ = ["OVERLAY_SIDE_PX", "draw_outlines", "draw_polygons", "slide_overlay"]

OVERLAY_SIDE_PX = 4096
"""The longer side of a slide's overlay is this at most."""

_LINE_UM = 2.5
_GREEN = (38, 230, 60)  # far from every stain
_ORANGE = (255, 130, 20)
_DARK = (10, 50, 20)  # a thin shadow keeps the line visible on white
_SHIFT = 4  # polygons are drawn to a 16th of a pixel


def draw_outlines(rgb: RgbArray, labels: LabelMap, *, mpp: float) -> RgbArray:
    """Return the image with an outline just inside each gland, so that touching glands keep two lines.

    Parameters
    ----------
    rgb : (H, W, 3) uint8
    labels : (H, W) int32
    mpp : float
        µm per pixel, which makes lines as wide on every image.
    """
    width_px = max(2, round(um_to_px(_LINE_UM, mpp=mpp)))
    outer = _edge(labels, width_px + 1)
    inner = _edge(labels, width_px)
    picture = rgb.copy()
    picture[outer] = _DARK
    picture[inner] = _GREEN
    return picture


def _edge(labels: LabelMap, width_px: int) -> NDArray[np.bool_]:
    """Return pixels of glands that have another value within `width_px`."""
    kernel = disc(width_px)
    values = labels.astype(np.float32)  # exact up to 16 million glands
    changes = cv2.dilate(values, kernel) != cv2.erode(values, kernel)
    return np.asarray(changes & (labels > 0), dtype=bool)


def draw_polygons(
    rgb: RgbArray,
    outlines: Iterable[Outline],
    *,
    mpp: float,
    corner_um: tuple[float, float] = (0.0, 0.0),
    colour: tuple[int, int, int] = _GREEN,
) -> RgbArray:
    """Draw outlines into an image and return it, for slides whose label map is too large for a picture.

    Parameters
    ----------
    rgb : (H, W, 3) uint8
        Is changed: a slide's is large.
    outlines : iterable of Polygon or MultiPolygon
        In µm; gone through twice (no generator), so that no shadow falls on a neighbour's line.
    mpp : float
        µm per pixel of `rgb`.
    corner_um : (float, float)
        x, y of the image's corner.
    colour : (int, int, int)
        Red, green, blue.
    """
    width_px = max(2, round(um_to_px(_LINE_UM, mpp=mpp)))
    for of_line, thickness in ((_DARK, width_px + 2), (colour, width_px)):
        for outline in outlines:
            rings = [ring for part in shapely.get_parts(outline) for ring in (part.exterior, *part.interiors)]
            # Pixel centres lie at +½; cv2 takes whole numbers, here in parts of a pixel.
            places = [(shapely.get_coordinates(ring) - corner_um) / mpp - 0.5 for ring in rings]
            lines = [np.rint(xy * 2**_SHIFT).astype(np.int32) for xy in places]
            cv2.polylines(rgb, lines, True, of_line, thickness, cv2.LINE_AA, _SHIFT)
    return rgb


def slide_overlay(
    reader: SlideReader,
    outlines: Iterable[Outline],
    artefacts: Iterable[DrawnArtefact] = (),
    *,
    native_mpp: float,
) -> RgbArray:
    """Return the scanned part of a slide with its glands in green and its artefacts in orange outlines.

    It is no larger than an overlay is.

    Parameters
    ----------
    outlines : iterable of Polygon or MultiPolygon
        In µm from the slide's corner; gone through twice.
    artefacts : iterable of DrawnArtefact
    native_mpp : float
        µm per pixel of the slide.

    Raises
    ------
    InputError
        When the slide cannot be read.
    """
    scanned = reader.bounds
    mpp = native_mpp * max(1.0, max(scanned.width, scanned.height) / OVERLAY_SIDE_PX)
    try:
        rgb = reader.read(scanned, mpp=mpp)
    except OSError as error:
        raise InputError(f"{reader.path.name} cannot be read ({error}); copy it again") from error
    corner_um = (scanned.x * native_mpp, scanned.y * native_mpp)
    draw_polygons(rgb, outlines, mpp=mpp, corner_um=corner_um)
    left_out = [shapely.transform(each.outline, lambda xy: xy * native_mpp) for each in artefacts]
    return draw_polygons(rgb, left_out, mpp=mpp, corner_um=corner_um, colour=_ORANGE)
