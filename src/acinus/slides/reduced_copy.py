"""Whether one picture is a smaller copy of another: the same aspect, and the same colours at the same places.

Files hold thumbnails, macros, labels and padded pictures beside their levels, sometimes under the levels' own
tags, so neither tags nor sizes are believed alone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from acinus.core.geometry import Box, Size
from acinus.core.image import RgbArray
from acinus.slides.reader import level_downsample

__all__ = ["has_the_aspect", "shows_the_same"]

_ROUNDING_PX = 2.0
"""Sides are rounded once for each level, up or down."""

_PLACES = 4
"""Windows on each axis that are compared."""

_BLOCK_PX = 8
"""Side of a block in the smaller picture, whose mean hardly depends on how it was made smaller."""

_WINDOW_PX = (8, 32)
"""Side of a window in the smaller picture; the smaller, the more pixels of the larger one it takes."""

_LARGE_WINDOW_PX = 512
"""Side of a window in the larger picture, as far as that goes."""

_LARGEST_DIFFERENCE = 12.0
"""Grey levels; JPEG and different resampling make 1 to 4, other pictures of tissue 20 and more."""


def has_the_aspect(size: Size, of: Size) -> bool:
    """Say whether `size` is that of `of` divided by one number, more than 1.

    Examples
    --------
    >>> has_the_aspect(Size(150, 128), of=Size(300, 257)), has_the_aspect(Size(192, 128), of=Size(300, 257))
    (True, False)
    """
    if size.width >= of.width or size.height >= of.height or min(size.width, size.height) < 1:
        return False
    ratio = level_downsample(of, size)
    return (
        ratio > 1.2
        and abs(of.width / ratio - size.width) <= _ROUNDING_PX
        and abs(of.height / ratio - size.height) <= _ROUNDING_PX
    )


def shows_the_same(
    small: Size, large: Size, read_small: Callable[[Box], RgbArray], read_large: Callable[[Box], RgbArray]
) -> bool:
    """Say whether a smaller picture has the colours of a larger one, in windows spread over both.

    Parameters
    ----------
    small, large : Size
        Of the two pictures, of the same aspect.
    read_small, read_large : callable
        Return a box of either, (height, width, 3) uint8.

    Returns
    -------
    bool
        False when the windows' means of 8 × 8 px differ by more than 12 grey levels on average, in the third
        of the windows that differs most. Two pictures that are blank wherever one looks are the same.
    """
    ratio = level_downsample(large, small)
    side = int(np.clip(_LARGE_WINDOW_PX / ratio, *_WINDOW_PX))
    differences = []
    for y in _starts(small.height, side):
        for x in _starts(small.width, side):
            box = Box(x, y, min(side, small.width - x), min(side, small.height - y))
            left, top = int(box.x * ratio), int(box.y * ratio)
            right, bottom = (
                min(large.width, int(box.right * ratio)),
                min(large.height, int(box.bottom * ratio)),
            )
            if right - left < 2 or bottom - top < 2:
                continue
            shape = max(1, box.height // _BLOCK_PX), max(1, box.width // _BLOCK_PX)
            one = _means(read_small(box), shape)
            other = _means(read_large(Box(left, top, right - left, bottom - top)), shape)
            differences.append(float(np.abs(one - other).mean()))
    worst = sorted(differences)[-max(1, len(differences) // 3) :]
    return not worst or sum(worst) / len(worst) <= _LARGEST_DIFFERENCE


def _starts(length: int, side: int) -> list[int]:
    last = max(0, length - side)
    return sorted({round(last * (i + 0.5) / _PLACES) for i in range(_PLACES)})


def _means(pixels: RgbArray, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return the means of about equal blocks, (rows, columns, 3)."""
    rows = np.linspace(0, pixels.shape[0], shape[0], endpoint=False).astype(int)
    columns = np.linspace(0, pixels.shape[1], shape[1], endpoint=False).astype(int)
    sums = np.add.reduceat(np.add.reduceat(pixels.astype(np.float64), rows, axis=0), columns, axis=1)
    heights = np.diff([*rows, pixels.shape[0]])[:, None, None]
    widths = np.diff([*columns, pixels.shape[1]])[None, :, None]
    return np.asarray(sums / (heights * widths))
