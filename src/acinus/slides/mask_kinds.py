"""How labels are meant: palettes, white that is zero, edges that were softened; recognised or refused.

A label map has steps at the borders of glands: next to background there is a gland's value, at once. A mask
that went through a resize or JPEG climbs to it over pixels in between, which no number of a gland is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acinus.core.errors import InputError
from acinus.core.scratch import bands, scratch_array

__all__ = ["hard_edges", "palette_values", "white_is_gland"]

_MOST_RAMPS = 0.05
"""Share of all changes from pixel to pixel that go up or down twice in a row (ours). It is 0.000 in all 294
annotations of GlaS and EBHI-Seg, 0.43 to 0.65 in masks that were resized, 0.19 in those saved as JPEG."""

_FEWEST_RAMPS = 16
_SAMPLED_ROWS = 512  # of large maps only some bands of rows are looked at
_SAMPLES = 24
_ORDER = "values are those of its palette's colours"
_MOST_FLAT_GREY = 0.02  # of flat pixels in a mask, those between its two values


def palette_values(
    indices: NDArray[Any], palette: NDArray[np.uint8], path: Path
) -> tuple[NDArray[Any], bool, str | None]:
    """Return the values that a palette means by its indices.

    A palette of greys is the picture of a mask: what is shown counts, not the order of the colours. Of a
    palette of colours the index is the gland; black is background, at whatever index it stands.

    Parameters
    ----------
    indices : ndarray of shape (H, W), uint8 or uint16
    palette : ndarray of shape (N, 3), uint8

    Returns
    -------
    values, greys, notice
        The values, whether they are greys (which may have been interpolated; colours never are), and a line
        where the order of the values is not that of the indices.

    Raises
    ------
    InputError
        When both 0 and black may be the background, or an index has no colour.

    Examples
    --------
    >>> swapped = np.array([[255, 255, 255], [0, 0, 0]], np.uint8)
    >>> palette_values(np.array([[0, 1, 1]], np.uint8), swapped, Path("mask.png"))[0].tolist()
    [[255, 0, 0]]
    """
    used = _used_values(indices)
    if not len(used):
        return indices, False, None
    if int(used[-1]) >= len(palette):
        raise InputError(
            f"{path.name} has a value {used[-1]} beyond its palette of {len(palette)} colours; "
            "save it as 8- or 16-bit greyscale"
        )
    colours = palette[used].astype(int)
    if (colours == colours[:, :1]).all():
        inverting = len(palette) == 256 and np.array_equal(palette[:, 0], np.arange(255, -1, -1))
        if inverting:  # ImageJ's table for masks
            return indices, True, None
        return palette[:, 0][indices], True, _ORDER if (np.diff(colours[:, 0]) < 0).any() else None
    black = used[(colours == 0).all(axis=1)]
    if not len(black) or int(black[0]) == 0:
        return indices, False, None
    if int(used[0]) == 0 and (palette[0] == 255).all():
        raise InputError(
            f"{path.name} has a palette in which 0 is white and {black[0]} is black, so which of them is the "
            "background is unknown; save it as 8- or 16-bit greyscale, 0 for background"
        )
    values = np.arange(len(palette), dtype=indices.dtype)
    values[[0, black[0]]] = values[[black[0], 0]]
    return values[indices], False, _ORDER


def white_is_gland(values: NDArray[Any], path: Path) -> NDArray[Any]:
    """Return the values of a mask in whose file 0 is white, as its picture is seen: white is the largest.

    Raises
    ------
    InputError
        When it is no mask: the number of which gland is the background's is unknown then.

    Examples
    --------
    >>> white_is_gland(np.array([[0, 255]], np.uint8), Path("mask.tif")).tolist()
    [[255, 0]]
    """
    if values.dtype == np.bool_:
        return ~values
    top = values.max(initial=0)
    sampled = _samples(values)
    if not (_two_values(sampled) or _is_mask(sampled, top=float(top))):
        raise InputError(
            f"{path.name} says that 0 is white and holds more than two values, so its background is unknown; "
            "save it so that 0 is black, and the background"
        )
    shown = scratch_array(values.shape, values.dtype)
    for rows in bands(values.shape):
        shown[rows] = top - values[rows]
    return shown


def hard_edges(values: NDArray[Any], path: Path, *, lossy: bool) -> tuple[NDArray[Any], str | None]:
    """Return a mask with soft edges as one without, and a notice; a label map as it is.

    Parameters
    ----------
    values : ndarray of shape (H, W)
        From 0 upwards; fractions are allowed, for a mask of 0 to 1 that was resized.
    lossy : bool
        Whether the file's compression changes values; then it must be a mask.

    Returns
    -------
    values, notice
        A mask of 0 and 1, cut at half of the largest value, and why; or the values and None.

    Raises
    ------
    InputError
        When the edges are soft, yet there are more than two values that hold areas of their own: a label map
        whose numbers were changed, or a picture.
    """
    if values.dtype == np.bool_ or not values.size:
        return values, None
    top = float(values.max())
    sampled = _samples(values)
    soft = _has_ramps(sampled)
    if not soft and not lossy:
        return values, None
    if top > 0 and _is_mask(sampled, top=top):
        if not soft and _two_values(sampled):
            return values, None
        cut = scratch_array(values.shape, np.uint8)
        for rows in bands(values.shape):
            cut[rows] = values[rows] >= top / 2
        return cut, f"edges are soft (grey between 0 and {top:g}), cut at half"
    if lossy:
        raise InputError(
            f"{path.name} is compressed as JPEG is, which changes the numbers of glands; "
            "export the label map again, as PNG or TIFF without loss"
        )
    raise InputError(
        f"{path.name} has soft edges between more than two values, so it is no label map any more (resized "
        "with interpolation, saved as JPEG, or a picture); export it again, resized by nearest neighbour"
    )


def _used_values(indices: NDArray[Any]) -> NDArray[Any]:
    """Return the values that occur, for 8 and 16 bits."""
    seen = np.zeros(np.iinfo(indices.dtype).max + 1, bool)
    for rows in bands(indices.shape):
        seen[np.unique(indices[rows])] = True
    return np.flatnonzero(seen)


def _samples(values: NDArray[Any]) -> list[NDArray[Any]]:
    """Return bands of rows over all of the map, or the map itself."""
    height = values.shape[0]
    if height <= _SAMPLED_ROWS * _SAMPLES or values.size <= 16_000_000:
        return [values]
    tops = np.linspace(0, height - _SAMPLED_ROWS, _SAMPLES).astype(int)
    return [values[top : top + _SAMPLED_ROWS] for top in tops.tolist()]


def _has_ramps(sampled: list[NDArray[Any]]) -> bool:
    """Say whether values climb between their neighbours instead of stepping."""
    ramps = changes = 0
    for part in sampled:
        for lines in (part, part.T):
            before, here, after = lines[:, :-2], lines[:, 1:-1], lines[:, 2:]
            up = (before < here) & (here < after)
            down = (before > here) & (here > after)
            ramps += int(np.count_nonzero(up | down))
            changes += int(np.count_nonzero(lines[:, 1:] != lines[:, :-1]))
    return ramps >= _FEWEST_RAMPS and ramps > _MOST_RAMPS * changes


def _is_mask(sampled: list[NDArray[Any]], *, top: float) -> bool:
    """Say whether there are two values, near 0 and near the top, and others only on the way between them."""
    full = grey = flat = flat_grey = 0
    for part in sampled:
        between = (part > 0.1 * top) & (part < 0.9 * top)
        full += int(np.count_nonzero(part >= 0.9 * top))
        grey += int(np.count_nonzero(between))
        inner = part[1:-1, 1:-1]
        same = (inner == part[:-2, 1:-1]) & (inner == part[2:, 1:-1])
        same &= (inner == part[1:-1, :-2]) & (inner == part[1:-1, 2:])
        same &= inner > 0.1 * top
        flat += int(np.count_nonzero(same))
        flat_grey += int(np.count_nonzero(same & between[1:-1, 1:-1]))
    return full > grey and flat_grey <= _MOST_FLAT_GREY * flat


def _two_values(sampled: list[NDArray[Any]]) -> bool:
    top = max(part.max() for part in sampled)
    return all(bool(((part == 0) | (part == top)).all()) for part in sampled)
