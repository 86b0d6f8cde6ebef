import numpy as np
import pytest

from acinus.core.errors import MppError
from acinus.metrics.hausdorff import ObjectShape
from acinus.metrics.label_pair import LabelPair
from acinus.metrics.object_hausdorff import object_hausdorff_px, object_hausdorff_um


def hausdorff(prediction: list[list[int]], truth: list[list[int]]) -> float:
    return object_hausdorff_px(LabelPair.of(np.array(prediction), np.array(truth)))


def test_identical_maps_are_zero_apart_whatever_the_labels():
    assert hausdorff([[1, 1, 0, 2]], [[9, 9, 0, 4]]) == 0.0


def test_a_gland_moved_by_three_pixels_is_three_pixels_apart():
    truth = np.zeros((40, 40), int)
    truth[10:20, 10:20] = 1
    pair = LabelPair.of(np.roll(truth, 3, axis=1), truth)
    assert object_hausdorff_px(pair) == 3.0
    assert object_hausdorff_um(pair, mpp=0.5) == 1.5


def test_weights_are_areas_on_both_sides():
    # A (2 px) meets a (4 px): 2 px apart. B (1 px, column 9) is alone; nearest is a: max(9 − 3, 9 − 0) = 9.
    prediction = [[1, 1, 0, 0, 0, 0, 0, 0, 0, 2]]
    truth = [[1, 1, 1, 1, 0, 0, 0, 0, 0, 0]]
    assert hausdorff(prediction, truth) == pytest.approx(((2 * 2 + 1 * 9) / 3 + 2) / 2)


def test_an_unmatched_object_uses_the_nearest_by_hausdorff_not_by_gap():
    # The lone prediction at column 5 touches the long gland (gap 1, but 5 px to its far end); the dot at
    # column 8 is nearer by Hausdorff distance (3 px).
    prediction = [[0, 0, 0, 0, 0, 1, 0, 0, 0]]
    truth = [[1, 1, 1, 1, 1, 0, 0, 0, 2]]
    # Truth side: the long gland is 5 px from the only prediction, the dot 3.
    assert hausdorff(prediction, truth) == pytest.approx((3 + (5 * 5 + 1 * 3) / 6) / 2)


def test_empty_against_glands_is_the_diagonal():
    glands, nothing = [[1, 1, 0, 2], [0, 0, 0, 2], [0, 0, 0, 0]], [[0] * 4] * 3
    assert hausdorff(nothing, glands) == 5.0
    assert hausdorff(glands, nothing) == 5.0


def test_both_maps_empty_are_zero_apart():
    assert hausdorff([[0, 0]], [[0, 0]]) == 0.0


def test_an_absurd_resolution_is_refused():
    with pytest.raises(MppError, match="--mpp"):
        object_hausdorff_um(LabelPair.of(np.array([[1]]), np.array([[1]])), mpp=250.0)


def test_finding_the_nearest_object_does_not_try_them_all(monkeypatch):
    truth, prediction = np.zeros((2, 400, 400), int)
    truth[::20, ::20] = np.arange(1, 401).reshape(20, 20)
    prediction[6::20, 8::20] = np.arange(1, 401).reshape(20, 20)  # every one unmatched, 10 px from its own
    calls = []
    original = ObjectShape.hausdorff_px
    monkeypatch.setattr(ObjectShape, "hausdorff_px", lambda a, b: calls.append(1) or original(a, b))
    assert object_hausdorff_px(LabelPair.of(prediction, truth)) == pytest.approx(10.0)
    assert len(calls) < 5 * 400  # of 160,000 pairs
