"""An RGB image in memory together with its resolution, the form in which rooms hand images to each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acinus.core.errors import InputError
from acinus.core.units import check_mpp

__all__ = ["BoolMask", "LabelMap", "RgbArray", "RgbImage"]

RgbArray = NDArray[np.uint8]  # (H, W, 3), 0..255
BoolMask = NDArray[np.bool_]  # (H, W)
LabelMap = NDArray[np.int32]  # (H, W), 0 background, 1..N one value per gland


@dataclass(frozen=True)
class RgbImage:
    """A stained image at one resolution.

    Attributes
    ----------
    rgb : ndarray of shape (H, W, 3), uint8
    mpp : float
        µm per pixel.
    name : str
        The stem under which results are written.
    """

    rgb: RgbArray
    mpp: float
    name: str = "image"

    def __post_init__(self) -> None:
        """Refuse arrays that are empty or not 8-bit RGB, and resolutions no microscope has."""
        if self.rgb.ndim != 3 or self.rgb.shape[2] != 3 or self.rgb.dtype != np.uint8 or self.rgb.size == 0:
            raise InputError(
                f"{self.name}: expected an (H, W, 3) uint8 array with pixels, got {self.rgb.shape} "
                f"{self.rgb.dtype}; convert it to 8-bit RGB"
            )
        check_mpp(self.mpp, source=self.name, remedy="mpp=")

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.rgb.shape[0], self.rgb.shape[1]
