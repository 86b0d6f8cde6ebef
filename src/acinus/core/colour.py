"""Optical density: what a stain does to light, additive in the amount of stain (Beer–Lambert)."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.core.image import RgbArray

__all__ = [
    "brightest_channel",
    "darkest_channel",
    "is_one_colour",
    "mean_of_channels",
    "optical_density",
    "rgb_from_optical_density",
]

Number = TypeVar("Number", np.uint8, np.float32)

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
    if rgb.dtype == np.uint8 and rgb.size:  # 256 logarithms instead of one for each value
        levels = optical_density(np.arange(256, dtype=np.float32))
        return np.asarray(cv2.LUT(np.ascontiguousarray(rgb), levels), dtype=np.float32)
    density: NDArray[np.float32] = 0.0 - np.log((rgb.astype(np.float32) + 1.0) / 256.0)  # never −0
    return density


def mean_of_channels(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean of an (H, W, 3) image over its channels, (H, W): NumPy's takes 8 times as long.

    Examples
    --------
    >>> mean_of_channels(np.float32([[[1, 2, 6]]])).tolist()
    [[3.0]]
    """
    mean: NDArray[np.float32] = (values[..., 0] + values[..., 1] + values[..., 2]) / np.float32(3)
    return mean


def brightest_channel(values: NDArray[Number]) -> NDArray[Number]:
    """Return the largest value of each pixel of an (H, W, 3) image, (H, W).

    Examples
    --------
    >>> brightest_channel(np.uint8([[[10, 30, 20]]])).tolist()
    [[30]]
    """
    return np.maximum(np.maximum(values[..., 0], values[..., 1]), values[..., 2])


def darkest_channel(values: NDArray[Number]) -> NDArray[Number]:
    """Return the smallest value of each pixel of an (H, W, 3) image, (H, W).

    Examples
    --------
    >>> darkest_channel(np.uint8([[[10, 30, 20]]])).tolist()
    [[10]]
    """
    return np.minimum(np.minimum(values[..., 0], values[..., 1]), values[..., 2])


def rgb_from_optical_density(density: NDArray[np.float32]) -> RgbArray:
    """Return the uint8 image whose optical density is `density`, clipped to what a camera can see."""
    return np.clip(np.rint(np.exp(-density) * 256.0 - 1.0), 0, 255).astype(np.uint8)
