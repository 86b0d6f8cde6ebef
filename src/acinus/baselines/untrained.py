"""The untrained network: what clustering gives before anything is learned, the floor of every deep method.

Random convolutions already are filters of colour and texture, and their clusters are what training must beat.
Embeddings are clustered by cosine as those of PiCIE are, not whitened as DeepCluster's: whitening enlarges
the directions in which a random network hardly varies, and would make the floor lower than it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import torch

from acinus.baselines.embedding import cluster_embeddings, fresh_network
from acinus.baselines.fitted import FittedClusters, OnStep, ignore_step, working_images
from acinus.core.image import RgbImage
from acinus.core.limits import Count, Limits, Mpp
from acinus.core.settings import settings_class

__all__ = ["UntrainedNetwork"]


@settings_class
class UntrainedNetwork:
    """Settings of the untrained network.

    Attributes
    ----------
    clusters : int
        K, as in the trained methods (ours).
    mpp : float
        Working resolution in µm per pixel, the package's.
    channels, crop_px : int
        Length of the embedding and side of the crops on which batch norm is measured (ours).
    """

    clusters: Annotated[int, Limits(ge=2, le=256)] = 12
    mpp: Mpp = 2.5
    channels: Count = 32
    crop_px: Count = 96

    def fit(
        self, images: Sequence[RgbImage], *, seed: int, device: torch.device, on_step: OnStep = ignore_step
    ) -> FittedClusters:
        """Draw a network and cluster its embeddings; no step is taken, so `on_step` is never called."""
        del on_step
        rgbs = working_images(images, mpp=self.mpp, clusters=self.clusters)
        network = fresh_network(
            rgbs, channels=self.channels, crop_px=self.crop_px, seed=seed, device=device
        ).eval()
        clusters = cluster_embeddings(
            network,
            rgbs,
            clusters=self.clusters,
            whiten=False,
            rng=np.random.default_rng([seed, 2]),
            device=device,
        )
        return FittedClusters.of(clusters, rgbs, mpp=self.mpp)
