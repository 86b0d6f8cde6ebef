"""Label maps in image files: what they are named beside their images, and how they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy import ndimage

from acinus.core.errors import InputError
from acinus.core.image import LabelMap
from acinus.slides.opening import check_readable, unreadable
from acinus.slides.plain_source import open_plain
from acinus.slides.pyramid import SourceRefusedError

__all__ = ["LABEL_ENDINGS", "LABEL_FOLDER", "LABEL_SUFFIXES", "read_labels"]

LABEL_ENDINGS = ("_anno", "_mask", "_label", "_labels")
"""What follows the name of an image in that of its label map."""

LABEL_FOLDER = "labels"
"""Where label maps lie that do not stand beside their images."""

LABEL_SUFFIXES = (".png", ".tif", ".tiff", ".bmp")
"""Formats of label maps, those that lose nothing."""


def read_labels(path: Path | str) -> LabelMap:
    """Read a label map, or a mask whose separate areas become the glands.

    Parameters
    ----------
    path : Path or str
        PNG, BMP or TIFF of one channel, 8, 16 or 32 bits: 0 background, one value for each gland. When it
        holds a single value beside 0 (a mask of 0 and 255, say) each 8-connected area is one gland; a map of
        one gland in one piece is unchanged by that, but for its value, which becomes 1.

    Returns
    -------
    ndarray of shape (H, W), int32
        All 0 for an empty map.

    Raises
    ------
    InputError
        When it cannot be read, is a colour image or holds negative or fractional values.
    """
    path = Path(path)
    check_readable(path)
    values = _label_values(path)
    if values.ndim != 2:
        raise InputError(
            f"{path.name} is a colour image, expected one channel with a value for each gland; "
            "export the labels, not their picture"
        )
    if values.dtype.kind == "f" and not np.array_equal(values, np.rint(values)):
        raise InputError(
            f"{path.name} holds fractions, expected whole numbers; export the labels as integers"
        )
    if values.size and (values.min() < 0 or values.max() > np.iinfo(np.int32).max):
        raise InputError(
            f"{path.name} holds values outside 0 to 2³¹ − 1; export the labels as 32-bit integers"
        )
    labels = values.astype(np.int32)
    if np.unique(labels[labels > 0]).size == 1:
        return np.asarray(ndimage.label(labels > 0, structure=np.ones((3, 3)))[0], dtype=np.int32)
    return labels


def _label_values(path: Path) -> NDArray[Any]:
    """Return the file's numbers as stored; a palette's indices, not its colours."""
    try:
        return _one_plane(np.asarray(tifffile.imread(path)))
    except Exception:  # not a TIFF, or one that Pillow may know; of a damaged one tifffile raises anything
        pass
    try:
        image = open_plain(path)
    except SourceRefusedError as error:
        raise unreadable(path) from error
    values = _one_plane(np.asarray(image))
    if values.ndim == 3 and (values[..., :1] == values[..., :3]).all():
        values = values[..., 0]  # a mask saved as RGB, R = G = B
    return values


def _one_plane(values: NDArray[Any]) -> NDArray[Any]:
    """Drop axes of length 1 beyond the two of the image."""
    while values.ndim > 2 and 1 in (values.shape[0], values.shape[-1]):
        values = values[0] if values.shape[0] == 1 else values[..., 0]
    return values
