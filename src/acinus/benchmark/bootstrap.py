"""Is one method better than another, or did it happen to suit these images? A paired bootstrap over images.

Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 13.3 (percentile intervals). An image
is resampled for both methods at once, since images differ in difficulty far more than methods do; the pooled
mIoU is computed anew from the counts of the resampled images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acinus.core.errors import UsageError

__all__ = ["LEAST_IMAGES", "Difference", "paired_bootstrap", "pooled_miou"]

LEAST_IMAGES = 5
"""Resamples of fewer are too alike: an interval of one image has no width (ours)."""

Counts = NDArray[np.int64]
"""(S, N, 4): TP, FP, FN, TN pixels of N images under S seeds."""


@dataclass(frozen=True)
class Difference:
    """mIoU of one method minus that of another.

    Attributes
    ----------
    mean : float
        On the images as they are, mean over seeds.
    interval : (float, float) or None
        Ends of the 95 % interval over resampled images; None where there are too few images. The seeds are
        held fixed: their spread is in the tables.
    """

    mean: float
    interval: tuple[float, float] | None

    @property
    def clear(self) -> bool:
        """Whether the interval excludes 0."""
        return self.interval is not None and (self.interval[0] > 0.0 or self.interval[1] < 0.0)

    def turned(self) -> Difference:
        """Return that of the other method minus the one."""
        interval = None if self.interval is None else (-self.interval[1], -self.interval[0])
        return Difference(-self.mean, interval)


def pooled_miou(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of the two IoUs of pooled counts (..., 4); a class found in neither map has IoU 1.

    Examples
    --------
    >>> pooled_miou(np.array([1.0, 1.0, 1.0, 1.0])).round(3).item()
    0.333
    """
    wrong = counts[..., 1] + counts[..., 2]
    ious = []
    for right in (counts[..., 0], counts[..., 3]):
        union = right + wrong
        ious.append(np.where(union > 0, right / np.maximum(union, 1.0), 1.0))
    return np.asarray((ious[0] + ious[1]) / 2)


def paired_bootstrap(ours: Counts, theirs: Counts, *, resamples: int = 2000, seed: int = 0) -> Difference:
    """Return the difference in pooled mIoU, with its interval where there are `LEAST_IMAGES`.

    Parameters
    ----------
    ours, theirs : (S, N, 4) and (S', N, 4)
        Of the same images in the same order; the numbers of seeds may differ.
    resamples : int
        How often N images are drawn with replacement.
    seed : int
        Of these draws.

    Raises
    ------
    UsageError
        When the images are not the same number, or there are none.
    """
    images = ours.shape[1]
    if images != theirs.shape[1] or not images:
        raise UsageError(
            f"expected counts of the same images, got {images} and {theirs.shape[1]}; compare one split"
        )
    whole = np.ones((1, images))
    mean = float((_mean_over_seeds(ours, whole) - _mean_over_seeds(theirs, whole))[0])
    if images < LEAST_IMAGES:
        return Difference(mean, None)
    rng = np.random.default_rng(seed)
    times = rng.multinomial(images, np.full(images, 1.0 / images), size=resamples).astype(
        np.float64
    )  # (D, N)
    found = _mean_over_seeds(ours, times) - _mean_over_seeds(theirs, times)
    low, high = np.percentile(found, (2.5, 97.5)).tolist()
    return Difference(mean, (low, high))


def _mean_over_seeds(counts: Counts, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (D,) pooled mIoU, mean over seeds, where image n is taken `times` (D, N) times."""
    pooled = np.einsum("dn,snc->dsc", times, counts.astype(np.float64), optimize=True)
    return np.asarray(pooled_miou(pooled).mean(axis=1))
