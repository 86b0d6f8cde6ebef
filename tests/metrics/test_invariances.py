"""What must not change a score: numbering, orientation, margins; and what exchanging the maps changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from acinus.metrics import evaluate_pair

maps = arrays(np.int32, (7, 9), elements=st.sampled_from([0, 0, 0, 1, 2, 3, 4]))
NOT_OF_OBJECTS = ("background_iou", "pixel_accuracy", "miou_label_free", "miou_oracle")
"""Metrics that count background pixels and so change with a margin."""


def scores(prediction: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    table = evaluate_pair(prediction, truth, mpp=0.5).as_dict()
    return {name: value for name, value in table.items() if not isinstance(value, str)}


@given(maps, maps, st.permutations(range(1, 5)), st.permutations(range(1, 5)), st.integers(1, 900))
def test_numbering_the_objects_otherwise_changes_nothing(prediction, truth, order, other_order, gap):
    renumber = np.array([0, *(gap * n for n in order)])
    other_renumber = np.array([0, *(gap + n for n in other_order)])
    assert scores(renumber[prediction], other_renumber[truth]) == pytest.approx(scores(prediction, truth))


@given(maps, maps, st.integers(0, 3), st.booleans())
def test_turning_and_mirroring_both_maps_changes_nothing(prediction, truth, quarters, mirrored):
    def moved(labels):
        return np.rot90(labels[:, ::-1] if mirrored else labels, quarters)

    assert scores(moved(prediction), moved(truth)) == pytest.approx(scores(prediction, truth))


@given(maps, maps, st.tuples(st.integers(0, 70), st.integers(0, 70)))
def test_a_margin_of_background_changes_no_object_score(prediction, truth, margin):
    assume(prediction.any() == truth.any())  # an empty map against glands scores the diagonal, which grows
    before = scores(prediction, truth)
    after = scores(np.pad(prediction, margin), np.pad(truth, margin))
    for name in NOT_OF_OBJECTS:
        del before[name], after[name]
    assert after == pytest.approx(before)


@given(maps, maps)
def test_exchanging_the_maps_exchanges_precision_and_recall_and_keeps_what_is_symmetric(prediction, truth):
    there, back = scores(prediction, truth), scores(truth, prediction)
    assert there["pixel_precision"] == back["pixel_recall"]
    for name in ("miou_label_free", "pixel_dice", "object_dice", "object_hausdorff_px", "f1_iou50"):
        assert there[name] == pytest.approx(back[name])
    assert there["panoptic_quality"] == pytest.approx(back["panoptic_quality"])


@given(maps)
def test_a_map_against_itself_is_perfect(labels):
    table = scores(labels, labels)
    assert table["object_hausdorff_px"] == 0.0
    for name in ("miou_label_free", "detection_f1", "object_dice", "panoptic_quality"):
        assert table[name] == 1.0


@given(maps, maps, st.integers(2, 4))
def test_enlarging_both_maps_keeps_all_but_the_distances(prediction, truth, factor):
    def enlarged(labels):
        return labels.repeat(factor, axis=0).repeat(factor, axis=1)

    before, after = scores(prediction, truth), scores(enlarged(prediction), enlarged(truth))
    for table in (before, after):
        del table["object_hausdorff_px"], table["object_hausdorff_um"]
    assert after == pytest.approx(before)


@given(maps, maps)
def test_every_share_lies_between_zero_and_one_and_every_distance_within_the_image(prediction, truth):
    table = scores(prediction, truth)
    rounding = 1e-9
    assert 0 <= table.pop("object_hausdorff_px") <= np.hypot(7, 9) + rounding
    assert 0 <= table.pop("object_hausdorff_um") <= np.hypot(7, 9) / 2 + rounding
    assert all(0 <= value <= 1 + rounding for value in table.values())
