"""From colour to stain: optical density and the part of it that is haematoxylin.

Light through stain of concentration c obeys I = I₀ 10^(−c·v) (Beer–Lambert), so optical densities add where
intensities multiply. Two stains with known colour vectors v are separated by a linear system per pixel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from acinus.core.image import RgbArray

__all__ = ["EOSIN", "HAEMATOXYLIN", "absorbance", "haematoxylin_density"]

HAEMATOXYLIN = (0.65, 0.70, 0.29)
"""Optical density of haematoxylin in red, green and blue, unit length (Ruifrok & Johnston 2001)."""

EOSIN = (0.07, 0.99, 0.11)
"""Optical density of eosin in red, green and blue, unit length (Ruifrok & Johnston 2001)."""

_WHITE = 255.0


def absorbance(rgb: RgbArray) -> NDArray[np.float64]:
    """Return −log₁₀(I / 255) per channel; black counts as 1 so that it stays finite.

    `acinus.core.colour.optical_density` is the same with natural logarithms.

    Parameters
    ----------
    rgb : ndarray of shape (..., 3), uint8
        White is 255.

    Returns
    -------
    ndarray of shape (..., 3), float64
        0 (white) to 2.41.

    Examples
    --------
    >>> absorbance(np.array([255, 0, 128], np.uint8)).round(3).tolist()
    [-0.0, 2.407, 0.299]
    """
    density: NDArray[np.float64] = _DENSITY[rgb]
    return density


_DENSITY = -np.log10(np.maximum(np.arange(256), 1) / _WHITE)


def haematoxylin_density(rgb: RgbArray) -> NDArray[np.float64]:
    """Return the optical density due to haematoxylin, by colour deconvolution.

    OD = h·v_H + e·v_E + r·v_R is solved for h, with v_H and v_E the unit vectors of Ruifrok & Johnston and
    v_R their normalised cross product, which takes what neither stain explains.

    Parameters
    ----------
    rgb : ndarray of shape (..., 3), uint8
        White is 255.

    Returns
    -------
    ndarray of shape (...), float64
        Length of the haematoxylin part of the OD vector; slightly negative where a pixel is pinker than
        eosin.

    References
    ----------
    Ruifrok & Johnston, Quantification of histochemical staining by color deconvolution, Anal. Quant. Cytol.
    Histol. 23, 2001.
    """
    return absorbance(rgb) @ _TO_HAEMATOXYLIN


def _unmixing() -> NDArray[np.float64]:
    """Return the column that takes an OD vector to its haematoxylin part, shape (3,)."""
    stains = np.array([HAEMATOXYLIN, EOSIN, np.cross(HAEMATOXYLIN, EOSIN)])
    stains /= np.linalg.norm(stains, axis=1, keepdims=True)
    column: NDArray[np.float64] = np.linalg.inv(stains)[:, 0]
    return column


_TO_HAEMATOXYLIN = _unmixing()
