"""How sharp tissue is: blur that leaves gland-sized shapes and takes away nuclei."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.core.image import BoolMask

__all__ = ["FOCUS_MPP", "sharpness"]

FOCUS_MPP = 1.0
"""µm per pixel at which focus is judged, so that one threshold holds for every scanner."""


def sharpness(density: NDArray[np.float32], tissue: BoolMask) -> float:
    """Return var(Laplacian) / var on tissue: pale stain and strong stain are then judged alike.

    40 GlaS images have 0.32 to 1.16, blurred by 1 µm (standard deviation) 0.04 to 0.30, by 2 µm 0.005 to
    0.041.

    Parameters
    ----------
    density : (H, W) float32
        Mean optical density at `FOCUS_MPP`.
    tissue : (H, W) bool
        Of which some is True.
    """
    laplacian = cv2.Laplacian(density, cv2.CV_32F, ksize=1)
    return float(laplacian[tissue].var()) / max(float(density[tissue].var()), 1e-4)
