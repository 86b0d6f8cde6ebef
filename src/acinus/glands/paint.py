"""Outlines to a label map: the way back from `acinus.glands.polygons`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import shapely
from skimage.draw import polygon as ring_pixels

from acinus.core.geometry import Box
from acinus.core.image import BoolMask, LabelMap
from acinus.core.scratch import scratch_array
from acinus.glands.polygons import Outline

__all__ = ["paint_outlines", "pixels_around"]


def paint_outlines(outlines: Sequence[Outline], box: Box) -> LabelMap:
    """Return the label map of a box: outline 1, 2, ... N where a pixel's centre lies in it.

    Parameters
    ----------
    outlines : sequence of Polygon or MultiPolygon
        In pixels of the map; pixel (row r, column c) covers [c, c + 1] × [r, r + 1]. Holes stay holes.
    box : Box
        The part of the map that is painted, in the same pixels.

    Returns
    -------
    ndarray of shape (box.height, box.width), int32
        0 background. Where outlines overlap, the smaller one is on top. One that holds no pixel's centre is
        absent. In a temporary file, where there are more than 100 Mpx.

    Examples
    --------
    >>> paint_outlines([shapely.box(1, 0, 3, 2), shapely.box(2, 1, 9, 9)], Box(0, 0, 4, 3)).tolist()
    [[0, 1, 1, 0], [0, 1, 1, 2], [0, 0, 2, 2]]
    """
    labels: LabelMap = scratch_array((box.height, box.width), np.int32)
    if not len(outlines):
        return labels
    frame = shapely.box(box.x, box.y, box.right, box.bottom)
    shown = np.flatnonzero(shapely.intersects(np.array(outlines, dtype=object), frame)).tolist()
    for number in sorted(shown, key=lambda each: -outlines[each].area):
        around = pixels_around(outlines[number]).intersection(box)
        labels[around.slices_in(box)][_mask(outlines[number], around)] = number + 1
    return labels


def pixels_around(outline: Outline) -> Box:
    """Return the smallest box of whole pixels that holds an outline."""
    left, top, right, bottom = outline.bounds
    x, y = math.floor(left), math.floor(top)
    return Box(x, y, math.ceil(right) - x, math.ceil(bottom) - y)


def _mask(outline: Outline, box: Box) -> BoolMask:
    mask = np.zeros((box.height, box.width), bool)
    for part in shapely.get_parts(outline).tolist():
        inside = np.zeros_like(mask)
        for ring, value in [(part.exterior, True), *((hole, False) for hole in part.interiors)]:
            # Pixel centres become whole numbers.
            xy = np.asarray(ring.coords)[:, :2] - (box.x + 0.5, box.y + 0.5)
            inside[ring_pixels(xy[:, 1], xy[:, 0], shape=mask.shape)] = value
        mask |= inside
    return mask
