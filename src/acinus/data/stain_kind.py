"""Which kind of stain an image shows: H&E, a brown immunostain, or no colour at all.

Haematoxylin and eosin both take out more green than blue; diaminobenzidine (DAB), the brown of
immunostains, takes out more blue than green (Ruifrok & Johnston 2001: 0.27, 0.57, 0.78 in red, green, blue).
A black-and-white picture takes out as much of each. Thresholds are ours.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.core.colour import brightest_channel, darkest_channel, mean_of_channels, optical_density
from acinus.core.image import BoolMask, RgbArray

__all__ = ["STAIN_NAMES", "StainKind", "stain_kind"]

StainKind = Literal["he", "brown", "grey"]

STAIN_NAMES: dict[StainKind, str] = {
    "he": "H&E",
    "brown": "a brown immunostain",
    "grey": "black and white",
}
"""What a sentence calls them."""

_LOOKED_AT_MPP = 2.0  # a nucleus is three pixels; colour noise of JPEG is averaged
_STAINED_OD = 0.15  # above the lightest pixels; faint eosin has 0.2 of its mean over the channels
_BLACK = 70  # brightest channel of black borders and ink, which say nothing
_LEAST_STAINED = 0.02  # of the picture: dust and the shadow of a cover slip are less
_GREY_CHROMA = 12  # grey levels between brightest and darkest channel; H&E of three sets has 64 and more
_BROWN_OVER_GREEN, _BROWN_OVER_RED = 0.95, 1.2  # DAB alone has 1.37 and 2.9; over haematoxylin less
_RED_OVER_BLUE = 0.2  # DAB has 0.35; red blood cells, which hardly absorb red, 0.1
_BROWN_OD = 0.25  # mean over the channels: a faint yellow is a lamp, not a stain
_LEAST_BROWN = 0.02  # of the stained pixels; among 224 H&E images of three sets the most are 0.006


def stain_kind(rgb: RgbArray, *, mpp: float) -> StainKind:
    """Return the kind of stain of an (H, W, 3) uint8 image.

    Parameters
    ----------
    mpp : float
        µm per pixel of `rgb`.

    Returns
    -------
    {"he", "brown", "grey"}
        "he" also where there is nothing to see, and for other coloured stains: `Looks` tells those apart.

    Examples
    --------
    >>> glass = np.full((40, 40, 3), 240, np.uint8)
    >>> kinds = []
    >>> for colour in ((200, 120, 170), (130, 80, 40), (128, 128, 128), (240, 240, 240)):
    ...     glass[10:30, 10:30] = colour
    ...     kinds.append(stain_kind(glass, mpp=2.0))
    >>> kinds
    ['he', 'brown', 'grey', 'he']
    """
    small = _reduced(rgb, mpp=mpp)
    density = optical_density(small)
    # Whatever tints the glass tints all: it is what the lightest pixels have.
    density = np.maximum(density - np.quantile(density, 0.01, axis=(0, 1)), 0.0)
    stained = (mean_of_channels(density) > _STAINED_OD) & (brightest_channel(small) >= _BLACK)
    if np.count_nonzero(stained) < _LEAST_STAINED * stained.size:
        return "he"
    chroma = (brightest_channel(small) - darkest_channel(small))[stained]
    if np.quantile(chroma, 0.99) < _GREY_CHROMA:
        return "grey"
    return "brown" if _brown(density)[stained].mean() >= _LEAST_BROWN else "he"


def _brown(density: NDArray[np.float32]) -> BoolMask:
    """Return which pixels of an (H, W, 3) optical density are brown, (H, W) bool."""
    red, green, blue = density[..., 0], density[..., 1], density[..., 2]
    return np.asarray(
        (blue > _BROWN_OVER_GREEN * green)
        & (blue > _BROWN_OVER_RED * red)
        & (red > _RED_OVER_BLUE * blue)
        & (mean_of_channels(density) > _BROWN_OD),
        dtype=bool,
    )


def _reduced(rgb: RgbArray, *, mpp: float) -> RgbArray:
    """Return the image at 2 µm/px, or as it is if it is coarser."""
    scale = min(1.0, mpp / _LOOKED_AT_MPP)
    size = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
