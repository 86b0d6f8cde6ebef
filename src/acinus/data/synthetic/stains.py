"""From amounts of stain to colour: optical densities add, intensity = white · 10^−OD (Beer–Lambert).

Stain vectors start from those of Ruifrok & Johnston (2001), the eosin one moved towards the pinks of GlaS.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acinus.data.synthetic.fields import Plane

__all__ = ["Stains", "absorb", "draw_stains", "optical_density"]

HAEMATOXYLIN = (0.61, 0.75, 0.27)
EOSIN = (0.09, 0.95, 0.28)


@dataclass(frozen=True)
class Stains:
    """The two dyes and the light of one image.

    Attributes
    ----------
    haematoxylin, eosin : tuple of 3 floats
        Optical density in red, green and blue that one unit of the dye adds.
    white : tuple of 3 floats
        Intensity (0..255) of red, green and blue where there is only background.
    """

    haematoxylin: tuple[float, float, float] = HAEMATOXYLIN
    eosin: tuple[float, float, float] = EOSIN
    white: tuple[float, float, float] = (245.0, 243.0, 245.0)


def _triple(values: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])


def draw_stains(rng: np.random.Generator, *, spread: float) -> Stains:
    """Draw the dyes of one laboratory and the white balance of one scanner.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of the variation.
    spread : float
        0 gives the mean dyes, 1 the variation between laboratories.
    """
    haematoxylin = np.array(HAEMATOXYLIN) * (1 + spread * rng.normal(0, (0.10, 0.05, 0.15)))
    eosin = np.array(EOSIN) * (1 + spread * rng.normal(0, (0.35, 0.05, 0.25)))
    amounts = np.exp(spread * rng.normal(0, (0.14, 0.2)))
    white = np.array((245.0, 243.0, 245.0)) + spread * rng.uniform(-6, 4, 3)
    unit_h = haematoxylin / np.linalg.norm(haematoxylin) * amounts[0]
    unit_e = np.maximum(eosin, 0.03) / np.linalg.norm(eosin) * amounts[1]
    return Stains(haematoxylin=_triple(unit_h), eosin=_triple(unit_e), white=_triple(white))


def optical_density(haematoxylin: Plane, eosin: Plane, stains: Stains) -> Plane:
    """Return the optical density of red, green and blue, float32 of shape (H, W, 3)."""
    dyes = np.array([stains.haematoxylin, stains.eosin], dtype=np.float32)  # (2, 3)
    return np.stack([haematoxylin, eosin], axis=-1) @ dyes


def absorb(haematoxylin: Plane, eosin: Plane, stains: Stains) -> Plane:
    """Return the light that passes, float32 of shape (H, W, 3) in 0..255.

    Examples
    --------
    One unit of a dye of density 1 in green only leaves a tenth of the green light:

    >>> one = np.ones((1, 1), dtype=np.float32)
    >>> dyes = Stains(haematoxylin=(0.0, 1.0, 0.0), eosin=(0.0, 0.0, 0.0), white=(250.0, 250.0, 250.0))
    >>> absorb(one, one, dyes).round(3).tolist()
    [[[250.0, 25.0, 250.0]]]
    """
    density = optical_density(haematoxylin, eosin, stains)
    white = np.array(stains.white, dtype=np.float32)
    passed: Plane = white * np.exp(density * np.float32(-np.log(10.0)))
    return passed
