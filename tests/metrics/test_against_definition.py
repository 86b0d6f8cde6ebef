"""The challenge's three metrics against slow versions that follow the paper object by object."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import gaussian_filter, label
from scipy.spatial.distance import cdist

from acinus.metrics import (
    DetectionCounts,
    LabelPair,
    detection_counts,
    evaluate_pair,
    object_dice,
    object_hausdorff_px,
)

Mask = np.ndarray
small_maps = arrays(np.uint16, (6, 7), elements=st.sampled_from([0, 0, 0, 1, 2, 3, 300]))


def objects(labels: np.ndarray) -> list[Mask]:
    return [labels == value for value in np.unique(labels) if value]


def partners(own: Mask, others: list[Mask]) -> list[Mask]:
    """Those that share most pixels with `own`, and of these the smallest; none if none shares any."""
    touching = [other for other in others if (own & other).any()]
    if not touching:
        return []
    ranks = [(-(own & other).sum(), other.sum()) for other in touching]
    return [other for other, rank in zip(touching, ranks, strict=True) if rank == min(ranks)]


def naive_detection(prediction: np.ndarray, truth: np.ndarray) -> DetectionCounts:
    true = objects(truth)
    found = 0
    for own in objects(prediction):
        best = partners(own, true)
        found += bool(best) and (own & best[0]).sum() / best[0].sum() > 0.5
    return DetectionCounts(found, len(objects(prediction)) - found, len(true) - found)


def naive_dice(own: Mask, others: list[Mask]) -> float:
    best = partners(own, others)
    return 2 * (own & best[0]).sum() / (own.sum() + best[0].sum()) if best else 0.0


def naive_hausdorff(own: Mask, others: list[Mask]) -> float:
    if not others:
        return float(np.hypot(*own.shape))
    distances = []
    for other in partners(own, others) or others:
        all_pairs = cdist(np.argwhere(own), np.argwhere(other))
        distances.append(max(all_pairs.min(axis=0).max(), all_pairs.min(axis=1).max()))
    return min(distances)


def naive_two_sided(
    value: Callable[[Mask, list[Mask]], float],
    prediction: np.ndarray,
    truth: np.ndarray,
    *,
    when_empty: float,
) -> float:
    predicted, true = objects(prediction), objects(truth)
    sides = []
    for own, others in ((predicted, true), (true, predicted)):
        if own:
            total = sum(mask.sum() for mask in own)
            sides.append(sum(mask.sum() / total * value(mask, others) for mask in own))
    return float(np.mean(sides)) if sides else when_empty


def check(prediction: np.ndarray, truth: np.ndarray) -> None:
    pair = LabelPair.of(prediction, truth)
    assert detection_counts(pair) == naive_detection(prediction, truth)
    dice = naive_two_sided(naive_dice, prediction, truth, when_empty=1.0)
    assert object_dice(pair) == pytest.approx(dice)
    hausdorff = naive_two_sided(naive_hausdorff, prediction, truth, when_empty=0.0)
    assert object_hausdorff_px(pair) == pytest.approx(hausdorff)


@given(small_maps, small_maps)
def test_small_maps_of_any_kind(prediction, truth):
    check(prediction, truth)


@pytest.mark.parametrize("seed", range(6))
def test_gland_like_maps_with_splits_merges_and_strays(seed):
    rng = np.random.default_rng(seed)
    field = gaussian_filter(rng.normal(size=(110, 130)), 6)
    other = gaussian_filter(rng.normal(size=(110, 130)), 6)
    truth, _ = label(field > field.std() * 0.7)
    mixed = field + rng.uniform(0.1, 1.5) * other
    prediction, _ = label(mixed > mixed.std() * rng.uniform(0.5, 1.5))
    check(prediction, truth)


def test_pooled_miou_is_that_of_the_images_laid_side_by_side():
    rng = np.random.default_rng(0)
    prediction, truth = rng.integers(0, 3, (2, 8, 40))
    halves = [evaluate_pair(prediction[:, part], truth[:, part], mpp=0.5) for part in np.s_[:25, 25:]]
    whole = evaluate_pair(prediction, truth, mpp=0.5)
    assert halves[0].pixels + halves[1].pixels == whole.pixels
