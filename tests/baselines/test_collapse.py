import math

import numpy as np
import pytest

from acinus.baselines.collapse import Collapse


def test_more_than_99_percent_in_one_cluster_is_collapse():
    assert Collapse.of(np.array([991, 9])).collapsed
    assert not Collapse.of(np.array([990, 10])).collapsed


def test_collapse_is_said_in_the_text():
    assert str(Collapse.of(np.array([1000, 0, 0]))).startswith(
        "COLLAPSED: 1 of 3 clusters used (1.0 effective)"
    )
    assert "COLLAPSED" not in str(Collapse.of(np.array([500, 500, 0])))


def test_effective_clusters_are_the_exponential_of_the_entropy():
    entropy = -(0.5 * math.log(0.5) + 2 * 0.25 * math.log(0.25))
    assert Collapse.of(np.array([2, 1, 1, 0])).effective_clusters == pytest.approx(math.exp(entropy))


def test_no_pixels_are_no_collapse():
    assert Collapse.of(np.zeros(3, dtype=np.int64)) == Collapse(3, 0.0, 1.0, 0.0)


def test_the_mean_over_images_averages_their_shares():
    mean = Collapse.mean([Collapse.of(np.array([100, 0])), Collapse.of(np.array([40, 100]))])
    assert mean.largest_share == pytest.approx((1.0 + 100 / 140) / 2)
    assert not mean.collapsed
