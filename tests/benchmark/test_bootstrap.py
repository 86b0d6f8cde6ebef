from __future__ import annotations

import numpy as np
import pytest

from acinus.benchmark.bootstrap import LEAST_IMAGES, Difference, paired_bootstrap, pooled_miou
from acinus.core.errors import UsageError
from acinus.metrics import ConfusionMatrix


def _random(seeds: int, images: int, *, right: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    wrong = np.clip(rng.normal(1 - right, 0.1, (seeds, images)), 0.01, 0.99)
    counts = np.stack([1 - wrong, wrong, wrong, 1 - wrong], axis=-1)
    return np.rint(counts * 1000).astype(np.int64)


def test_pooled_miou_is_that_of_the_metrics():
    for counts in ([3, 1, 4, 1], [0, 0, 0, 7], [5, 0, 0, 0], [0, 2, 3, 0]):
        assert pooled_miou(np.array(counts, float)) == pytest.approx(ConfusionMatrix(*counts).miou)


def test_a_method_against_itself_differs_by_nothing():
    counts = _random(2, 20, right=0.8, seed=1)
    difference = paired_bootstrap(counts, counts)
    assert difference == Difference(0.0, (0.0, 0.0))
    assert not difference.clear


def test_the_difference_is_of_pooled_figures_and_means_over_seeds():
    ours, theirs = np.array([[[4, 0, 0, 4]], [[2, 2, 2, 2]]]), np.array([[[2, 2, 2, 2]]])
    # mIoU 1 and 1/3 against 1/3
    assert paired_bootstrap(ours, theirs).mean == pytest.approx((1 + 1 / 3) / 2 - 1 / 3)


def test_a_small_but_steady_gain_is_clear_because_images_are_paired():
    worse = _random(1, 60, right=0.7, seed=2)
    better = worse + np.array([20, -20, -20, 20]).clip(-worse.min(), None)
    difference = paired_bootstrap(better, worse)
    low, high = difference.interval
    assert 0 < low < difference.mean < high
    assert difference.clear
    assert difference.turned() == Difference(-difference.mean, (-high, -low))
    assert difference.turned().clear


def test_of_too_few_images_there_is_a_difference_and_no_interval():
    better, worse = (_random(1, LEAST_IMAGES, right=right, seed=8) for right in (0.9, 0.6))
    assert paired_bootstrap(better, worse).clear
    few = paired_bootstrap(better[:, 1:], worse[:, 1:])
    assert few.mean > 0.1
    assert few.interval is None
    assert not few.clear
    assert few.turned() == Difference(-few.mean, None)


def test_the_interval_is_that_of_a_slow_loop_over_resamples():
    ours, theirs = _random(2, 9, right=0.8, seed=3), _random(3, 9, right=0.75, seed=4)
    fast = paired_bootstrap(ours, theirs, resamples=500, seed=7)
    rng, found = np.random.default_rng(7), []
    for times in rng.multinomial(9, np.full(9, 1 / 9), size=500):
        means = []
        for counts in (ours, theirs):
            seeds = []
            for of_seed in counts:
                drawn = sum(
                    (ConfusionMatrix(*image.tolist()) for image in np.repeat(of_seed, times, axis=0)),
                    ConfusionMatrix(),
                )
                seeds.append(drawn.miou)
            means.append(np.mean(seeds))
        found.append(means[0] - means[1])
    assert fast.interval == pytest.approx(tuple(np.percentile(found, (2.5, 97.5))))


def test_the_same_seed_gives_the_same_interval():
    ours, theirs = _random(1, 8, right=0.8, seed=5), _random(1, 8, right=0.8, seed=6)
    assert paired_bootstrap(ours, theirs) == paired_bootstrap(ours, theirs)


def test_counts_of_different_images_are_not_compared():
    with pytest.raises(UsageError, match="same images"):
        paired_bootstrap(np.zeros((1, 3, 4), np.int64), np.zeros((1, 2, 4), np.int64))
