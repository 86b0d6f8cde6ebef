import json

import numpy as np
import pytest

from acinus.core.errors import DatasetError
from acinus.metrics import ConfusionMatrix, DetectionCounts, evaluate_pair, pool


def row(*labels: int) -> np.ndarray:
    return np.array([labels])


def test_one_image_pooled_is_that_image():
    scores = evaluate_pair(row(1, 1, 0, 2, 0), row(1, 0, 0, 2, 2), mpp=0.5)
    table, pooled = scores.as_dict(), pool([scores]).as_dict()
    for name, value in table.items():
        if name not in ("name", "mpp"):
            assert pooled[name] == pytest.approx(value)
            assert pooled.get(f"{name}_image_mean", value) == pytest.approx(value)


def test_detection_pools_counts_not_ratios():
    easy = evaluate_pair(row(1, 0, 2, 0, 3), row(1, 0, 2, 0, 3), mpp=0.5)
    hard = evaluate_pair(row(0, 0, 0, 0, 0), row(1, 0, 0, 0, 0), mpp=0.5)
    scores = pool([easy, hard])
    assert scores.detection == DetectionCounts(3, 0, 1)
    assert scores.detection.f1 == pytest.approx(6 / 7)
    assert scores.image_means["detection_f1"] == 0.5


def test_pixels_pool_one_matrix():
    first = evaluate_pair(row(1, 1, 0, 0), row(1, 0, 0, 0), mpp=0.5)
    second = evaluate_pair(row(0, 1, 1, 1), row(0, 1, 1, 1), mpp=0.5)
    scores = pool([first, second])
    assert scores.pixels == ConfusionMatrix(4, 1, 0, 3)
    assert scores.as_dict()["miou_label_free"] == pytest.approx((4 / 5 + 3 / 4) / 2)
    assert scores.image_means["miou_label_free"] == pytest.approx(((1 / 2 + 2 / 3) / 2 + 1) / 2)


def test_oracle_is_chosen_once_for_the_set_unless_asked_per_image():
    right = evaluate_pair(row(1, 1, 1, 0, 0, 0), row(1, 1, 1, 0, 0, 0), mpp=0.5)
    wrong = evaluate_pair(row(0, 1, 1), row(1, 0, 0), mpp=0.5)
    table = pool([right, wrong]).as_dict()
    assert table["miou_label_free"] == pytest.approx((3 / 6 + 3 / 6) / 2)
    assert table["miou_oracle"] == table["miou_label_free"]  # the inverse would be worse: 1 and 2 of 9 right
    assert table["miou_oracle_per_image"] == 1.0


def test_objects_weigh_by_area_over_the_whole_set():
    large = evaluate_pair(row(1, 1, 1, 1, 1, 1), row(1, 1, 1, 1, 1, 1), mpp=0.5)
    small = evaluate_pair(row(0, 1, 1, 0, 0, 0), row(0, 0, 1, 1, 0, 0), mpp=0.5)  # Dice ½, 1 px apart
    scores = pool([large, small])
    assert scores.object_dice == pytest.approx((6 * 1 + 2 * 0.5) / 8)
    assert scores.object_hausdorff_px == pytest.approx((6 * 0 + 2 * 1) / 8)
    assert scores.object_hausdorff_um == pytest.approx(0.5 * (6 * 0 + 2 * 1) / 8)
    assert scores.image_means["object_hausdorff_px"] == 0.5


def test_where_one_image_has_no_resolution_objects_weigh_by_pixels_and_nothing_is_said_in_um():
    large = evaluate_pair(row(1, 1, 1, 1, 1, 1), row(1, 1, 1, 1, 1, 1), mpp=None)
    small = evaluate_pair(row(0, 1, 1, 0, 0, 0), row(0, 0, 1, 1, 0, 0), mpp=2.0)  # Dice ½, 1 px apart
    assert (large.object_hausdorff_um, small.object_hausdorff_um) == (None, 2.0)
    scores = pool([large, small])
    assert scores.object_dice == pytest.approx((6 * 1 + 2 * 0.5) / 8)
    assert scores.object_hausdorff_px == pytest.approx((6 * 0 + 2 * 1) / 8)
    assert scores.object_hausdorff_um is None
    assert not [name for name in scores.as_dict() if "_um" in name]
    assert "mpp" not in large.as_dict()
    assert not [name for name in large.as_dict() if "_um" in name]


def test_images_of_different_resolution_weigh_by_true_area():
    fine = evaluate_pair(row(1, 1, 1, 1, 0), row(0, 1, 1, 1, 1), mpp=0.25)  # 4 px = 0.25 µm²; 1 px = 0.25 µm
    coarse = evaluate_pair(row(1, 0, 0), row(0, 1, 0), mpp=1.0)  # 1 px = 1 µm²; 1 px = 1 µm; Dice 0
    scores = pool([fine, coarse])
    assert scores.object_hausdorff_um == pytest.approx((0.25 * 0.25 + 1 * 1) / 1.25)
    assert scores.object_hausdorff_px == 1.0
    assert scores.object_dice == pytest.approx(0.25 * 0.75 / 1.25)


def test_an_image_without_predictions_counts_with_zero_dice_and_its_diagonal():
    found = evaluate_pair(np.eye(2, dtype=int), np.eye(2, dtype=int), mpp=0.5)
    missed = evaluate_pair(np.zeros((3, 4), int), np.tri(3, 4, dtype=int), mpp=0.5)  # 6 px, diagonal 5
    scores = pool([found, missed])
    # Prediction side: the 2 px found. Truth side: 2 px found and 6 px missed.
    assert scores.object_dice == pytest.approx((1 + 2 / 8) / 2)
    assert scores.object_hausdorff_px == pytest.approx((0 + 6 * 5 / 8) / 2)


def test_images_without_any_gland_are_scored_not_skipped():
    empty = evaluate_pair(row(0, 0), row(0, 0), mpp=0.5)
    invented = evaluate_pair(row(0, 1), row(0, 0), mpp=0.5)
    assert pool([empty]).object_dice == 1.0
    assert pool([empty]).object_hausdorff_px == 0.0
    scores = pool([empty, invented])
    assert scores.images == 2
    assert scores.image_means["object_dice"] == 0.5
    assert scores.object_dice == 0.0
    assert scores.as_dict()["detection_false_positives"] == 1


def test_the_table_is_json_with_units_in_its_names():
    table = pool([evaluate_pair(row(0, 0), row(0, 1), mpp=0.5)]).as_dict()
    assert json.loads(json.dumps(table, allow_nan=False)) == table
    for name in ("object_hausdorff_px", "object_hausdorff_um", "object_hausdorff_um_image_mean"):
        assert name in table
    assert "object_hausdorff" not in table


def test_no_images_are_refused():
    with pytest.raises(DatasetError, match="at least one image, got none"):
        pool([])
