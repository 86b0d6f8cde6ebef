import numpy as np
import pytest
import torch

from acinus.baselines.embedding import EmbeddingClusters, Whitening, embed, fresh_network
from acinus.data.synthetic import two_texture_tile

CPU = torch.device("cpu")
RGB = two_texture_tile(2, height_px=64, width_px=48).image.rgb


def test_whitened_features_have_mean_zero_and_covariance_one():
    rng = np.random.default_rng(0)
    features = (rng.normal(size=(500, 4)) @ rng.normal(size=(4, 4)) + 7.0).astype(np.float32)
    whitened = Whitening.of(features)(features)
    assert whitened.mean(axis=0) == pytest.approx(np.zeros(4), abs=1e-3)
    assert np.cov(whitened.T, bias=True) == pytest.approx(np.eye(4), abs=1e-3)


def test_whitening_leaves_a_direction_without_variance_at_zero():
    features = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    features[:, 2] = features[:, 1]
    whitened = Whitening.of(features)(features)
    assert sorted(whitened.std(axis=0).round(2).tolist()) == [0.0, 1.0, 1.0]


def test_whitening_none_changes_nothing():
    features = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    assert np.array_equal(Whitening.none(3)(features), features)


def test_a_fresh_network_has_measured_the_images():
    network = fresh_network([RGB], channels=8, crop_px=32, seed=0, device=CPU)
    embedding = embed(network, RGB, device=CPU)
    assert np.abs(embedding.mean(axis=(0, 1))).max() < 0.5
    assert 0.5 < embedding.std() < 1.5
    assert network.training


def test_embedding_an_image_leaves_the_network_as_it_was():
    network = fresh_network([RGB], channels=8, crop_px=32, seed=0, device=CPU)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    embed(network, RGB, device=CPU)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert network.training


def test_a_pixel_belongs_to_the_centroid_of_highest_cosine():
    network = fresh_network([RGB], channels=8, crop_px=32, seed=0, device=CPU)
    directions = np.random.default_rng(1).normal(size=(5, 8))
    centroids = (directions / np.linalg.norm(directions, axis=1, keepdims=True)).astype(np.float32)
    clusters = EmbeddingClusters(network, CPU, Whitening.none(8), centroids, n_clusters=5)
    expected = (embed(network, RGB, device=CPU) @ centroids.T).argmax(axis=2)
    assert np.array_equal(clusters.assign(RGB), expected)
