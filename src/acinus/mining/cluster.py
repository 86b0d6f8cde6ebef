"""k-means on the responses of the shallow network: one image in, a map of cluster numbers out."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2, vq

__all__ = ["cluster_responses"]

_FIT_PIXELS = 20_000


def cluster_responses(responses: NDArray[np.float32], *, clusters: int, seed: int) -> NDArray[np.uint8]:
    """Cluster the pixels of one image by their responses.

    Parameters
    ----------
    responses : (H, W, C) float32
    clusters : int
        k (MSSG: 5). An image of fewer distinct pixels gets fewer clusters.

    Returns
    -------
    (H, W) uint8
        Cluster number of each pixel. Centres are fitted on at most 20,000 random pixels.
    """
    height, width, channels = responses.shape
    pixels = responses.reshape(-1, channels)
    rng = np.random.default_rng(seed)
    sample = pixels
    if len(pixels) > _FIT_PIXELS:
        sample = pixels[rng.choice(len(pixels), _FIT_PIXELS, replace=False)]
    distinct = len(np.unique(sample, axis=0))
    if distinct <= clusters:
        centres = np.unique(sample, axis=0)
    else:
        with warnings.catch_warnings():  # of a cluster left empty, which an image of few pixels may have
            warnings.filterwarnings("ignore", message="One of the clusters is empty", category=UserWarning)
            centres, _ = kmeans2(sample, clusters, iter=15, minit="++", missing="warn", rng=rng)
    numbers, _ = vq(pixels, centres)
    return np.asarray(numbers.reshape(height, width), dtype=np.uint8)
