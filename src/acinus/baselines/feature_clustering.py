"""Differentiable feature clustering: one small network per image, trained until its responses are clusters.

Kim et al. 2020 (arXiv 2007.09990): the strongest response channel of a pixel is its cluster and its target at
once (feature similarity), while neighbours are to respond alike (spatial continuity). The number of clusters
falls while training, and training stops at a least number. The loss is similarity + μ · continuity.

Departures: the network is narrower (32 channels, the paper 100) and training shorter (60 steps, the paper's
code 1000), so that an image takes seconds on a CPU. Borders repeat instead of being 0. The network is not
that of the other baselines: being shallow is the method.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray

from acinus.baselines.collapse import Collapse
from acinus.baselines.darkness import ClusterDensities
from acinus.baselines.fitted import ClusterMap, OnStep, ignore_step, working_images
from acinus.core.image import RgbArray, RgbImage
from acinus.core.limits import BelowOne, Count, Limits, Mpp, Positive, Weight
from acinus.core.segmenter import ProbabilityMap
from acinus.core.settings import settings_class
from acinus.data.augment import normalise
from acinus.data.resample import resize_map, resize_regions, rgb_at_mpp
from acinus.losses.feature_clustering import FeatureClusteringLoss
from acinus.losses.spatial import spatial_loss
from acinus.networks.dense import repeat_borders
from acinus.networks.shallow import ShallowCNN

__all__ = ["DifferentiableFeatureClustering", "FittedFeatureClustering"]


@settings_class
class DifferentiableFeatureClustering:
    """Settings of differentiable feature clustering.

    Attributes
    ----------
    similarity : FeatureClusteringLoss
        Cross-entropy with the strongest channel.
    continuity_weight : float
        μ (paper: 5).
    channels : int
        Width of the network and number of its responses, from which clusters die out (paper: 100; ours: 32).
    depth : int
        3×3 layers (paper: 3).
    steps : int
        At most so many optimiser steps for an image (the paper's code: 1000; ours: 60).
    least_clusters : int
        Training stops when so few clusters are left (the paper's code: 3).
    learning_rate, momentum : float
        SGD (paper: 0.1 and 0.9).
    mpp : float
        Working resolution in µm per pixel, the package's.
    """

    similarity: FeatureClusteringLoss = field(default_factory=FeatureClusteringLoss)
    continuity_weight: Weight = 5.0
    channels: Annotated[int, Limits(ge=2, le=256)] = 32
    depth: Count = 3
    steps: Count = 60
    least_clusters: Count = 3
    learning_rate: Positive = 0.1
    momentum: BelowOne = 0.9
    mpp: Mpp = 2.5

    def fit(
        self, images: Sequence[RgbImage], *, seed: int, device: torch.device, on_step: OnStep = ignore_step
    ) -> FittedFeatureClustering:
        """Cluster each image on its own; nothing but the mean optical density is shared between them.

        The steps of all images are passed to `on_step` with the number of the ``image``.
        """
        rgbs = working_images(images, mpp=self.mpp, clusters=self.channels)
        maps: dict[str, ClusterMap] = {}
        for number, rgb in enumerate(rgbs):

            def with_image(record: dict[str, float], number: int = number) -> None:
                on_step({"image": number, **record})

            maps[_digest(rgb)] = self.cluster_image(rgb, seed=seed, device=device, on_step=with_image)
        of_images = [ClusterDensities.of(maps[_digest(rgb)], rgb, n_clusters=self.channels) for rgb in rgbs]
        pixels = sum(int(one.pixels.sum()) for one in of_images)
        density = sum(float(one.density_sums.sum()) for one in of_images) / max(1, pixels)
        return FittedFeatureClustering(
            settings=self,
            seed=seed,
            device=device,
            mean_density=density,
            collapse=Collapse.mean([Collapse.of(one.pixels) for one in of_images]),
            maps=maps,
        )

    def cluster_image(
        self, rgb: RgbArray, *, seed: int, device: torch.device, on_step: OnStep = ignore_step
    ) -> ClusterMap:
        """Train a fresh network on one image (H, W, 3) at the working resolution; return (H, W) uint8.

        An image without two pixels each way, which has no neighbours to compare, is one cluster.
        """
        if min(rgb.shape[:2]) < 2:
            return np.zeros(rgb.shape[:2], dtype=np.uint8)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = ShallowCNN(channels=self.channels, responses=self.channels, depth=self.depth)
        repeat_borders(network)
        network.to(device).train()
        optimiser = torch.optim.SGD(network.parameters(), lr=self.learning_rate, momentum=self.momentum)
        batch = torch.from_numpy(normalise(rgb)).permute(2, 0, 1)[None].to(device)  # (1, 3, H, W)
        for step in range(self.steps):
            responses = network(batch)  # (1, C, H, W)
            clusters_left = responses.detach().argmax(dim=1).unique().numel()
            similarity = self.similarity(responses, responses)
            continuity = spatial_loss(responses)
            loss = similarity + self.continuity_weight * continuity
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            on_step(
                {
                    "step": step,
                    "loss": loss.item(),
                    "similarity": similarity.item(),
                    "continuity": continuity.item(),
                    "clusters": clusters_left,
                }
            )
            if clusters_left <= self.least_clusters:
                break
        with torch.no_grad():
            numbers: NDArray[np.uint8] = network(batch)[0].argmax(dim=0).to(torch.uint8).cpu().numpy()
        return numbers


@dataclass(frozen=True, eq=False)
class FittedFeatureClustering:
    """The method with the images' mean optical density; see `acinus.baselines.fitted.FittedBaseline`.

    Attributes
    ----------
    settings : DifferentiableFeatureClustering
    seed : int
        Of the network of every image.
    device : torch.device
    mean_density : float
        Mean optical density of the fitted images; an image's clusters darker than that are gland.
    collapse : Collapse
        Mean over the fitted images, since clusters of different images have nothing to do with each other.
    maps : mapping of str to (H, W) uint8
        Clusters of the fitted images by the digest of their pixels, which spares training them again.
    last : dict of str to (H, W) uint8
        The same of the last other image, of which probability and clusters may both be asked.
    """

    settings: DifferentiableFeatureClustering
    seed: int
    device: torch.device
    mean_density: float
    collapse: Collapse
    maps: Mapping[str, ClusterMap]
    last: dict[str, ClusterMap] = field(default_factory=dict, repr=False)

    shared_clusters = False

    @property
    def mpp(self) -> float:
        """Working resolution in µm per pixel."""
        return self.settings.mpp

    @property
    def n_clusters(self) -> int:
        """K, the number of response channels."""
        return self.settings.channels

    @property
    def collapsed(self) -> bool:
        """Whether the method put nearly everything into one cluster."""
        return self.collapse.collapsed

    def clusters(self, image: RgbImage) -> ClusterMap:
        """Return the cluster of each pixel at the image's own size, (H, W) uint8; trains an unknown image."""
        return resize_regions(self._assign(rgb_at_mpp(image, self.mpp)), image.shape)

    def probability(self, image: RgbImage) -> ProbabilityMap:
        """Return 1 in the image's dark clusters, 0 in the others, (H, W) float32, interpolated."""
        rgb = rgb_at_mpp(image, self.mpp)
        assigned = self._assign(rgb)
        densities = ClusterDensities.of(assigned, rgb, n_clusters=self.n_clusters)
        gland = list(densities.darker_than(self.mean_density))
        return resize_map(np.isin(assigned, gland).astype(np.float32), image.shape)

    def _assign(self, rgb: RgbArray) -> ClusterMap:
        digest = _digest(rgb)
        known = self.maps.get(digest, self.last.get(digest))
        if known is None:
            known = self.settings.cluster_image(rgb, seed=self.seed, device=self.device)
            self.last.clear()
            self.last[digest] = known
        return known


def _digest(rgb: RgbArray) -> str:
    return hashlib.sha256(repr(rgb.shape).encode() + np.ascontiguousarray(rgb).tobytes()).hexdigest()
