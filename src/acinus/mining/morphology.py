"""Morphology with radii in µm."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.core.image import BoolMask
from acinus.core.morphology import disc
from acinus.core.units import um_to_px

__all__ = ["blur", "closing", "dilation", "opening"]


def blur(values: NDArray[np.float32], sigma_um: float, *, mpp: float) -> NDArray[np.float32]:
    """Gaussian blur of an (H, W) or (H, W, C) float map."""
    return np.asarray(cv2.GaussianBlur(values, (0, 0), um_to_px(sigma_um, mpp=mpp)), dtype=np.float32)


def opening(mask: BoolMask, radius_um: float, *, mpp: float) -> BoolMask:
    """Remove what a disc of `radius_um` does not fit into."""
    return _apply(cv2.MORPH_OPEN, mask, radius_um, mpp)


def closing(mask: BoolMask, radius_um: float, *, mpp: float) -> BoolMask:
    """Fill gaps that a disc of `radius_um` does not fit into."""
    return _apply(cv2.MORPH_CLOSE, mask, radius_um, mpp)


def dilation(mask: BoolMask, radius_um: float, *, mpp: float) -> BoolMask:
    """Grow by `radius_um`."""
    return _apply(cv2.MORPH_DILATE, mask, radius_um, mpp)


def _apply(operation: int, mask: BoolMask, radius_um: float, mpp: float) -> BoolMask:
    kernel = disc(um_to_px(radius_um, mpp=mpp))
    result = cv2.morphologyEx(mask.astype(np.uint8), operation, kernel)
    return np.asarray(result, dtype=bool)
