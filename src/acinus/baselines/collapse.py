"""Collapse, the trivial solution of clustering (everything in one cluster), is measured and reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["COLLAPSED_ABOVE", "Collapse"]

COLLAPSED_ABOVE: Final = 0.99
"""Share of the pixels in the largest cluster above which a method has collapsed (ours)."""


@dataclass(frozen=True)
class Collapse:
    """How the pixels of the fitted images are spread over the clusters.

    Attributes
    ----------
    n_clusters : int
        K.
    used_clusters : float
        Clusters that hold any pixel (a mean where clusters belong to single images).
    effective_clusters : float
        Exponential of the entropy of the clusters' shares: 1 when all pixels are in one, K when all are
        alike.
    largest_share : float
        Share of the pixels in the largest cluster, 0..1.
    """

    n_clusters: int
    used_clusters: float
    effective_clusters: float
    largest_share: float

    @classmethod
    def of(cls, pixels: NDArray[np.int64]) -> Collapse:
        """Judge the pixel counts of K clusters, (K,).

        Examples
        --------
        >>> Collapse.of(np.array([995, 5, 0])).collapsed
        True
        >>> print(Collapse.of(np.array([50, 50, 0])))
        2 of 3 clusters used (2.0 effective), 50.0 % of the pixels in the largest
        """
        shares = pixels[pixels > 0] / max(1, int(pixels.sum()))
        return cls(
            n_clusters=len(pixels),
            used_clusters=float(len(shares)),
            effective_clusters=float(np.exp(-(shares * np.log(shares)).sum())),
            largest_share=float(shares.max(initial=0.0)),
        )

    @classmethod
    def mean(cls, images: Sequence[Collapse]) -> Collapse:
        """Average over images that were each clustered on their own."""
        return cls(
            n_clusters=images[0].n_clusters,
            used_clusters=float(np.mean([image.used_clusters for image in images])),
            effective_clusters=float(np.mean([image.effective_clusters for image in images])),
            largest_share=float(np.mean([image.largest_share for image in images])),
        )

    @property
    def collapsed(self) -> bool:
        """Whether more than `COLLAPSED_ABOVE` of the pixels are in one cluster."""
        return self.largest_share > COLLAPSED_ABOVE

    def __str__(self) -> str:
        """Return one line for logs and reports."""
        text = (
            f"{self.used_clusters:.3g} of {self.n_clusters} clusters used "
            f"({self.effective_clusters:.1f} effective), "
            f"{self.largest_share:.1%} of the pixels in the largest"
        ).replace("%", " %")
        return f"COLLAPSED: {text}" if self.collapsed else text
