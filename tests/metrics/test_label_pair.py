import numpy as np
import pytest

from acinus.core.errors import AcinusError
from acinus.metrics.label_pair import LabelMapError, LabelPair, Objects


def test_a_prediction_of_another_shape_is_refused_in_one_line_with_a_remedy():
    with pytest.raises(LabelMapError) as caught:
        LabelPair.of(np.zeros((4, 6), np.int32), np.zeros((8, 12), np.int32))
    message = str(caught.value)
    assert isinstance(caught.value, AcinusError)
    assert "\n" not in message
    assert "(8, 12)" in message
    assert "(4, 6)" in message
    assert "resize" in message


def test_a_colour_image_is_no_label_map():
    with pytest.raises(LabelMapError, match=r"2-D map.*\(4, 6, 3\)"):
        LabelPair.of(np.zeros((4, 6, 3), np.uint8), np.zeros((4, 6, 3), np.uint8))


def test_a_boolean_mask_has_no_objects_yet():
    with pytest.raises(
        LabelMapError, match="prediction of integers, got bool; label its connected components"
    ):
        LabelPair.of(np.zeros((2, 2), bool), np.zeros((2, 2), int))


def test_probabilities_are_no_label_map():
    with pytest.raises(LabelMapError, match="truth of integers, got float64"):
        LabelPair.of(np.zeros((2, 2), int), np.zeros((2, 2)))


def test_negative_labels_are_refused():
    with pytest.raises(LabelMapError, match="without negative labels, got -1; set them to 0"):
        Objects.of(np.array([[0, -1]]))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64])
def test_every_integer_type_is_read(dtype):
    objects = Objects.of(np.array([[0, 9, 9], [120, 0, 9]], dtype=dtype))
    assert objects.labels.tolist() == [[0, 1, 1], [2, 0, 1]]
    assert objects.areas_px.tolist() == [3, 1]
    assert objects.labels.dtype == np.int32


def test_huge_labels_are_renumbered_without_a_table_of_their_size():
    objects = Objects.of(np.array([[0, 2**40], [2**63 + 5, 2**40]], dtype=np.uint64))
    assert objects.labels.tolist() == [[0, 1], [2, 1]]
    assert objects.areas_px.tolist() == [2, 1]


@pytest.mark.parametrize("labels", [[[7, 7], [3, 7]], [[2**40, 2**40], [3, 2**40]]])
def test_a_map_without_background_loses_no_object(labels):
    objects = Objects.of(np.array(labels))
    assert objects.labels.tolist() == [[2, 2], [1, 2]]
    assert objects.areas_px.tolist() == [1, 3]


def test_three_hundred_objects_stay_three_hundred():
    labels = np.arange(1, 301, dtype=np.uint16).reshape(15, 20)
    pair = LabelPair.of(labels, labels)
    assert len(pair.prediction) == 300
    assert list(pair.overlaps) == [(n, n, 1) for n in range(1, 301)]


def test_background_is_never_an_overlap():
    pair = LabelPair.of(np.array([[0, 4, 4, 4]]), np.array([[9, 0, 9, 9]]))
    assert list(pair.overlaps) == [(1, 1, 2)]


def test_overlaps_of_very_many_objects_are_those_of_the_dense_table():
    prediction = np.arange(1, 72 * 72 + 1).reshape(72, 72)  # 5185 × 5185 pairs: beyond direct addressing
    truth = prediction[::-1]
    pair = LabelPair.of(prediction, truth)
    expected = sorted((int(p), int(t), 1) for p, t in zip(prediction.flat, truth.flat, strict=True))
    assert list(pair.overlaps) == expected


def test_a_map_of_no_pixels_has_no_objects():
    pair = LabelPair.of(np.zeros((0, 5), int), np.zeros((0, 5), int))
    assert (len(pair.prediction), len(pair.truth), list(pair.overlaps)) == (0, 0, [])
