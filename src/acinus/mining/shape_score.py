"""How much a closed shape looks like a gland, from its outline, its ring and its texture alone.

Each property of the shape is turned into 0..1 by a logistic curve and the score is their product. The curves
are fixed for the package: they express what a gland is (compact, with a ring darker than what it encloses or
than what surrounds it, with a sharp outline, without the dots of lymphocytes, not cut by the image's side).
Their positions are relative to the image's own contrast, so stain strength cancels. Ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.core.colour import mean_of_channels, optical_density
from acinus.core.geometry import Box
from acinus.core.image import BoolMask, RgbImage
from acinus.core.morphology import disc
from acinus.core.units import um_to_px
from acinus.mining.morphology import blur
from acinus.mining.shape_candidates import Candidate

__all__ = ["ImageTexture", "logistic", "score_candidate"]

# property: (value of score one half, width); a negative width means that less is better
_PALE = {
    "solidity": (0.87, 0.025),
    "ring": (0.7, 0.2),
    "edge": (1.0, 0.25),
    "fine": (0.6, -0.12),
    "cut": (0.3, -0.08),
}
_DARK = {
    "solidity": (0.90, 0.025),
    "ring": (0.9, 0.2),
    "edge": (1.4, 0.25),
    "fine": (1.4, -0.15),
    "cut": (0.4, -0.08),
    "core": (-0.1, -0.25),
}


@dataclass(frozen=True)
class ImageTexture:
    """What every candidate of one image is scored on: maps of the image, and what they hold on average.

    Attributes
    ----------
    density, gradient, fine : ndarray of shape (H, W), float32
        Optical density, the slope of its blur, its variance finer than `fine_um`.
    tissue, inner : ndarray of shape (H, W), bool
        Where tissue lies, and those of its pixels that have eight neighbours of it in the image.
    spread, mean_gradient, mean_fine : float
        Of the tissue: standard deviation of `density`, means of the other two.
    mpp : float
    """

    density: NDArray[np.float32]
    gradient: NDArray[np.float32]
    fine: NDArray[np.float32]
    tissue: BoolMask
    inner: BoolMask
    spread: float
    mean_gradient: float
    mean_fine: float
    mpp: float

    @classmethod
    def of(cls, image: RgbImage, tissue: BoolMask, *, blur_um: float, fine_um: float) -> ImageTexture:
        """Compute the maps and their averages on the tissue; see `ClosedShapes` for the lengths.

        Beside much glass, averages over all would make every edge steep and every contrast small.
        """
        density = mean_of_channels(optical_density(image.rgb))
        smooth = blur(density, blur_um, mpp=image.mpp)
        slope_x, slope_y = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
        fine = (density - blur(density, fine_um, mpp=image.mpp)) ** 2
        gradient = np.hypot(slope_x, slope_y)
        return cls(
            density=density,
            gradient=gradient,
            fine=fine,
            tissue=tissue,
            inner=_with_all_neighbours(tissue),
            spread=float(density[tissue].std()),
            mean_gradient=float(gradient[tissue].mean()),
            mean_fine=float(fine[tissue].mean()),
            mpp=image.mpp,
        )


def score_candidate(candidate: Candidate, texture: ImageTexture, *, nuclei_um: float) -> float:
    """Return 0..1, near 1 for a shape that has every property of a gland; 0 in an image without contrast."""
    if min(texture.spread, texture.mean_gradient, texture.mean_fine) <= 0.0:
        return 0.0
    height, width = texture.density.shape
    rim = disc(um_to_px(nuclei_um, mpp=texture.mpp))
    box = candidate.box.grown(rim.shape[0] // 2 + 1).intersection(Box(0, 0, width, height))
    view = np.s_[box.y : box.bottom, box.x : box.right]
    body = candidate.mask(box)
    outer = cv2.dilate(body.view(np.uint8), rim).view(bool) & ~body & texture.tissue[view]
    if np.count_nonzero(outer) < 10:  # fills the image
        return 0.0
    x, y = candidate.contour[:, 0, 0], candidate.contour[:, 0, 1]
    # What ends where the tissue or the image ends was cut: it does not close by itself.
    within = texture.inner[y, x]
    if not within.any():
        return 0.0
    density = texture.density[view]
    properties = {
        "solidity": candidate.solidity,
        "edge": float(_mean(texture.gradient[y[within], x[within]])) / texture.mean_gradient,
        "fine": float(_mean(texture.fine[view][body])) / texture.mean_fine,
        "cut": 1.0 - np.count_nonzero(within) / len(within),
    }
    if candidate.dark:
        core = cv2.erode(body.view(np.uint8), rim).view(bool)
        inner = _mean(density[body & ~core])
        if np.count_nonzero(core) < 10:  # thinner than two rims
            core = body
        properties["ring"] = float(inner - _mean(density[outer])) / texture.spread
        properties["core"] = float(_mean(density[core]) - inner) / texture.spread
    else:
        properties["ring"] = float(_mean(density[outer]) - _mean(density[body])) / texture.spread
    curves = _DARK if candidate.dark else _PALE
    return math.prod(logistic((properties[name] - at) / width) for name, (at, width) in curves.items())


def _with_all_neighbours(mask: BoolMask) -> BoolMask:
    """Return the pixels of a mask whose eight neighbours are of it, too: none at the sides of the array."""
    framed = cv2.copyMakeBorder(mask.view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return np.asarray(cv2.erode(framed, np.ones((3, 3), np.uint8))[1:-1, 1:-1], dtype=bool)


def _mean(values: NDArray[np.float32]) -> np.float32:
    """Return what ``values.mean()`` does of a vector, in a third of the time when it is short."""
    return np.float32(float(np.add.reduce(values)) / len(values))


def logistic(x: float) -> float:
    """Return 1 / (1 + e^−x), which runs from 0 to 1 and is one half at 0."""
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, x))))
