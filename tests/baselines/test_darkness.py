import numpy as np
import pytest

from acinus.baselines.darkness import ClusterDensities
from acinus.core.colour import optical_density

GREY = np.array([[250, 250, 120], [250, 60, 60]], dtype=np.uint8)
RGB = np.repeat(GREY[:, :, None], 3, axis=2)
CLUSTERS = np.array([[0, 0, 1], [0, 2, 2]], dtype=np.uint8)


def test_clusters_darker_than_the_mean_are_gland():
    densities = ClusterDensities.of(CLUSTERS, RGB, n_clusters=4)
    # −ln(251/256) = 0.02 three times, −ln(121/256) = 0.75, −ln(61/256) = 1.43 twice: mean 0.61
    assert densities.mean == pytest.approx((3 * 0.0197 + 0.7494 + 2 * 1.4344) / 6, abs=1e-3)
    assert densities.darker_than(densities.mean) == {1, 2}


def test_with_two_clusters_the_darker_one_is_gland():
    clusters = (CLUSTERS > 0).astype(np.uint8)
    densities = ClusterDensities.of(clusters, RGB, n_clusters=2)
    assert densities.darker_than(densities.mean) == {1}


def test_an_only_cluster_is_not_darker_than_itself():
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)
    densities = ClusterDensities.of(np.zeros((40, 40), np.uint8), rgb, n_clusters=3)
    assert densities.mean == pytest.approx(optical_density(rgb).mean(), rel=1e-5)
    assert densities.darker_than(densities.mean) == frozenset()


def test_an_empty_cluster_is_never_gland_even_in_black_images():
    densities = ClusterDensities.of(CLUSTERS, RGB, n_clusters=6)
    assert densities.darker_than(-1.0) == {0, 1, 2}


def test_the_mean_is_that_of_all_images_together():
    dark, pale = np.full((2, 2, 3), 30, np.uint8), np.full((2, 2, 3), 240, np.uint8)
    maps = [(np.zeros((2, 2), np.uint8), dark), (np.ones((2, 2), np.uint8), pale)]
    densities = ClusterDensities.pooled(maps, n_clusters=2)
    assert densities.darker_than(densities.mean) == {0}
