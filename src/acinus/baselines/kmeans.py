"""Mini-batch k-means: centroids of more pixels than would be handled at once.

Sculley 2010 (Web-scale k-means clustering, WWW): each batch is assigned to the nearest centroids, and a
centroid moves to the running mean of all pixels it ever received. As in the code published with PiCIE, the
first batch is clustered on its own, which leaves no cluster empty at the start.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["balanced_weights", "minibatch_kmeans", "nearest", "sample_batches", "unit_length"]

_FIRST_ITERATIONS = 20

Features = NDArray[np.float32]


def balanced_weights(pixels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the class weight of each cluster, inverse to its size (K,), with mean 1 over the pixels.

    An empty cluster gets 0: no pixel asks for it.

    Examples
    --------
    >>> balanced_weights(np.array([30, 10, 0])).tolist()
    [0.6666666865348816, 2.0, 0.0]
    """
    used = np.maximum(1, np.count_nonzero(pixels))
    weights = np.where(pixels > 0, pixels.sum() / (used * np.maximum(1, pixels)), 0.0)
    return weights.astype(np.float32)


def minibatch_kmeans(batches: Sequence[Features], *, clusters: int, rng: np.random.Generator) -> Features:
    """Return the centroids (K', D) of batches of features (n, D).

    K' is `clusters`, or the number of distinct features of the first batch if that is smaller.
    """
    centroids = _plus_plus(batches[0], clusters, rng)
    for _ in range(_FIRST_ITERATIONS):
        centroids, counts = _moved(centroids, np.zeros(len(centroids)), batches[0])
    for batch in batches[1:]:
        centroids, counts = _moved(centroids, counts, batch)
    return centroids


def nearest(features: Features, centroids: Features) -> NDArray[np.uint8]:
    """Return the number of the nearest centroid of each feature, (n,)."""
    # ‖f − μ‖² without ‖f‖², which does not change the order
    distances = (centroids**2).sum(axis=1) - 2.0 * (features @ centroids.T)  # (n, K)
    return np.asarray(distances.argmin(axis=1), dtype=np.uint8)


def unit_length(features: Features) -> Features:
    """Scale each feature (n, D) to length 1, so that the nearest is the one of highest cosine; 0 stays 0."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return np.asarray(features / np.maximum(lengths, 1e-6), dtype=np.float32)


def sample_batches(
    features: Iterable[Features], *, per_image: int, batch: int, rng: np.random.Generator
) -> list[Features]:
    """Draw pixels of every image (n, D), mix them and cut them into batches of at least half of `batch`."""
    samples = [
        image if len(image) <= per_image else image[rng.choice(len(image), per_image, replace=False)]
        for image in features
    ]
    mixed = rng.permutation(np.concatenate(samples))
    return np.array_split(mixed, max(1, round(len(mixed) / batch)))


def _plus_plus(features: Features, clusters: int, rng: np.random.Generator) -> Features:
    """Draw centroids far from each other (k-means++, Arthur and Vassilvitskii 2007)."""
    chosen = [features[rng.integers(len(features))]]
    distances = np.full(len(features), np.inf)
    for _ in range(clusters - 1):
        distances = np.minimum(distances, ((features - chosen[-1]) ** 2).sum(axis=1, dtype=np.float64))
        if distances.sum() <= 1e-9 * len(features):  # nothing else is left to choose
            break
        chosen.append(features[rng.choice(len(features), p=distances / distances.sum())])
    return np.stack(chosen)


def _moved(
    centroids: Features, counts: NDArray[np.float64], batch: Features
) -> tuple[Features, NDArray[np.float64]]:
    """Move each centroid to the mean of what it received so far; one that received nothing stays."""
    numbers = nearest(batch, centroids)
    member = np.eye(len(centroids), dtype=np.float32)[numbers]  # (n, K)
    sums = member.T @ batch  # (K, D)
    total = counts + member.sum(axis=0, dtype=np.float64)
    moved = (centroids * counts[:, None] + sums) / np.maximum(total, 1.0)[:, None]
    return np.where(total[:, None] > 0, moved, centroids).astype(np.float32), total
