"""Random changes that leave a gland a gland: stain and scanner in optical density, mirrors, quarter turns."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.core.colour import optical_density, rgb_from_optical_density
from acinus.core.image import RgbArray

__all__ = ["Turn", "mirrored", "normalise", "random_turn", "stain_jitter", "turned"]

_ROTATIONS = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}

Turn = tuple[bool, int]
"""Mirror left to right first, then so many quarter turns counter-clockwise."""


def stain_jitter(rgb: RgbArray, *, strength: float, rng: np.random.Generator) -> RgbArray:
    """Vary stain colour, stain amount and illumination of an (H, W, 3) uint8 image.

    In optical density the three channels are mixed by a matrix near the identity (other stain vectors),
    scaled (thicker sections, longer staining) and shifted (white balance), after Tellez et al. 2019
    (arXiv 1902.06543); the mixing matrix in place of their deconvolution is ours.

    Parameters
    ----------
    strength : float
        0 changes nothing; 1 gives mixing of σ 0.05, amounts of ±25 % and shifts of σ 0.03.
    """
    mixing = np.eye(3) + rng.normal(0.0, 0.05 * strength, (3, 3))
    amount = rng.uniform(1.0 - 0.25 * strength, 1.0 + 0.25 * strength)
    shift = rng.normal(0.0, 0.03 * strength, 3)
    # An affine map of colours; OpenCV's takes an eighth of the time of a matrix product over (H, W, 3).
    mapped = cv2.transform(optical_density(rgb), np.column_stack([mixing * amount, shift]))
    return rgb_from_optical_density(np.asarray(mapped, dtype=np.float32))


def random_turn(rng: np.random.Generator) -> Turn:
    """Draw one of the eight symmetries of the square."""
    return bool(rng.integers(2)), int(rng.integers(4))


def turned(image: NDArray[Any], turn: Turn) -> NDArray[Any]:
    """Return an (H, W, C) image as `turn` says, C-contiguous; OpenCV is the fastest at it."""
    is_mirrored, quarters = turn
    planes = [cv2.flip(plane, 1) if is_mirrored else plane for plane in cv2.split(image)]
    if quarters:
        planes = [cv2.rotate(plane, _ROTATIONS[quarters]) for plane in planes]
    return np.asarray(cv2.merge(planes))


def mirrored(length: int, wanted: int, *, start: int = 0) -> NDArray[np.intp]:
    """Return `wanted` indices of 0..length−1, from `start` on to the end, then back, and so on.

    Examples
    --------
    >>> mirrored(3, 8, start=1).tolist()
    [1, 2, 2, 1, 0, 0, 1, 2]
    """
    there_and_back = np.concatenate([np.arange(length), np.arange(length)[::-1]])
    return there_and_back[np.arange(start, start + wanted) % len(there_and_back)]


def normalise(rgb: RgbArray) -> NDArray[np.float32]:
    """Turn (..., 3) uint8 into float32 of about zero mean and unit variance, the input of every network."""
    return (rgb.astype(np.float32) / 255.0 - 0.5) / 0.25
