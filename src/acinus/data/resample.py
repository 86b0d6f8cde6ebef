"""Images and maps brought from one resolution to another."""

from __future__ import annotations

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.core.image import RgbArray, RgbImage

Number = TypeVar("Number", np.uint8, np.int32)

__all__ = ["image_at_mpp", "resize_map", "resize_regions", "rgb_at_mpp", "size_at_mpp"]


def size_at_mpp(shape: tuple[int, int], *, mpp: float, target_mpp: float) -> tuple[int, int]:
    """Return (height, width) in pixels of an image of `shape` once resampled; at least 1 × 1.

    Examples
    --------
    >>> size_at_mpp((100, 200), mpp=0.5, target_mpp=2.5)
    (20, 40)
    """
    scale = mpp / target_mpp
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def rgb_at_mpp(image: RgbImage, target_mpp: float) -> RgbArray:
    """Resample an image to `target_mpp` µm per pixel: area-averaged when shrinking, bilinear when growing."""
    height, width = size_at_mpp(image.shape, mpp=image.mpp, target_mpp=target_mpp)
    if (height, width) == image.shape:
        return image.rgb
    shrinking = target_mpp >= image.mpp
    method = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image.rgb, (width, height), interpolation=method), dtype=np.uint8)


def image_at_mpp(image: RgbImage, target_mpp: float) -> RgbImage:
    """Return an image at `target_mpp` µm per pixel, see `rgb_at_mpp`, under its own name."""
    return RgbImage(rgb_at_mpp(image, target_mpp), mpp=target_mpp, name=image.name)


def resize_map(values: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Resample a float map to (height, width): area-averaged when shrinking, bilinear when growing."""
    if values.shape == shape:
        return values
    method = cv2.INTER_AREA if shape[0] <= values.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(values, (shape[1], shape[0]), interpolation=method), dtype=np.float32)


def resize_regions(regions: NDArray[Number], shape: tuple[int, int]) -> NDArray[Number]:
    """Resample a map of categories to (height, width), each pixel taking the nearest one's value.

    OpenCV's nearest pixel is the nearest one above and to the left, which would shift the map.
    """
    if regions.shape == shape:
        return regions
    rows, columns = (_nearest(old, new) for old, new in zip(regions.shape, shape, strict=True))
    return regions[rows][:, columns]


def _nearest(length: int, wanted: int) -> NDArray[np.intp]:
    """Return the `wanted` indices below `length` whose centres are nearest, the lower of two equally near."""
    return np.asarray(((2 * np.arange(wanted) + 1) * length - 1) // (2 * wanted), dtype=np.intp)
