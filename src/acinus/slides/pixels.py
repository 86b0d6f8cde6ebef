"""What every source does to pixels that are not plain 8-bit RGB."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from acinus.core.image import RgbArray

__all__ = ["GREYSCALE_REFUSAL", "on_white", "screen_density_removed", "to_8_bit"]

GREYSCALE_REFUSAL = "is greyscale; expected a colour image of an H&E section, export it as RGB"

_COARSEST_MPP = 4.0
"""Coarser than this in a plain image is a density for screens or print (72 to 300 dpi)."""


def to_8_bit(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return 8-bit values; of 16-bit ones the high byte, so 0 to 65535 becomes 0 to 255.

    Examples
    --------
    >>> to_8_bit(np.array([0, 255, 256, 65535], np.uint16)).tolist()
    [0, 0, 1, 255]
    """
    if values.dtype == np.uint8:
        return values
    return (values >> 8).astype(np.uint8)


def on_white(rgba: NDArray[np.uint8], *, premultiplied: bool = False) -> RgbArray:
    """Return (H, W, 4) laid on white as (H, W, 3).

    Examples
    --------
    >>> on_white(np.array([[[0, 100, 200, 255], [0, 100, 200, 0]]], np.uint8)).tolist()
    [[[0, 100, 200], [255, 255, 255]]]
    """
    alpha = rgba[..., 3:].astype(np.float32) / 255
    colours = rgba[..., :3].astype(np.float32)
    values = colours + 255 * (1 - alpha) if premultiplied else 255 - alpha * (255 - colours)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def screen_density_removed(mpp: float | None, source: str) -> tuple[float | None, str]:
    """Return µm per pixel and its source, None for a density that no microscope has.

    Examples
    --------
    >>> screen_density_removed(25400 / 72, "PNG pHYs")
    (None, 'not in the file (PNG pHYs is 72 dpi, for a screen or print)')
    """
    if mpp is None:
        return None, "not in the file"
    if mpp > _COARSEST_MPP:
        return None, f"not in the file ({source} is {25400 / mpp:.0f} dpi, for a screen or print)"
    return mpp, source
