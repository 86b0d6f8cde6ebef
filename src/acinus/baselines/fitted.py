"""What every baseline returns: a segmenter with its clusters and a measure of collapse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from acinus.baselines.collapse import Collapse
from acinus.baselines.darkness import ClusterDensities
from acinus.core.errors import UsageError
from acinus.core.image import RgbArray, RgbImage
from acinus.core.segmenter import ProbabilityMap, Segmenter
from acinus.data.resample import resize_map, resize_regions, rgb_at_mpp

__all__ = [
    "Baseline",
    "ClusterMap",
    "FittedBaseline",
    "FittedClusters",
    "OnStep",
    "PixelClusters",
    "ignore_step",
    "working_images",
]

ClusterMap = NDArray[np.uint8]  # (H, W), 0..K−1
OnStep = Callable[[dict[str, float]], None]
"""Receives the metrics of one optimiser step: ``step``, ``loss`` and the terms of the loss by name."""


def ignore_step(record: dict[str, float]) -> None:
    """Do nothing with the metrics of a step: the default of `OnStep`."""
    del record


@runtime_checkable
class FittedBaseline(Segmenter, Protocol):
    """A fitted baseline: a `Segmenter` by its label-free mapping, with its clusters for the oracle's.

    Attributes
    ----------
    n_clusters : int
        K.
    shared_clusters : bool
        Whether a cluster means the same in every image, so that counts may be pooled before mapping them.
    collapse : Collapse
        How the fitted images are spread over the clusters.
    """

    @property
    def n_clusters(self) -> int:
        """K, the number of clusters."""
        ...

    @property
    def shared_clusters(self) -> bool:
        """Whether a cluster means the same in every image."""
        ...

    @property
    def collapse(self) -> Collapse:
        """How the fitted images are spread over the clusters."""
        ...

    @property
    def collapsed(self) -> bool:
        """Whether the method put nearly everything into one cluster."""
        ...

    def clusters(self, image: RgbImage) -> ClusterMap:
        """Return the cluster of each pixel at the image's own size, (H, W) uint8."""
        ...


class Baseline(Protocol):
    """Settings of a method, which can be fitted to unlabelled images."""

    def fit(
        self,
        images: Sequence[RgbImage],
        *,
        seed: int,
        device: torch.device,
        on_step: OnStep = ignore_step,
    ) -> FittedBaseline:
        """Learn from `images` alone; the same seed gives the same result on one machine."""
        ...


class PixelClusters(Protocol):
    """Something that gives each pixel of an image, at the working resolution, its cluster."""

    @property
    def n_clusters(self) -> int:
        """K, the number of clusters."""
        ...

    def assign(self, rgb: RgbArray) -> ClusterMap:
        """Map (H, W, 3) uint8 to (H, W) uint8."""
        ...


@dataclass(frozen=True)
class FittedClusters:
    """Clusters shared by all images, mapped to gland by the rule of darkness; see `FittedBaseline`.

    Attributes
    ----------
    pixel_clusters : PixelClusters
        The fitted method.
    mpp : float
        Working resolution in µm per pixel.
    gland_clusters : frozenset of int
        Those darker than the fitted images are on average.
    collapse : Collapse
    """

    pixel_clusters: PixelClusters
    mpp: float
    gland_clusters: frozenset[int]
    collapse: Collapse

    shared_clusters = True

    @classmethod
    def of(cls, pixel_clusters: PixelClusters, rgbs: Sequence[RgbArray], *, mpp: float) -> FittedClusters:
        """Go over the fitted images at the working resolution once, to map the clusters and to weigh them."""
        maps = [(pixel_clusters.assign(rgb), rgb) for rgb in rgbs]
        densities = ClusterDensities.pooled(maps, n_clusters=pixel_clusters.n_clusters)
        return cls(
            pixel_clusters=pixel_clusters,
            mpp=mpp,
            gland_clusters=densities.darker_than(densities.mean),
            collapse=Collapse.of(densities.pixels),
        )

    @property
    def n_clusters(self) -> int:
        """K, the number of clusters."""
        return self.pixel_clusters.n_clusters

    @property
    def collapsed(self) -> bool:
        """Whether the method put nearly everything into one cluster."""
        return self.collapse.collapsed

    def clusters(self, image: RgbImage) -> ClusterMap:
        """Return the cluster of each pixel at the image's own size, (H, W) uint8."""
        return resize_regions(self.pixel_clusters.assign(rgb_at_mpp(image, self.mpp)), image.shape)

    def probability(self, image: RgbImage) -> ProbabilityMap:
        """Return 1 in the gland clusters, 0 in the others, (H, W) float32, interpolated between pixels."""
        assigned = self.pixel_clusters.assign(rgb_at_mpp(image, self.mpp))
        return resize_map(np.isin(assigned, list(self.gland_clusters)).astype(np.float32), image.shape)


def working_images(images: Sequence[RgbImage], *, mpp: float, clusters: int) -> list[RgbArray]:
    """Bring the images to the working resolution, after checking that they can be clustered.

    Raises
    ------
    UsageError
        When there are no images, or not between 2 and 256 clusters, as many as a `ClusterMap` can name.
    """
    if not 2 <= clusters <= 256:
        raise UsageError(f"{clusters} clusters were asked for; choose 2 to 256")
    if not images:
        raise UsageError("there are no images to learn from; pass at least one")
    return [rgb_at_mpp(image, mpp) for image in images]
