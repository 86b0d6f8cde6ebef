"""Colour k-means: pixels are clustered by their colour alone, the simplest method there is.

The space is RGB, or the optical densities of haematoxylin, eosin and DAB unmixed by the stain vectors of
Ruifrok and Johnston 2001 (Anal Quant Cytol Histol 23:291), in which amounts of stain are additive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.color import hed_from_rgb

from acinus.baselines.fitted import FittedClusters, OnStep, ignore_step, working_images
from acinus.baselines.kmeans import minibatch_kmeans, nearest, sample_batches
from acinus.core.colour import optical_density
from acinus.core.image import RgbArray, RgbImage
from acinus.core.limits import Limits, Mpp
from acinus.core.settings import OneOf, settings_class

__all__ = ["ColourKMeans", "ColourSpace", "HedDensity", "Rgb"]

_PIXELS_PER_IMAGE = 5_000
_KMEANS_BATCH = 50_000  # pixels


@runtime_checkable
class ColourSpace(Protocol):
    """A map from (H, W, 3) uint8 to (H, W, C) float32."""

    def __call__(self, rgb: RgbArray) -> NDArray[np.float32]:
        """Return the coordinates of each pixel."""
        ...


@settings_class
class Rgb(ColourSpace):
    """Red, green and blue, 0..1."""

    def __call__(self, rgb: RgbArray) -> NDArray[np.float32]:
        """Map (H, W, 3) uint8 to (H, W, 3) float32."""
        return rgb.astype(np.float32) / np.float32(255.0)


@settings_class
class HedDensity(ColourSpace):
    """Optical density of haematoxylin, eosin and DAB (the rest)."""

    def __call__(self, rgb: RgbArray) -> NDArray[np.float32]:
        """Map (H, W, 3) uint8 to (H, W, 3) float32, not clipped: the rest may be negative."""
        stains: NDArray[np.float32] = optical_density(rgb) @ hed_from_rgb.astype(np.float32)
        return stains


@dataclass(frozen=True, eq=False)
class ColourClusters:
    """The cluster of a pixel is the centroid (K', C) nearest to its colour."""

    space: ColourSpace
    centroids: NDArray[np.float32]
    n_clusters: int

    def assign(self, rgb: RgbArray) -> NDArray[np.uint8]:
        """Map an image (H, W, 3) to its clusters (H, W)."""
        colours = self.space(rgb)
        return nearest(colours.reshape(-1, colours.shape[2]), self.centroids).reshape(rgb.shape[:2])


@settings_class
class ColourKMeans:
    """Settings of colour k-means; every field is ours.

    Attributes
    ----------
    space : ColourSpace
        `Rgb` or `HedDensity`.
    clusters : int
        K: gland and the rest.
    mpp : float
        Working resolution in µm per pixel, the package's.
    """

    space: Annotated[ColourSpace, OneOf("acinus.baselines")] = field(default_factory=Rgb)
    clusters: Annotated[int, Limits(ge=2, le=256)] = 2
    mpp: Mpp = 2.5

    def fit(
        self, images: Sequence[RgbImage], *, seed: int, device: torch.device, on_step: OnStep = ignore_step
    ) -> FittedClusters:
        """Cluster the colours of all images; `device` is not used and `on_step` never called."""
        del device, on_step
        rgbs = working_images(images, mpp=self.mpp, clusters=self.clusters)
        rng = np.random.default_rng(seed)
        colours = [self.space(rgb).reshape(-1, 3) for rgb in rgbs]
        batches = sample_batches(colours, per_image=_PIXELS_PER_IMAGE, batch=_KMEANS_BATCH, rng=rng)
        centroids = minibatch_kmeans(batches, clusters=self.clusters, rng=rng)
        clusters = ColourClusters(space=self.space, centroids=centroids, n_clusters=self.clusters)
        return FittedClusters.of(clusters, rgbs, mpp=self.mpp)
