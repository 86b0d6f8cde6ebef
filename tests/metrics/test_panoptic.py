from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from acinus.core.errors import UsageError
from acinus.metrics.detection import DetectionCounts, detection_counts
from acinus.metrics.label_pair import LabelPair
from acinus.metrics.panoptic import IouMatches, iou_matches

small_maps = arrays(np.int64, (4, 5), elements=st.integers(0, 4))


def by_trying_all(prediction: np.ndarray, truth: np.ndarray, *, threshold: float) -> tuple[int, float]:
    """Most pairs, then the largest sum of IoUs, over every one-to-one assignment."""
    predicted, true = (
        [layer == label for label in np.unique(layer[layer > 0])] for layer in (prediction, truth)
    )
    if len(predicted) > len(true):
        predicted, true = true, predicted
    best = (0, 0.0)
    for chosen in permutations(true, len(predicted)):
        ious = [(p & t).sum() / (p | t).sum() for p, t in zip(predicted, chosen, strict=True)]
        kept = [iou for iou in ious if iou > threshold]
        best = max(best, (len(kept), sum(kept)))
    return best


def test_an_iou_of_exactly_one_half_is_no_match():
    pair = LabelPair.of(np.array([[1, 1, 2, 2]]), np.array([[1, 1, 1, 1]]))
    assert iou_matches(pair).counts == DetectionCounts(0, 2, 1)


def test_an_over_large_blob_pleases_the_challenge_but_not_iou():
    truth = np.zeros((10, 10), int)
    truth[4:6, 4:6] = 1
    pair = LabelPair.of(np.ones_like(truth), truth)
    assert detection_counts(pair).f1 == 1.0
    assert iou_matches(pair).recognition_quality == 0.0
    assert iou_matches(pair).panoptic_quality == 0.0


def test_qualities_worked_by_hand():
    # IoUs: 3/4, and 1; one prediction and one gland left over.
    prediction = np.array([[1, 1, 1, 0, 2, 2, 0, 3, 0, 0]])
    truth = np.array([[1, 1, 1, 1, 2, 2, 0, 0, 0, 5]])
    matches = iou_matches(LabelPair.of(prediction, truth))
    assert matches.counts == DetectionCounts(2, 1, 1)
    assert matches.segmentation_quality == pytest.approx((0.75 + 1) / 2)
    assert matches.recognition_quality == pytest.approx(2 / 3)
    assert matches.panoptic_quality == pytest.approx(1.75 / 3)


def test_a_higher_threshold_drops_the_loose_match():
    pair = LabelPair.of(np.array([[1, 1, 1, 0]]), np.array([[1, 1, 1, 1]]))
    assert iou_matches(pair, threshold=0.7).counts.true_positive == 1
    assert iou_matches(pair, threshold=0.75).counts.true_positive == 0


def test_below_one_half_every_gland_is_still_matched_once():
    pair = LabelPair.of(np.array([[1, 1, 2, 2]]), np.array([[1, 1, 1, 1]]))
    assert iou_matches(pair, threshold=0.3).counts == DetectionCounts(1, 1, 0)


def test_below_one_half_more_pairs_win_over_a_closer_one():
    prediction = np.array([[1, 1, 1, 1, 1, 2, 2]])
    truth = np.array([[2, 2, 1, 1, 1, 1, 1]])
    # Greedy would take 1–1 (3/7) and leave 2–1 (2/5) and 1–2 (2/5) without a partner each.
    matches = iou_matches(LabelPair.of(prediction, truth), threshold=0.2)
    assert matches.counts == DetectionCounts(2, 0, 0)
    assert matches.iou_sum == pytest.approx(2 / 5 + 2 / 5)


@pytest.mark.parametrize(("prediction", "truth", "expected"), [(0, 0, 1.0), (0, 1, 0.0), (1, 0, 0.0)])
def test_empty_maps_score_one_together_and_zero_against_glands(prediction, truth, expected):
    matches = iou_matches(LabelPair.of(np.array([[prediction]]), np.array([[truth]])))
    assert matches.recognition_quality == expected
    assert matches.segmentation_quality == expected
    assert matches.panoptic_quality == expected


@pytest.mark.parametrize("threshold", [-0.1, 1.0, float("nan")])
def test_a_threshold_that_is_no_iou_is_refused(threshold):
    with pytest.raises(UsageError, match="IoU threshold from 0 to below 1"):
        iou_matches(LabelPair.of(np.array([[1]]), np.array([[1]])), threshold=threshold)


def test_pooling_adds_counts_and_ious():
    one = IouMatches(DetectionCounts(1, 2, 3), 0.5)
    assert one + one == IouMatches(DetectionCounts(2, 4, 6), 1.0)


@given(small_maps, small_maps, st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7]))
def test_matching_is_the_best_of_all_assignments(prediction, truth, threshold):
    matches = iou_matches(LabelPair.of(prediction, truth), threshold=threshold)
    pairs, iou_sum = by_trying_all(prediction, truth, threshold=threshold)
    assert matches.counts.true_positive == pairs
    assert matches.iou_sum == pytest.approx(iou_sum)
