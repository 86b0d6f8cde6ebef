from __future__ import annotations

import numpy as np
import pytest

from acinus.mining.cluster import cluster_responses


def blobs(truth: np.ndarray, *, spread: float, seed: int = 0) -> np.ndarray:
    centres = np.array([[0, 0, 0], [9, 0, 0], [0, 9, 0], [0, 0, 9], [9, 9, 9]], np.float32)
    noise = np.random.default_rng(seed).normal(0, spread, (*truth.shape, 3))
    return (centres[truth] + noise).astype(np.float32)


def same_partition(a: np.ndarray, b: np.ndarray) -> bool:
    pairs = set(zip(a.ravel().tolist(), b.ravel().tolist(), strict=True))
    return len(pairs) == len(np.unique(a)) == len(np.unique(b))


@pytest.mark.parametrize("shape", [(20, 30), (160, 180)])
def test_well_separated_responses_are_clustered_as_they_were_made(shape: tuple[int, int]):
    truth = np.random.default_rng(1).integers(0, 5, shape)
    found = cluster_responses(blobs(truth, spread=0.5), clusters=5, seed=0)
    assert found.dtype == np.uint8
    assert found.shape == shape
    assert same_partition(found, truth)


def test_the_same_seed_gives_the_same_numbers():
    responses = blobs(np.random.default_rng(1).integers(0, 5, (40, 40)), spread=4.0)
    a, b = (cluster_responses(responses, clusters=4, seed=3) for _ in range(2))
    assert np.array_equal(a, b)


def test_every_pixel_is_in_the_cluster_whose_mean_is_nearest():
    responses = blobs(np.random.default_rng(1).integers(0, 5, (40, 40)), spread=3.0)
    found = cluster_responses(responses, clusters=3, seed=0)
    means = np.stack([responses[found == k].mean(axis=0) for k in range(3)])
    distances = np.linalg.norm(responses[:, :, None] - means, axis=3)
    assert (distances.argmin(axis=2) == found).mean() > 0.98  # the last step moved the means a little


def test_a_constant_image_is_one_cluster():
    assert not cluster_responses(np.full((9, 7, 4), 0.3, np.float32), clusters=5, seed=0).any()


@pytest.mark.parametrize("values", [2, 5])
def test_an_image_of_no_more_values_than_clusters_gets_a_cluster_for_each(values: int):
    truth = np.random.default_rng(0).integers(0, values, (12, 13))
    assert same_partition(cluster_responses(blobs(truth, spread=0.0), clusters=5, seed=0), truth)
