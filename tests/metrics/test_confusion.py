import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acinus.metrics.confusion import ConfusionMatrix
from acinus.metrics.label_pair import LabelMapError

counts = st.integers(0, 50)
matrices = st.builds(ConfusionMatrix, counts, counts, counts, counts)


def test_ratios_of_a_matrix_worked_by_hand():
    matrix = ConfusionMatrix(true_positive=6, false_positive=2, false_negative=4, true_negative=8)
    assert matrix.gland_iou == 6 / 12
    assert matrix.background_iou == 8 / 14
    assert matrix.miou == (6 / 12 + 8 / 14) / 2
    assert matrix.pixel_accuracy == 14 / 20
    assert matrix.precision == 6 / 8
    assert matrix.recall == 6 / 10
    assert matrix.dice == 12 / 18


def test_pooled_miou_differs_from_the_mean_of_images():
    big = ConfusionMatrix(true_positive=90, false_positive=10, true_negative=100)
    small = ConfusionMatrix(true_positive=1, false_negative=9, true_negative=10)
    pooled = big + small
    assert pooled == ConfusionMatrix(91, 10, 9, 110)
    assert pooled.miou == pytest.approx((91 / 110 + 110 / 129) / 2)
    assert pooled.miou != pytest.approx((big.miou + small.miou) / 2)


def test_everything_called_gland_has_background_iou_zero_not_skipped():
    truth = np.array([[1, 1, 0, 0]]) > 0
    matrix = ConfusionMatrix.of(np.ones((1, 4), bool), truth)
    assert (matrix.gland_iou, matrix.background_iou, matrix.miou) == (0.5, 0.0, 0.25)


def test_a_class_absent_from_both_maps_counts_as_right():
    nothing = np.zeros((2, 2), bool)
    matrix = ConfusionMatrix.of(nothing, nothing)
    assert (matrix.gland_iou, matrix.background_iou, matrix.miou) == (1.0, 1.0, 1.0)
    assert (matrix.precision, matrix.recall, matrix.dice) == (1.0, 1.0, 1.0)


def test_a_class_absent_from_the_truth_but_claimed_counts_as_wrong():
    matrix = ConfusionMatrix.of(np.array([[True, False]]), np.array([[False, False]]))
    assert matrix.gland_iou == 0.0
    assert matrix.miou == 0.25  # background: 1 of 2
    assert (matrix.precision, matrix.recall, matrix.dice) == (0.0, 0.0, 0.0)


def test_a_missed_class_has_precision_and_recall_zero():
    matrix = ConfusionMatrix.of(np.array([[False, False]]), np.array([[True, False]]))
    assert (matrix.precision, matrix.recall) == (0.0, 0.0)


def test_pixels_not_counted_change_nothing():
    prediction = np.array([[True, True, False, False]])
    truth = np.array([[True, False, True, False]])
    counted = np.array([[True, False, True, True]])
    matrix = ConfusionMatrix.of(prediction, truth, valid=counted)
    assert matrix == ConfusionMatrix(true_positive=1, false_negative=1, true_negative=1)


def test_a_label_map_given_as_mask_is_refused():
    with pytest.raises(LabelMapError, match="boolean prediction, got int64; pass prediction > 0"):
        ConfusionMatrix.of(np.ones((2, 2), int), np.ones((2, 2), bool))  # type: ignore[arg-type]


def test_masks_of_different_shape_are_refused():
    with pytest.raises(LabelMapError, match=r"\(2, 2\), got \(2, 3\)"):
        ConfusionMatrix.of(np.ones((2, 3), bool), np.ones((2, 2), bool))


def test_oracle_inverts_a_prediction_that_names_the_classes_wrongly():
    truth = np.array([[1, 1, 1, 0]]) > 0
    assert ConfusionMatrix.of(~truth, truth).miou == 0.0
    assert ConfusionMatrix.of(~truth, truth).oracle().miou == 1.0


@given(matrices)
def test_inverting_a_matrix_is_inverting_the_prediction_and_undoes_itself(matrix):
    cells = [matrix.true_positive, matrix.false_positive, matrix.false_negative, matrix.true_negative]
    prediction = np.repeat([True, True, False, False], cells)[None]
    truth = np.repeat([True, False, True, False], cells)[None]
    assert ConfusionMatrix.of(prediction, truth) == matrix
    assert ConfusionMatrix.of(~prediction, truth) == matrix.inverted()
    assert matrix.inverted().inverted() == matrix


@given(matrices)
def test_oracle_is_never_worse_and_every_ratio_lies_between_zero_and_one(matrix):
    assert matrix.oracle().miou >= matrix.miou
    for name in ("gland_iou", "background_iou", "miou", "pixel_accuracy", "precision", "recall", "dice"):
        assert 0 <= getattr(matrix, name) <= 1


@given(matrices, matrices, matrices)
def test_pooling_does_not_depend_on_the_order_of_images(a, b, c):
    assert (a + b) + c == c + (b + a)
