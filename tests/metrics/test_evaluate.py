import json
import math

import numpy as np
import pytest

from acinus.core.errors import MppError
from acinus.metrics import DetectionCounts, ImageScores, LabelMapError, evaluate_pair, pool


def squares(*corners: tuple[int, int], side: int = 30, size: int = 6) -> np.ndarray:
    """One square gland per upper left corner."""
    labels = np.zeros((side, side), np.int32)
    for number, (row, column) in enumerate(corners, start=1):
        labels[row : row + size, column : column + size] = number
    return labels


def test_a_perfect_prediction_has_every_score_perfect():
    truth = squares((2, 2), (15, 15))
    table = evaluate_pair(truth.astype(np.uint8) * 100, truth, mpp=0.5, name="perfect").as_dict()
    assert table.pop("name") == "perfect"
    assert table.pop("mpp") == 0.5
    assert table.pop("object_hausdorff_px") == table.pop("object_hausdorff_um") == 0.0
    assert set(table.values()) == {1.0}


def test_scores_of_one_gland_moved_and_one_missed_worked_by_hand():
    truth = squares((2, 2), (15, 15))
    scores = evaluate_pair(squares((2, 4)), truth, mpp=0.5)  # the first moved by 2: 24 of 36 px shared
    assert scores.detection == DetectionCounts(1, 0, 1)
    assert scores.pixels.gland_iou == 24 / (36 + 72 - 24)
    assert scores.object_dice == pytest.approx((24 / 36 + (24 / 36 + 0) / 2) / 2)
    far = math.hypot(13, 11)  # from the second gland to the only prediction, corner to corner
    assert scores.object_hausdorff_px == pytest.approx((2 + (2 + far) / 2) / 2)
    assert scores.object_hausdorff_um == scores.object_hausdorff_px / 2
    assert scores.matches.counts == DetectionCounts(0, 1, 2)  # IoU is exactly 24 / 48


def test_an_inverted_prediction_is_bad_label_free_and_perfect_by_oracle():
    truth = squares((2, 2))
    table = evaluate_pair((truth == 0).astype(np.int32), truth, mpp=0.5).as_dict()
    assert table["miou_label_free"] == 0.0
    assert table["miou_oracle"] == 1.0


@pytest.mark.parametrize("prediction", [squares(), squares((2, 2))])
@pytest.mark.parametrize("truth", [squares(), squares((15, 15))])
def test_every_number_of_an_empty_map_is_finite_and_json(prediction, truth):
    table = evaluate_pair(prediction, truth, mpp=0.5).as_dict()
    assert json.loads(json.dumps(table, allow_nan=False)) == table


def test_units_stand_in_the_names():
    table = evaluate_pair(squares((2, 2)), squares((2, 5)), mpp=0.25).as_dict()
    assert table["object_hausdorff_px"] == 3.0
    assert table["object_hausdorff_um"] == 0.75


def test_scores_that_were_kept_as_json_pool_as_they_would_have():
    pairs = [(squares((2, 2)), squares((2, 5))), (squares((2, 2)), squares())]
    scores = [evaluate_pair(found, truth, mpp=0.5) for found, truth in pairs]
    kept = [ImageScores.from_sums(json.loads(json.dumps(image.sums_as_plain()))) for image in scores]
    assert kept == scores
    assert pool(kept) == pool(scores)


def test_a_wrong_resolution_names_the_image_and_the_remedy():
    with pytest.raises(MppError, match=r"testA_1 gives 50 µm/px.*--mpp"):
        evaluate_pair(squares(), squares(), mpp=50, name="testA_1")


def test_maps_of_different_size_are_refused():
    with pytest.raises(LabelMapError, match=r"\(30, 30\), got \(15, 15\)"):
        evaluate_pair(squares(side=15), squares(), mpp=0.5)
