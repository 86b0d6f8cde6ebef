import numpy as np

from acinus.metrics.detection import DetectionCounts, detection_counts
from acinus.metrics.label_pair import LabelPair


def drawn(*rows: str) -> np.ndarray:
    """A label map from rows of characters: a dot is background, a digit its label."""
    return np.array([[0 if character == "." else int(character) for character in row] for row in rows])


def counts(prediction: np.ndarray, truth: np.ndarray) -> DetectionCounts:
    return detection_counts(LabelPair.of(prediction, truth))


def test_two_merged_glands_count_as_one_match():
    truth = drawn("11.22", "11.22")
    merged = drawn("11111", "11111")
    assert counts(merged, truth) == DetectionCounts(true_positive=1, false_positive=0, false_negative=1)


def test_a_gland_split_in_unequal_parts_is_matched_by_the_larger_alone():
    truth = drawn("11111")
    split = drawn("22233")
    assert counts(split, truth) == DetectionCounts(true_positive=1, false_positive=1, false_negative=0)


def test_a_gland_covered_by_exactly_half_is_not_found():
    truth = drawn("1111")
    assert counts(drawn("22.."), truth) == DetectionCounts(0, 1, 1)
    assert counts(drawn("2233"), truth) == DetectionCounts(0, 2, 1)


def test_a_gland_covered_by_one_pixel_more_than_half_is_found():
    assert counts(drawn("222."), drawn("1111")) == DetectionCounts(1, 0, 0)


def test_trap_background_pixels_do_not_vote_for_the_partner():
    truth = drawn("........", "...111..", "........")
    large = drawn("22222222", "22222222", "22222222")  # 21 of 24 pixels on background
    assert counts(large, truth) == DetectionCounts(1, 0, 0)


def test_trap_more_than_255_objects_do_not_wrap():
    labels = np.zeros((20, 40), np.uint16)
    labels[::2, ::2] = np.arange(1, 201).reshape(10, 20)
    labels[1::2, ::2] = np.arange(201, 401).reshape(10, 20)
    # As uint8, label 256 would be background and 257 would merge with 1.
    assert counts(labels, labels.astype(np.int64)) == DetectionCounts(400, 0, 0)


def test_an_object_belongs_to_the_gland_it_shares_most_pixels_with_even_if_it_covers_another():
    truth = drawn("1111111122")
    prediction = drawn("......3333")  # 2 px of gland 1, all 2 of gland 2: a tie, the smaller gland wins
    assert counts(prediction, truth) == DetectionCounts(1, 0, 1)
    prediction = drawn(".....33333")  # 3 px of gland 1 now: it belongs there and covers too little
    assert counts(prediction, truth) == DetectionCounts(0, 1, 2)


def test_disconnected_pixels_of_one_label_are_one_object():
    assert counts(drawn("1.1"), drawn("111")) == DetectionCounts(1, 0, 0)


def test_empty_prediction_misses_every_gland():
    empty = counts(drawn("...."), drawn("1.22"))
    assert empty == DetectionCounts(0, 0, 2)
    assert (empty.f1, empty.precision, empty.recall) == (0.0, 0.0, 0.0)


def test_empty_truth_makes_every_prediction_false():
    empty = counts(drawn("1.22"), drawn("...."))
    assert empty == DetectionCounts(0, 2, 0)
    assert (empty.f1, empty.precision, empty.recall) == (0.0, 0.0, 0.0)


def test_nothing_found_where_nothing_is_scores_one():
    empty = counts(drawn("...."), drawn("...."))
    assert empty == DetectionCounts()
    assert (empty.f1, empty.precision, empty.recall) == (1.0, 1.0, 1.0)


def test_f1_is_the_harmonic_mean_of_precision_and_recall():
    three = DetectionCounts(true_positive=3, false_positive=1, false_negative=3)
    assert (three.precision, three.recall, three.f1) == (0.75, 0.5, 0.6)
