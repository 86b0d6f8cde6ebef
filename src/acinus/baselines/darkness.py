"""The label-free mapping of every baseline: a cluster darker than the images are on average is gland.

No paper of these methods says which cluster is which class, since they are scored with the oracle's mapping.
The rule is ours, one for all of them, and reads no label: glands are lined by crowded nuclei, so the gland
clusters are those whose mean optical density exceeds the mean over all pixels of the fitted images. With two
clusters that is the darker one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acinus.core.colour import optical_density
from acinus.core.image import RgbArray

__all__ = ["ClusterDensities"]


@dataclass(frozen=True, eq=False)
class ClusterDensities:
    """Pixels and summed optical density of each cluster; adds up over images.

    Attributes
    ----------
    pixels : ndarray of shape (K,), int64
    density_sums : ndarray of shape (K,), float64
        Sum over the cluster's pixels of the mean optical density of the three channels.
    """

    pixels: NDArray[np.int64]
    density_sums: NDArray[np.float64]

    @classmethod
    def of(cls, clusters: NDArray[np.uint8], rgb: RgbArray, *, n_clusters: int) -> ClusterDensities:
        """Measure one image: `clusters` (H, W) of the picture `rgb` (H, W, 3)."""
        density = optical_density(rgb).mean(axis=2).ravel()
        numbers = clusters.ravel()
        return cls(
            np.bincount(numbers, minlength=n_clusters).astype(np.int64),
            np.bincount(numbers, weights=density, minlength=n_clusters).astype(np.float64),
        )

    @classmethod
    def pooled(
        cls, maps: Iterable[tuple[NDArray[np.uint8], RgbArray]], *, n_clusters: int
    ) -> ClusterDensities:
        """Measure several images whose clusters mean the same."""
        total = cls(np.zeros(n_clusters, np.int64), np.zeros(n_clusters))
        for clusters, rgb in maps:
            one = cls.of(clusters, rgb, n_clusters=n_clusters)
            total = cls(total.pixels + one.pixels, total.density_sums + one.density_sums)
        return total

    @property
    def mean(self) -> float:
        """Mean optical density of all pixels; 0 where there are none."""
        return float(self.density_sums.sum() / max(1, self.pixels.sum()))

    def darker_than(self, density: float) -> frozenset[int]:
        """Return the clusters whose mean optical density exceeds `density`; an empty cluster never does.

        Examples
        --------
        >>> densities = ClusterDensities(np.array([2, 1, 0]), np.array([0.2, 0.9, 0.0]))
        >>> densities.darker_than(densities.mean)
        frozenset({1})
        """
        means = self.density_sums / np.maximum(1, self.pixels)
        # Sums of equal numbers differ in their last bits; a cluster that holds everything is not darker than
        # itself.
        return frozenset(np.flatnonzero((self.pixels > 0) & (means > density + 1e-9)).tolist())
