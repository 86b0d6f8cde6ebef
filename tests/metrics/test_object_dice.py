import numpy as np
import pytest

from acinus.metrics.label_pair import LabelPair
from acinus.metrics.object_dice import object_dice, object_dice_sums


def dice(prediction: list[list[int]], truth: list[list[int]]) -> float:
    return object_dice(LabelPair.of(np.array(prediction), np.array(truth)))


def test_identical_maps_score_one_whatever_the_labels():
    assert dice([[1, 1, 0, 2]], [[9, 9, 0, 4]]) == 1.0


def test_weights_are_areas_on_both_sides():
    # Predicted: A (4 px, Dice with a = 2·3/7), B (1 px, alone: 0). True: a (3 px, 6/7), c (2 px, alone: 0).
    prediction = [[1, 1, 1, 1, 0, 2, 0, 0, 0]]
    truth = [[1, 1, 1, 0, 0, 0, 0, 3, 3]]
    assert dice(prediction, truth) == pytest.approx((4 / 5 * 6 / 7 + 3 / 5 * 6 / 7) / 2)


def test_two_merged_glands_share_the_blob_but_the_blob_takes_one():
    # Blob of 5 px over two glands of 2 px: each pair's Dice is 4/7, seen from either side.
    assert dice([[1, 1, 1, 1, 1]], [[1, 1, 0, 2, 2]]) == pytest.approx(4 / 7)


def test_glands_that_do_not_touch_score_zero():
    assert dice([[1, 1, 0, 0]], [[0, 0, 1, 1]]) == 0.0


@pytest.mark.parametrize(("prediction", "truth", "expected"), [(0, 0, 1.0), (0, 1, 0.0), (1, 0, 0.0)])
def test_empty_maps_score_one_together_and_zero_against_glands(prediction, truth, expected):
    assert dice([[prediction, 0]], [[truth, 0]]) == expected


def test_data_set_dice_weighs_objects_over_all_images():
    first = object_dice_sums(LabelPair.of(np.array([[1, 1, 1, 1, 1, 1]]), np.array([[1, 1, 1, 1, 1, 1]])))
    second = object_dice_sums(LabelPair.of(np.array([[1, 1, 0, 0]]), np.array([[0, 1, 1, 0]])))  # 0.5
    assert (first + second).mean(when_empty=1.0) == pytest.approx((6 * 1 + 2 * 0.5) / 8)
