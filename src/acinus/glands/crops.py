"""One gland at a time: its bounding box cut from the label map, so that memory follows the gland."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import ndimage

from acinus.core.errors import InputError
from acinus.core.geometry import Box
from acinus.core.image import BoolMask, LabelMap, RgbArray

__all__ = ["GlandCrop", "Sliceable", "gland_crops"]

_MOST_SLICES = 1_000_000
"""Larger labels are renumbered first: a slice is kept for every value up to the largest."""

_PX_PER_SLICE = 64  # a map of 1.6 Gpx may have 25 million


class Sliceable(Protocol):
    """An RGB image that hands out rectangles: an array in memory or a reader that fetches them from disk."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(height, width, 3)."""
        ...

    def __getitem__(self, window: tuple[slice, slice], /) -> RgbArray:
        """Return rows and columns as uint8 RGB."""
        ...


@dataclass(frozen=True)
class GlandCrop:
    """A gland's bounding box with a margin of one pixel wherever the image continues.

    Attributes
    ----------
    label : int
    labels : ndarray of shape (h, w), int32
        The label map inside `box`, other glands included.
    box : Box
        In pixels of the label map.
    touches_side : bool
        Whether the gland reaches the first or last row or column of the image.
    """

    label: int
    labels: LabelMap
    box: Box
    touches_side: bool

    @property
    def mask(self) -> BoolMask:
        """Pixels of this gland, shape (h, w)."""
        return np.asarray(self.labels == self.label)

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the box, to cut the same rectangle from an image."""
        return slice(self.box.y, self.box.bottom), slice(self.box.x, self.box.right)


def gland_crops(labels: LabelMap) -> Iterator[GlandCrop]:
    """Yield the glands of a label map in the order of their labels; nothing for an empty map.

    Parameters
    ----------
    labels : ndarray of shape (H, W), integer
        0 background; labels need not be consecutive nor connected.

    Raises
    ------
    InputError
        When the array is not a two-dimensional map of non-negative integers.

    Examples
    --------
    >>> labels = np.zeros((6, 8), np.int32)
    >>> labels[2:4, 5:8] = 7
    >>> [(crop.label, crop.box, crop.touches_side) for crop in gland_crops(labels)]
    [(7, Box(x=4, y=1, width=4, height=4), True)]
    """
    if labels.ndim != 2 or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(
            f"expected a label map (H, W) of integers, got {labels.shape} {labels.dtype}; "
            "pass one value per gland and 0 for background"
        )
    if labels.size == 0:
        return
    if int(labels.min()) < 0:
        raise InputError(f"expected labels from 0 upwards, got {int(labels.min())}; 0 is the background")
    names, numbered = _renumbered(labels)
    height, width = labels.shape
    for index, window in enumerate(ndimage.find_objects(numbered)):
        if window is None:
            continue
        rows, columns = window
        sides = (rows.start == 0, columns.start == 0, rows.stop == height, columns.stop == width)
        top, left = max(rows.start - 1, 0), max(columns.start - 1, 0)
        bottom, right = min(rows.stop + 1, height), min(columns.stop + 1, width)
        label = index + 1 if names is None else int(names[index])
        yield GlandCrop(
            label=label,
            labels=labels[top:bottom, left:right],
            box=Box(left, top, right - left, bottom - top),
            touches_side=any(sides),
        )


def _renumbered(labels: LabelMap) -> tuple[LabelMap | None, LabelMap]:
    """Return the labels behind 1..N and the map with those numbers, or (None, the map) if it will do."""
    if int(labels.max()) <= max(_MOST_SLICES, labels.size // _PX_PER_SLICE):
        return None, labels
    names, inverse = np.unique(labels, return_inverse=True)
    numbered: LabelMap = inverse.reshape(labels.shape).astype(np.int32)
    return (names[1:], numbered) if names[0] == 0 else (names, numbered + 1)
