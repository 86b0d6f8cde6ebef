"""What the images of a fit look like: colour, contrast and texture, by which unlike images are recognised.

A model answers whatever it is shown. That it has never seen the like shows in the picture alone: the mean and
the covariance of a few statistics over the images of the fit say how far another image lies from them
(Mahalanobis distance, as Lee et al. 2018, "A simple unified framework for detecting out-of-distribution
samples", measure it on features; these statistics are ours). No label is used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from acinus.core.colour import optical_density
from acinus.core.image import RgbImage
from acinus.data.resample import rgb_at_mpp
from acinus.slides.tissue import tissue_mask

__all__ = ["LOOK_MPP", "STATISTICS", "Looks", "look_of"]

LOOK_MPP = 2.5
"""µm per pixel at which images are compared, whatever their own resolution."""

STATISTICS = (
    "red",
    "green",
    "blue",
    "contrast",
    "texture_5um",
    "texture_10um",
    "texture_20um",
    "texture_40um",
)
"""Mean optical density of three channels on tissue; the logarithm of its standard deviation, and of the share
of that in details of four sizes."""

_OCTAVES_PX = (1.0, 2.0, 4.0, 8.0)  # standard deviations: details of about 5, 10, 20 and 40 µm
_LEAST_TISSUE_PX = 400  # 50 × 50 µm
_LEAST = 1e-3

# By how much images of one batch differ at least, so that a fit on few or equal images does not find all
# others strange: half of the standard deviations over the 85 training images of GlaS.
_LEAST_SPREAD = np.array([0.08, 0.12, 0.06, 0.1, 0.12, 0.1, 0.08, 0.08])


def look_of(image: RgbImage) -> NDArray[np.float64] | None:
    """Return the `STATISTICS` of an image, (8,) float64; None where there is too little tissue to say."""
    rgb = rgb_at_mpp(image, LOOK_MPP)
    tissue = tissue_mask(rgb, mpp=LOOK_MPP)
    if np.count_nonzero(tissue) < _LEAST_TISSUE_PX:
        return None
    density = optical_density(rgb)
    grey = density.mean(axis=2)
    spread = max(float(grey[tissue].std()), _LEAST)
    values = [*density[tissue].mean(axis=0, dtype=np.float64).tolist(), math.log(spread)]
    finer = grey
    for octave_px in _OCTAVES_PX:
        coarser = cv2.GaussianBlur(grey, (0, 0), octave_px)
        detail = float((finer - coarser)[tissue].std())
        values.append(math.log(max(detail / spread, _LEAST)))
        finer = coarser
    return np.array(values)


@dataclass(frozen=True)
class Looks:
    """Mean and covariance of the `STATISTICS` over the images of a fit.

    Attributes
    ----------
    mean : (8,) float64
    covariance : (8, 8) float64
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]

    @classmethod
    def of(cls, images: Sequence[RgbImage]) -> Self | None:
        """Return those of images; None when none of them has tissue."""
        known = [look for look in map(look_of, images) if look is not None]
        if not known:
            return None
        looks = np.stack(known)
        centred = looks - looks.mean(axis=0)
        return cls(looks.mean(axis=0), centred.T @ centred / len(looks))

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any] | None) -> Self | None:
        """Return what `as_plain` made; None for a model that has none, such as one of an earlier version."""
        if not plain or list(plain.get("statistics", ())) != list(STATISTICS):
            return None
        return cls(np.array(plain["mean"], np.float64), np.array(plain["covariance"], np.float64))

    def mixed(self, other: Looks) -> Looks:
        """Return mean and covariance over both sets of images, which count alike."""
        apart = self.mean - other.mean
        covariance = (self.covariance + other.covariance) / 2 + np.outer(apart, apart) / 4
        return Looks((self.mean + other.mean) / 2, covariance)

    def as_plain(self) -> dict[str, Any]:
        """Return the numbers with their names, for the model folder."""
        return {
            "statistics": list(STATISTICS),
            "mean": self.mean.tolist(),
            "covariance": self.covariance.tolist(),
        }

    def distance(self, look: NDArray[np.float64]) -> float:
        """Return how unlike the fit's images one is: Mahalanobis distance over √8, 1 for a usual image."""
        covariance = self.covariance + np.diag(_LEAST_SPREAD**2)
        away = look - self.mean
        return math.sqrt(float(away @ np.linalg.solve(covariance, away)) / len(away))

    def furthest(self, look: NDArray[np.float64]) -> str:
        """Return the name of the statistic in which an image departs most, each taken by itself."""
        spread = np.sqrt(np.diag(self.covariance) + _LEAST_SPREAD**2)
        return STATISTICS[int(np.argmax(np.abs(look - self.mean) / spread))]
