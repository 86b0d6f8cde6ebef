"""Common ground of the deep baselines: one network, embeddings of whole images, nearest centroids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from acinus.baselines.crops import cut, draw_place, to_batch
from acinus.baselines.kmeans import minibatch_kmeans, nearest, sample_batches, unit_length
from acinus.core.image import RgbArray
from acinus.data.augment import normalise
from acinus.networks.dense import DenseNetwork

__all__ = ["EmbeddingClusters", "Whitening", "bounded", "cluster_embeddings", "embed", "fresh_network"]

_STATISTICS_BATCHES = 16
_LARGEST = 1e4  # of an embedding, whose standard deviation is about 1
_CENTROID_IMAGES = 32  # a random choice of images gives the same centroids as all of them, in less time
_PIXELS_PER_IMAGE = 2_000  # of the 25,000 of a GlaS image at 2.5 µm/px, for the centroids
_KMEANS_BATCH = 20_000  # pixels


def fresh_network(
    images: Sequence[RgbArray], *, channels: int, crop_px: int, seed: int, device: torch.device
) -> DenseNetwork:
    """Return a network with random weights whose batch norms have measured the images, in training mode.

    Without that its embeddings before the first step would not be those it is trained on, and the first
    clustering would be of little else than noise.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = DenseNetwork(channels=channels)
    network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    rng = np.random.default_rng([seed, 1])
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = None  # a plain mean over the batches
    with torch.no_grad():
        for _ in range(_STATISTICS_BATCHES):
            places = [draw_place(images, crop_px, rng) for _ in range(4)]
            network(to_batch([cut(images[place.image], place, crop_px) for place in places], device))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    network.train()
    return network


def bounded(embeddings: torch.Tensor) -> torch.Tensor:
    """Keep embeddings finite where images without contrast leave batch norm no variance to divide by."""
    return embeddings.nan_to_num().clamp(-_LARGEST, _LARGEST)


@torch.no_grad()
def embed(network: DenseNetwork, rgb: RgbArray, *, device: torch.device) -> NDArray[np.float32]:
    """Return the embeddings (H, W, D) of an image (H, W, 3), by the running statistics of the batch norms."""
    training = network.training
    batch = torch.from_numpy(normalise(rgb)).permute(2, 0, 1)[None].to(device)
    embedding = bounded(network.eval()(batch.contiguous(memory_format=torch.channels_last)))[0]  # (D, H, W)
    network.train(training)
    result: NDArray[np.float32] = embedding.permute(1, 2, 0).float().cpu().contiguous().numpy()
    return result


@dataclass(frozen=True, eq=False)
class Whitening:
    """Shift and rotation after which features have mean 0 and covariance 1.

    Caron et al. 2018 (arXiv 1807.05520), section 3.3: features are whitened before their k-means. All
    components are kept, where the paper keeps 256 of 4096; those without variance, that is with less than a
    millionth of the features' mean square, become 0.

    Attributes
    ----------
    mean : (D,) float32
    matrix : (D, D) float32
    """

    mean: NDArray[np.float32]
    matrix: NDArray[np.float32]

    @classmethod
    def of(cls, features: NDArray[np.float32]) -> Whitening:
        """Measure features (n, D)."""
        wide = features.astype(np.float64)
        mean = wide.mean(axis=0)
        centred = wide - mean
        values, vectors = np.linalg.eigh(centred.T @ centred / len(features))
        floor = 1e-6 * float((wide**2).mean()) + 1e-12
        scales = np.where(values > floor, 1.0 / np.sqrt(np.maximum(values, floor)), 0.0)
        return cls(mean.astype(np.float32), (vectors * scales).astype(np.float32))

    @classmethod
    def none(cls, channels: int) -> Whitening:
        """Return the one that changes nothing."""
        return cls(np.zeros(channels, np.float32), np.eye(channels, dtype=np.float32))

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Whiten features (n, D)."""
        return np.asarray((features - self.mean) @ self.matrix, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class EmbeddingClusters:
    """The cluster of a pixel is the centroid of highest cosine with its (whitened) embedding.

    Attributes
    ----------
    network : DenseNetwork
    device : torch.device
    whitening : Whitening
    centroids : (K', D) float32
        Of length 1; fewer than `n_clusters` when the images have fewer distinct embeddings.
    n_clusters : int
        K.
    """

    network: DenseNetwork
    device: torch.device
    whitening: Whitening
    centroids: NDArray[np.float32]
    n_clusters: int

    def assign(self, rgb: RgbArray) -> NDArray[np.uint8]:
        """Map an image (H, W, 3) to its clusters (H, W)."""
        embeddings = embed(self.network, rgb, device=self.device)
        features = unit_length(self.whitening(embeddings.reshape(-1, embeddings.shape[2])))
        return nearest(features, self.centroids).reshape(rgb.shape[:2])


def cluster_embeddings(
    network: DenseNetwork,
    images: Sequence[RgbArray],
    *,
    clusters: int,
    whiten: bool,
    rng: np.random.Generator,
    device: torch.device,
) -> EmbeddingClusters:
    """Cluster the embeddings of the images by spherical mini-batch k-means.

    Parameters
    ----------
    images : sequence of (H, W, 3) uint8
        At the working resolution; at most 32 of them, drawn by `rng`, are looked at.
    clusters : int
        K.
    whiten : bool
        Whether embeddings are whitened first.
    """
    chosen = rng.permutation(len(images))[:_CENTROID_IMAGES]
    # One image's embeddings at a time: of each only a few pixels are kept.
    flat = (embed(network, images[index], device=device).reshape(-1, network.channels) for index in chosen)
    batches = sample_batches(flat, per_image=_PIXELS_PER_IMAGE, batch=_KMEANS_BATCH, rng=rng)
    whitening = Whitening.of(np.concatenate(batches)) if whiten else Whitening.none(network.channels)
    units = [unit_length(whitening(batch)) for batch in batches]
    centroids = unit_length(minibatch_kmeans(units, clusters=clusters, rng=rng))
    return EmbeddingClusters(
        network=network, device=device, whitening=whitening, centroids=centroids, n_clusters=clusters
    )
