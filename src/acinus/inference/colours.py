"""How likely a pixel is gland by its colour alone, learnt where in the image the network is sure.

A network has to hold for every image and stain at once. Within one image colour knows more: it tells lumina
full of debris and pale glands that the network takes for background. The idea is that of GrabCut (Rother et
al. 2004, doi:10.1145/1015706.1015720), whose seeds a person draws; ours are the network's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from acinus.core.image import BoolMask, RgbArray

__all__ = ["ColourCounts", "ColourModel", "ColourRange", "blurred", "lab_of", "stained", "stained_bytes"]

_BINS = 32  # of each of the three axes
_PERCENT = (0.5, 99.5)  # of an axis' values lie within the bins' range
_LEAST_CHROMA = 7.0  # of 128 (ours); on GlaS bare background has 2 (95 % below 3), stroma 27 to 60
_UNSEEN = 3e-6  # share of a class that any bin has at least: colours never seen decide nothing


def lab_of(rgb: RgbArray, *, sigma: float) -> NDArray[np.float32]:
    """Return the CIELAB colours of an image as OpenCV scales them, 0..255, blurred: (H, W, 3) float32.

    Parameters
    ----------
    sigma : float
        Standard deviation of the Gaussian in pixels, which averages grain and single nuclei away.
    """
    return blurred(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.float32), sigma)


def blurred(values: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Return a map of (H, W) or (H, W, C) after a Gaussian of `sigma` pixels; 0 leaves it as it is."""
    if sigma <= 0.0:
        return values
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma), dtype=np.float32)


def stained(lab: NDArray[np.float32]) -> BoolMask:
    """Say of each colour whether it is a stain's, (...) bool for (..., 3).

    Of the others colour decides nothing: a lumen is as white as the bare background beside the tissue, and
    where that fills the image, whatever is not white would pass for gland.
    """
    return np.asarray(np.hypot(lab[..., 1] - 128.0, lab[..., 2] - 128.0) >= _LEAST_CHROMA, dtype=bool)


def stained_bytes(green_red: NDArray[np.uint8], blue_yellow: NDArray[np.uint8]) -> BoolMask:
    """Say what `stained` does, given the last two axes of colours as bytes: (...) bool for (...) each."""
    return np.take(_stained_pairs(), (green_red.astype(np.uint16) << 8) | blue_yellow)


@cache
def _stained_pairs() -> BoolMask:
    """Say of all pairs of bytes on the last two axes of colour whether they are `stained`, (256, 256)."""
    pairs = np.zeros((256, 256, 3), dtype=np.float32)
    pairs[..., 1], pairs[..., 2] = np.ogrid[:256, :256]
    return stained(pairs)


@dataclass(frozen=True)
class ColourRange:
    """The range of each axis of colour that an image uses, cut into 32 bins.

    Attributes
    ----------
    low, high : (3,) float64
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def of(cls, lab: NDArray[np.float32]) -> ColourRange:
        """Return the range of all but the one in a hundred most extreme values of each axis, (..., 3)."""
        low, high = np.percentile(lab.reshape(-1, 3), _PERCENT, axis=0)
        return cls(low, high)

    @classmethod
    def of_histograms(cls, counts: NDArray[np.int64]) -> ColourRange:
        """Return what `of` does of colours in whole numbers of which these are the histograms.

        Parameters
        ----------
        counts : (3, 256) int64
            How many pixels have each value of each axis; one at least, and as many on each axis.
        """
        place = np.array(_PERCENT) / 100.0 * (counts[0].sum() - 1)  # in the order of values, from 0
        below = np.floor(place)
        first, second = (
            np.stack([np.searchsorted(np.cumsum(axis), at, side="right") for axis in counts], axis=1)
            for at in (below, np.ceil(place))
        )
        low, high = first + (second - first) * (place - below)[:, None]
        return cls(low, high)

    def bins(self, lab: NDArray[np.float32]) -> NDArray[np.intp]:
        """Return the bin of each colour, (...) of 0..32³ − 1; what lies outside goes to the outermost."""
        axes = self._axes(lab)
        bins: NDArray[np.intp] = (axes[..., 0] * _BINS + axes[..., 1]) * _BINS + axes[..., 2]
        return bins

    def byte_bins(self) -> NDArray[np.intp]:
        """Return what each byte of each axis adds to a colour's bin, (3, 256): it is the sum of three."""
        bytes_ = np.arange(256, dtype=np.float32)[:, None]
        bins: NDArray[np.intp] = self._axes(bytes_).T * np.array([[_BINS * _BINS], [_BINS], [1]])
        return bins

    def _axes(self, lab: NDArray[np.float32]) -> NDArray[np.intp]:
        """Return the bin on each axis, (..., 3) of 0..31."""
        scaled = (lab - self.low) / np.maximum(self.high - self.low, 1e-6)
        return np.clip((scaled * _BINS).astype(np.intp), 0, _BINS - 1)


@dataclass(frozen=True)
class ColourCounts:
    """How often each colour occurs in gland and elsewhere; those of an image's parts add up.

    Attributes
    ----------
    gland, background : (32³,) int64
    """

    gland: NDArray[np.int64]
    background: NDArray[np.int64]

    @classmethod
    def of(cls, bins: NDArray[np.intp], gland: BoolMask, background: BoolMask) -> ColourCounts:
        """Count the bins of the pixels of either mask, all of shape (H, W)."""
        return cls(*(np.bincount(bins[mask], minlength=_BINS**3) for mask in (gland, background)))

    def __add__(self, other: ColourCounts) -> ColourCounts:
        """Return the counts of both parts."""
        return ColourCounts(self.gland + other.gland, self.background + other.background)

    def model(self, colours: ColourRange, *, least_px: float) -> ColourModel | None:
        """Return what these counts teach; None when fewer than `least_px` pixels of a class were seen."""
        counts = (self.gland, self.background)
        if min(count.sum() for count in counts) < max(1.0, least_px):
            return None
        cube = (_BINS, _BINS, _BINS)
        gland, background = (
            ndimage.gaussian_filter((count / count.sum()).reshape(cube), 1.0, mode="constant") + _UNSEEN
            for count in counts
        )
        return ColourModel(colours, (gland / (gland + background)).ravel().astype(np.float32))


@dataclass(frozen=True)
class ColourModel:
    """The likelihood of gland of each colour.

    Attributes
    ----------
    colours : ColourRange
    table : (32³,) float32
        g / (g + b), where g and b are the shares of a bin in gland and in background: how much there is of
        either does not count.
    """

    colours: ColourRange
    table: NDArray[np.float32]

    def likelihood(self, lab: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the table's entry for each colour, (H, W) float32 for (H, W, 3)."""
        return self.table[self.colours.bins(lab)]
