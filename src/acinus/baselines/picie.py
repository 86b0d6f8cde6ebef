"""PiCIE: pixels are clustered under two views, and the features of each view must fit the clusters of both.

Cho et al. 2021 (arXiv 2103.17070), section 3.3. With f the network, P¹ and P² photometric transforms and G a
geometric one::

    z¹ = f(G(P¹(x))),   z² = G(f(P²(x)))                        (both invariance and equivariance)
    y¹, μ¹ = k-means of z¹,   y², μ² = k-means of z²            (clustering per view)
    L_clust(z, y, μ) = −log softmax_k(−d(z, μ_k))[y],           d the cosine distance
    L_within = L_clust(z¹, y¹, μ¹) + L_clust(z², y², μ²)
    L_cross  = L_clust(z¹, y², μ²) + L_clust(z², y¹, μ¹)

and the loss is L_within + L_cross, each pixel weighted inversely to the size of its cluster.

Collapse: with two clusters the cheapest way to agree between views is to say the same everywhere. So more
clusters than classes are used here (12) and mapped afterwards; the balanced weights keep the small ones
alive, and embeddings are centred (`acinus.networks.dense`).

Departures: centroids are scaled to length 1, which the cosine distance of the paper implies and its code
leaves out; an epoch is a pool of crops instead of the whole data set; the published code weights each
cluster in proportion to its size, where balance, which is the aim, asks for the inverse
(github.com/janghyuncho/PiCIE/issues/28).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from acinus.baselines.crops import Geometry, cut, draw_place, to_batch
from acinus.baselines.embedding import bounded, cluster_embeddings, fresh_network
from acinus.baselines.fitted import FittedClusters, OnStep, ignore_step, working_images
from acinus.baselines.kmeans import balanced_weights, minibatch_kmeans, nearest, sample_batches, unit_length
from acinus.core.image import RgbArray, RgbImage
from acinus.core.limits import Count, Limits, Mpp, Positive, Weight
from acinus.core.settings import settings_class
from acinus.data.augment import stain_jitter
from acinus.networks.dense import DenseNetwork

__all__ = ["PiCIE", "clustering_loss"]

_KMEANS_BATCH = 20_000  # pixels
_PIXELS_PER_CROP = 1_000


def clustering_loss(
    features: torch.Tensor, labels: torch.Tensor, centroids: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """Return L_clust: how far each pixel is from its own centroid compared with the others.

    Parameters
    ----------
    features : (B, D, H, W)
        z, of any length.
    labels : (B, H, W) int64
        y.
    centroids : (K, D)
        μ, of length 1.
    weights : (K,)
        Weight of the pixels of each cluster.
    """
    unit = functional.normalize(features, dim=1)
    cosines = functional.conv2d(unit, centroids[:, :, None, None])  # (B, K, H, W), 1 − d
    return functional.cross_entropy(cosines, labels, weight=weights)


@dataclass(frozen=True)
class View:
    """The clusters of one view of the pool: y (N, S, S) int64, μ (K, D) and the weights (K,)."""

    labels: torch.Tensor
    centroids: torch.Tensor
    weights: torch.Tensor

    @classmethod
    def of(cls, features: torch.Tensor, *, clusters: int, rng: np.random.Generator) -> View:
        """Cluster the features (N, D, S, S) of a view by spherical mini-batch k-means."""
        n, depth, height, width = features.shape
        flat = features.permute(0, 2, 3, 1).reshape(n, -1, depth).float().cpu().numpy()  # (N, S·S, D)
        crops = [unit_length(crop) for crop in flat]
        batches = sample_batches(crops, per_image=_PIXELS_PER_CROP, batch=_KMEANS_BATCH, rng=rng)
        centroids = unit_length(minibatch_kmeans(batches, clusters=clusters, rng=rng))
        numbers = np.stack([nearest(crop, centroids) for crop in crops])  # (N, S·S)
        pixels = np.bincount(numbers.ravel(), minlength=len(centroids))
        return cls(
            labels=torch.from_numpy(numbers.reshape(n, height, width)).long().to(features.device),
            centroids=torch.from_numpy(centroids).to(features.device),
            weights=torch.from_numpy(balanced_weights(pixels)).to(features.device),
        )

    def loss(self, features: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Return L_clust of features (B, D, S, S) under the labels of the crops `rows` (B,)."""
        return clustering_loss(features, self.labels[rows], self.centroids, self.weights)


@dataclass(frozen=True)
class Pool:
    """The crops of one epoch: G(P¹(x)) and P²(x), both (N, 3, S, S), and each crop's G."""

    first: torch.Tensor
    second: torch.Tensor
    geometries: Sequence[Geometry]

    def features(self, network: DenseNetwork, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return z¹ and z² of the crops `rows`, (B, D, S, S) each, pixel on pixel."""
        z1 = network(self.first[rows])
        z2 = [
            self.geometries[row].apply(feature)
            for row, feature in zip(rows.tolist(), network(self.second[rows]), strict=True)
        ]
        return z1, torch.stack(z2)

    @torch.no_grad()
    def all_features(self, network: DenseNetwork, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return z¹ and z² of the whole pool, by the running statistics of the batch norms."""
        network.eval()
        parts = [self.features(network, rows) for rows in _batches(np.arange(len(self.first)), batch)]
        network.train()
        return bounded(torch.cat([z1 for z1, _ in parts])), bounded(torch.cat([z2 for _, z2 in parts]))


@settings_class
class PiCIE:
    """Settings of PiCIE.

    Attributes
    ----------
    clusters : int
        K (the paper: as many as classes, 27; ours: 12 for two classes, see above).
    mpp : float
        Working resolution in µm per pixel, the package's.
    channels : int
        Length of the embedding (paper: 128; ours: as in the other methods).
    epochs, pool_crops : int
        Clusterings per view, and the crops clustered and learned in each (ours).
    batch_crops, crop_px : int
        Crops per step and their side (ours: 96 px are 240 µm).
    stain_strength : float
        P, of `acinus.data.augment.stain_jitter`, in place of the paper's colour jitter, grey and blur.
    least_share : float
        G cuts a window of at least this share of the crop's side and enlarges it (the paper's code: 0.5),
        then mirrors and turns it (paper: mirrors only; tissue has no upright).
    learning_rate : float
        Adam (the paper's code: 1e-3 by default, 1e-4 in its scripts).
    """

    clusters: Annotated[int, Limits(ge=2, le=256)] = 12
    mpp: Mpp = 2.5
    channels: Count = 32
    epochs: Count = 6
    pool_crops: Count = 128
    batch_crops: Count = 8
    crop_px: Count = 96
    stain_strength: Weight = 1.0
    least_share: Annotated[float, Limits(gt=0.0, le=1.0)] = 0.5
    learning_rate: Positive = 1e-3

    def fit(
        self, images: Sequence[RgbImage], *, seed: int, device: torch.device, on_step: OnStep = ignore_step
    ) -> FittedClusters:
        """Train the network, then cluster the untransformed images once more."""
        rgbs = working_images(images, mpp=self.mpp, clusters=self.clusters)
        network = fresh_network(rgbs, channels=self.channels, crop_px=self.crop_px, seed=seed, device=device)
        optimiser = torch.optim.Adam(network.parameters(), lr=self.learning_rate)
        rng = np.random.default_rng([seed, 2])
        step = 0
        for epoch in range(self.epochs):
            pool = self._draw(rgbs, rng, device)
            z1, z2 = pool.all_features(network, self.batch_crops)  # (N, D, S, S)
            view1 = View.of(z1, clusters=self.clusters, rng=rng)
            view2 = View.of(z2, clusters=self.clusters, rng=rng)
            for rows in _batches(rng.permutation(self.pool_crops), self.batch_crops):
                z1, z2 = pool.features(network, rows)  # (B, D, S, S)
                within = view1.loss(z1, rows) + view2.loss(z2, rows)
                cross = view2.loss(z1, rows) + view1.loss(z2, rows)
                loss = within + cross
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                on_step(
                    {
                        "step": step,
                        "epoch": epoch,
                        "loss": loss.item(),
                        "within": within.item(),
                        "cross": cross.item(),
                    }
                )
                step += 1
        clusters = cluster_embeddings(
            network.eval(), rgbs, clusters=self.clusters, whiten=False, rng=rng, device=device
        )
        return FittedClusters.of(clusters, rgbs, mpp=self.mpp)

    def _draw(self, images: Sequence[RgbArray], rng: np.random.Generator, device: torch.device) -> Pool:
        """Draw the crops of an epoch with their two stains and their geometric transform."""
        places = [draw_place(images, self.crop_px, rng) for _ in range(self.pool_crops)]
        crops = [cut(images[place.image], place, self.crop_px) for place in places]
        stains = [
            to_batch([stain_jitter(crop, strength=self.stain_strength, rng=rng) for crop in crops], device)
            for _ in range(2)
        ]
        geometries = [Geometry.draw(self.crop_px, least_share=self.least_share, rng=rng) for _ in crops]
        first = torch.stack([g.apply(crop) for g, crop in zip(geometries, stains[0], strict=True)])
        return Pool(first=first, second=stains[1], geometries=geometries)


def _batches(rows: NDArray[np.intp], size: int) -> list[torch.Tensor]:
    """Cut the numbers of the pool's crops into batches of about `size`."""
    return [torch.from_numpy(part) for part in np.array_split(rows, max(1, round(len(rows) / size)))]
