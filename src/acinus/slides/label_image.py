"""Label maps in image files: what they are named beside their images, and how they are read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acinus.core.errors import InputError
from acinus.core.image import LabelMap
from acinus.core.scratch import bands, scratch_array
from acinus.slides.label_values import StoredValues, stored_values
from acinus.slides.mask_areas import label_areas
from acinus.slides.mask_doubts import classes_doubt, inverted_doubt
from acinus.slides.mask_kinds import hard_edges, palette_values, white_is_gland

__all__ = ["LABEL_ENDINGS", "LABEL_FOLDER", "LABEL_SUFFIXES", "LabelImage", "read_label_image", "read_labels"]

LABEL_ENDINGS = (
    *("_anno", "_mask", "_label", "_labels"),
    *("_cp_masks", "_masks"),  # CellPose
    *("-labels", "-labelled", "-mask"),  # QuPath's scripts
)
"""What follows the name of an image in that of its label map."""

LABEL_FOLDER = "labels"
"""Where label maps lie that do not stand beside their images."""

LABEL_SUFFIXES = (".png", ".tif", ".tiff", ".bmp")
"""Formats of label maps, those that lose nothing."""


@dataclass(frozen=True)
class LabelImage:
    """A label map from a file.

    Attributes
    ----------
    labels : ndarray of shape (H, W), int32
        0 background. In a temporary file, where there are more than 100 Mpx.
    notices : tuple of str
        One line each for what the file does not say and was understood.
    """

    labels: LabelMap
    notices: tuple[str, ...]


def read_labels(path: Path | str) -> LabelMap:
    """Return the labels of `read_label_image` alone."""
    return read_label_image(path).labels


def read_label_image(path: Path | str) -> LabelImage:
    """Read a label map, or a mask whose separate areas become the glands.

    Parameters
    ----------
    path : Path or str
        PNG, BMP or TIFF of one channel, 1 to 32 bits: 0 background, one value for each gland. When it holds a
        single value beside 0 (a mask of 0 and 255, say) each 8-connected area is one gland; a map of one
        gland in one piece is unchanged by that, but for its value, which becomes 1. A mask whose edges were
        softened, by a resize or by JPEG, is cut at half of its largest value. Palettes, white that is zero
        and masks in the transparency are read as the picture is seen.

    Raises
    ------
    InputError
        When it cannot be read or is no label map: a colour picture, a JPEG of a label map, one that was
        resized with interpolation, several planes, negative or fractional values, no background.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> path = Path(tempfile.mkdtemp()) / "mask.png"
    >>> Image.fromarray(np.array([[255, 0, 255]], np.uint8)).save(path)
    >>> read_label_image(path).labels.tolist()
    [[1, 0, 2]]
    """
    path = Path(path)
    stored = stored_values(path)
    values, may_be_soft, meant = _as_shown(stored, path)
    if values.dtype.kind == "f" and not all(np.isfinite(values[rows]).all() for rows in bands(values.shape)):
        raise InputError(f"{path.name} holds numbers that are not finite; export the labels as integers")
    if values.size and values.min() < 0:
        raise InputError(
            f"{path.name} holds values outside 0 to 2³¹ − 1; export the labels as 32-bit integers"
        )
    values, cut = hard_edges(values, path, lossy=stored.lossy) if may_be_soft else (values, None)
    labels = _whole_numbers(values, path)
    smallest, largest = _range_of_labels(labels, path)
    if smallest == largest:
        labels = label_areas(labels)
        doubt = inverted_doubt(labels)
    else:
        doubt = classes_doubt(labels)
    notices = [*stored.notices, *(notice for notice in (meant, cut, doubt) if notice)]
    return LabelImage(labels, tuple(f"{path.name}: {notice}" for notice in notices))


def _as_shown(stored: StoredValues, path: Path) -> tuple[NDArray[Any], bool, str | None]:
    """Return the values with background 0, whether they are greys, and a line on what was not as stored."""
    if stored.palette is not None:
        return palette_values(stored.values, stored.palette, path)
    if stored.white_is_zero:
        shown = white_is_gland(stored.values, path)
        return shown, True, "0 is white in this file; white is read as gland"
    return stored.values, True, None


def _whole_numbers(values: NDArray[Any], path: Path) -> LabelMap:
    """Return int32, in a temporary file where the map is large."""
    labels = scratch_array(values.shape, np.int32)
    for rows in bands(values.shape):
        part = values[rows]
        if part.dtype.kind == "f" and not np.array_equal(part, np.rint(part)):
            raise InputError(
                f"{path.name} holds fractions, expected whole numbers; export the labels as integers"
            )
        if part.max() > np.iinfo(np.int32).max:
            raise InputError(
                f"{path.name} holds values outside 0 to 2³¹ − 1; export the labels as 32-bit integers"
            )
        labels[rows] = part
    return labels


def _range_of_labels(labels: LabelMap, path: Path) -> tuple[int, int]:
    """Return the smallest and the largest label, 0 and 0 of an empty map."""
    smallest, largest, background = np.iinfo(np.int32).max, 0, False
    for rows in bands(labels.shape):
        painted = labels[rows][labels[rows] > 0]
        background |= painted.size < labels[rows].size
        if painted.size:
            smallest, largest = min(smallest, int(painted.min())), max(largest, int(painted.max()))
    if not background and smallest < largest:
        raise InputError(
            f"{path.name} holds values from {smallest} to {largest} but no 0, expected 0 for the background; "
            "subtract the background's value"
        )
    return (smallest, largest) if largest else (0, 0)
