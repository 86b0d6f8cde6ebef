import math

import numpy as np
import pytest
import torch
from torch import nn

from acinus.baselines.crops import Geometry
from acinus.baselines.picie import Pool, View, clustering_loss


def naive_loss(
    features: torch.Tensor, labels: torch.Tensor, centroids: torch.Tensor, weights: torch.Tensor
) -> float:
    total, weight = 0.0, 0.0
    for b, y, x in np.ndindex(*labels.shape):
        pixel = features[b, :, y, x].double()
        distances = [
            1.0 - (pixel @ centroid.double() / pixel.norm() / centroid.double().norm()).item()
            for centroid in centroids
        ]
        own = int(labels[b, y, x])
        loss = -math.log(math.exp(-distances[own]) / sum(math.exp(-d) for d in distances))
        total += weights[own].item() * loss
        weight += weights[own].item()
    return total / weight


def test_clustering_loss_is_the_papers_for_every_pixel():
    generator = torch.Generator().manual_seed(1)
    features = torch.randn((2, 6, 3, 4), generator=generator)
    centroids = nn.functional.normalize(torch.randn((5, 6), generator=generator))
    labels = torch.randint(0, 5, (2, 3, 4), generator=generator)
    weights = torch.tensor([0.5, 2.0, 1.0, 0.1, 1.0])
    loss = clustering_loss(features, labels, centroids, weights)
    assert loss.item() == pytest.approx(naive_loss(features, labels, centroids, weights), abs=1e-5)


def test_clustering_loss_is_least_on_the_own_centroid():
    centroids = torch.eye(3)
    labels = torch.zeros((1, 1, 1), dtype=torch.long)
    losses = [
        clustering_loss(centroids[k].reshape(1, 3, 1, 1), labels, centroids, torch.ones(3)).item()
        for k in range(3)
    ]
    assert losses[0] == pytest.approx(math.log(1 + 2 / math.e))
    assert losses[1] == pytest.approx(losses[2])
    assert losses[1] > losses[0]


def test_both_views_show_the_same_pixels_in_the_same_place():
    rng = np.random.default_rng(2)
    images = torch.randn((4, 3, 16, 16), generator=torch.Generator().manual_seed(2))
    geometries = [Geometry.draw(16, least_share=0.5, rng=rng) for _ in images]
    first = torch.stack([g.apply(image) for g, image in zip(geometries, images, strict=True)])
    pool = Pool(first=first, second=images, geometries=geometries)
    pointwise = nn.Conv2d(3, 5, 1)  # commutes with every G, so z¹ and z² must be one
    z1, z2 = pool.features(pointwise, torch.tensor([3, 1]))
    assert torch.allclose(z1, z2, atol=1e-5)
    assert torch.equal(z1, pointwise(first[[3, 1]]))


def test_a_view_labels_each_pixel_with_its_centroid():
    blocks = torch.zeros((2, 2, 4, 4))
    blocks[:, 0, :, :2] = 3.0
    blocks[:, 1, :, 2:] = 0.5
    view = View.of(blocks, clusters=2, rng=np.random.default_rng(0))
    left, right = view.labels[..., :2], view.labels[..., 2:]
    assert left.unique().numel() == right.unique().numel() == 1
    assert left.unique() != right.unique()
    assert view.centroids[left[0, 0, 0]].tolist() == pytest.approx([1.0, 0.0])
    assert view.weights.tolist() == [1.0, 1.0]
