"""Optical density: what a stain does to light, additive in the amount of stain (Beer–Lambert)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from acinus.core.image import RgbArray

__all__ = ["is_one_colour", "optical_density", "rgb_from_optical_density"]

_LEAST_CONTRAST = 10  # grey values; the faintest tissue spans several times as many


def is_one_colour(rgb: RgbArray) -> bool:
    """Say whether an (H, W, 3) uint8 image shows nothing: background, a black frame.

    Examples
    --------
    >>> is_one_colour(np.full((4, 4, 3), 240, np.uint8))
    True
    """
    return bool(np.ptp(rgb, axis=(0, 1)).max() <= _LEAST_CONTRAST)


def optical_density(rgb: RgbArray | NDArray[np.float32]) -> NDArray[np.float32]:
    """Return −ln((I + 1) / 256) of an (H, W, 3) image of grey levels 0 to 255, float32, 0 for white.

    Examples
    --------
    >>> optical_density(np.full((1, 1, 3), 255, np.uint8)).max().item()
    0.0
    """
    density: NDArray[np.float32] = 0.0 - np.log((rgb.astype(np.float32) + 1.0) / 256.0)  # never −0
    return density


def rgb_from_optical_density(density: NDArray[np.float32]) -> RgbArray:
    """Return the uint8 image whose optical density is `density`, clipped to what a camera can see."""
    return np.clip(np.rint(np.exp(-density) * 256.0 - 1.0), 0, 255).astype(np.uint8)
