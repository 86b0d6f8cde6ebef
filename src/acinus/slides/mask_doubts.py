"""What a label map can be taken for by mistake: a mask whose background is marked, a map of classes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.core.image import BoolMask, LabelMap
from acinus.core.scratch import bands, is_large

__all__ = ["classes_doubt", "inverted_doubt"]

_MOST_CLASSES = 8
_STEP_PX = 4  # of the grid on which values are looked for first
_LARGE_PART = 0.05
"""Of a value's largest area; what is smaller is a crumb of a gland."""


def inverted_doubt(labels: LabelMap) -> str | None:
    """Return what to say of a mask in which one area takes all four sides: its holes may be the glands.

    Parameters
    ----------
    labels : ndarray of shape (H, W), int32
        The areas of a mask, numbered.

    Examples
    --------
    >>> frame = np.ones((5, 6), np.int32)
    >>> frame[2, 2:4] = 0
    >>> inverted_doubt(frame) is None, inverted_doubt(1 - frame) is None
    (False, True)
    """
    sides = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    if not all((side == 1).all() for side in sides) or all(
        labels[rows].all() for rows in bands(labels.shape)
    ):
        return None
    return "one area takes all four sides, with holes in it; if the holes are the glands, invert the mask"


def classes_doubt(labels: LabelMap) -> str | None:
    """Return what to say of a map with few values, each of them at several places: they may be classes.

    Examples
    --------
    >>> classes = np.array([[1, 0, 1, 0, 2], [0, 0, 0, 0, 0], [2, 0, 2, 0, 1]], np.int32)
    >>> classes_doubt(classes)
    '2 values make 6 separate areas and are read as 2 glands; if they are classes, number the glands'
    """
    if is_large(labels.shape) or len(np.unique(labels[::_STEP_PX, ::_STEP_PX])) > _MOST_CLASSES + 1:
        return None
    values = _values(labels)
    if not 2 <= len(values) <= _MOST_CLASSES:
        return None
    areas = sum(_areas(np.asarray(labels == value)) for value in values.tolist())
    if areas < 2 * len(values):
        return None
    return (
        f"{len(values)} values make {areas} separate areas and are read as {len(values)} glands; if they are "
        "classes, number the glands"
    )


def _values(labels: LabelMap) -> NDArray[np.int32]:
    """Return the labels that occur."""
    found = np.unique(np.concatenate([np.unique(labels[rows]) for rows in bands(labels.shape)]))
    return found[found > 0]


def _areas(mask: BoolMask) -> int:
    """Count the 8-connected areas that are no crumbs."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    sizes = stats[1:, cv2.CC_STAT_AREA]
    return int(np.count_nonzero(sizes >= _LARGE_PART * sizes.max(initial=0)))
