"""Which clusters are gland: decided by the method itself (label-free) or read from the truth (oracle)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from acinus.core.errors import UsageError
from acinus.core.image import BoolMask
from acinus.metrics.confusion import ConfusionMatrix
from acinus.metrics.label_pair import AnyLabelMap, LabelMapError, check_same_shape

__all__ = ["ClusterCounts"]


@dataclass(frozen=True, eq=False)
class ClusterCounts:
    """Pixels of K clusters by true class; adds up over images whose clusters mean the same thing.

    Attributes
    ----------
    pixels : ndarray of shape (K, 2), int64
        Column 0 background, column 1 gland.

    Examples
    --------
    >>> clusters = np.array([[0, 0, 1, 1, 2, 2]])
    >>> counts = ClusterCounts.of(clusters, np.array([[0, 0, 1, 1, 1, 0]]) > 0, n_clusters=3)
    >>> counts.pixels.tolist()
    [[2, 0], [0, 2], [1, 1]]
    >>> counts.hungarian()
    frozenset({1})
    >>> round(counts.confusion(gland_clusters={1, 2}).gland_iou, 2)  # label-free: the method said 1 and 2
    0.75
    """

    pixels: NDArray[np.int64]

    @classmethod
    def of(cls, clusters: AnyLabelMap, truth: BoolMask, *, n_clusters: int) -> ClusterCounts:
        """Count one image.

        Parameters
        ----------
        clusters : ndarray of shape (H, W), any integer type
            Values 0..K−1; a cluster may be absent.
        truth : ndarray of shape (H, W), bool
            True is gland.
        n_clusters : int
            K.

        Raises
        ------
        LabelMapError
            When the shapes differ or a cluster is outside 0..K−1.
        """
        check_same_shape(clusters, truth)
        if clusters.size and not (clusters.min() >= 0 and clusters.max() < n_clusters):
            raise LabelMapError(
                f"expected clusters 0 to {n_clusters - 1}, got {clusters.min()} to {clusters.max()}; "
                "pass the number of clusters the method was run with"
            )
        keys = 2 * clusters.ravel().astype(np.int64) + truth.ravel()
        return cls(np.bincount(keys, minlength=2 * n_clusters).reshape(n_clusters, 2))

    def __add__(self, other: ClusterCounts) -> ClusterCounts:
        """Pool two images.

        Raises
        ------
        UsageError
            When they were clustered into different numbers of clusters.
        """
        if self.pixels.shape != other.pixels.shape:
            raise UsageError(
                f"expected counts of {len(self.pixels)} clusters, got {len(other.pixels)}; "
                "pool only images clustered by one model"
            )
        return ClusterCounts(self.pixels + other.pixels)

    def confusion(self, *, gland_clusters: Collection[int]) -> ConfusionMatrix:
        """Return the matrix when the clusters named are called gland and all others background.

        Label-free if the names come from the method's own cue.
        """
        is_gland = np.isin(np.arange(len(self.pixels)), list(gland_clusters))
        false_positive, true_positive = self.pixels[is_gland].sum(axis=0).tolist()
        true_negative, false_negative = self.pixels[~is_gland].sum(axis=0).tolist()
        return ConfusionMatrix(true_positive, false_positive, false_negative, true_negative)

    def hungarian(self) -> frozenset[int]:
        """Return the gland cluster of the one-to-one assignment with most pixels right (oracle).

        One cluster is paired with gland and one with background. With more than two, the rest are background
        (they claim nothing); a single cluster takes its majority class, so the result may be empty.

        References
        ----------
        Kuhn, The Hungarian method for the assignment problem (1955); as in Ji et al. (1807.06653), Sec. 4.1.
        """
        rows, columns = linear_sum_assignment(self.pixels, maximize=True)
        return frozenset(int(row) for row, column in zip(rows, columns, strict=True) if column == 1)

    def majority(self) -> frozenset[int]:
        """Return the clusters that lie more on gland than on background (oracle, many-to-one).

        The most accurate mapping there is, and the more generous the more clusters: only compare it at one K.
        """
        return frozenset(np.flatnonzero(self.pixels[:, 1] > self.pixels[:, 0]).tolist())
