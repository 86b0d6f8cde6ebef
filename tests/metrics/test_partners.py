"""Partners against a slow search over all pairs of objects, written here."""

from __future__ import annotations

import hypothesis.extra.numpy as hnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from acinus.metrics.label_pair import LabelPair
from acinus.metrics.partners import partners_of_prediction, partners_of_truth

MAPS = hnp.arrays(np.int32, (6, 7), elements=st.integers(0, 4))
Labels = NDArray[np.int32]


def by_search(own: Labels, other: Labels) -> dict[int, tuple[int, set[int]]]:
    """Return for each label the most pixels shared, and the smallest other labels that share them."""
    best = {}
    for label in np.unique(own[own > 0]):
        shared = {
            int(one): int(((own == label) & (other == one)).sum()) for one in np.unique(other[other > 0])
        }
        most = max(shared.values(), default=0)
        if most:
            tied = [one for one, px in shared.items() if px == most]
            smallest = min(int((other == one).sum()) for one in tied)
            best[int(label)] = (most, {one for one in tied if (other == one).sum() == smallest})
    return best


def as_labels(partners, own: Labels, other: Labels) -> dict[int, tuple[int, set[int]]]:
    """Return the same of what is tested; its numbers count the labels that occur from 1 upwards."""
    own_labels, other_labels = np.unique(own[own > 0]), np.unique(other[other > 0])
    found: dict[int, tuple[int, set[int]]] = {}
    for number, partner, px in zip(partners.own, partners.other, partners.shared_px, strict=True):
        _, others = found.setdefault(int(own_labels[number - 1]), (int(px), set()))
        others.add(int(other_labels[partner - 1]))
    return found


@given(prediction=MAPS, truth=MAPS)
def test_partners_are_those_of_a_search_over_all_pairs(prediction: Labels, truth: Labels) -> None:
    pair = LabelPair.of(prediction, truth)
    assert as_labels(partners_of_prediction(pair), prediction, truth) == by_search(prediction, truth)
    assert as_labels(partners_of_truth(pair), truth, prediction) == by_search(truth, prediction)


@given(prediction=MAPS, truth=MAPS)
def test_exchanging_the_maps_exchanges_the_sides(prediction: Labels, truth: Labels) -> None:
    there = partners_of_prediction(LabelPair.of(prediction, truth))
    back = partners_of_truth(LabelPair.of(truth, prediction))
    for one, other in ((there.own, back.own), (there.other, back.other), (there.shared_px, back.shared_px)):
        assert np.array_equal(one, other)


@given(prediction=MAPS, truth=MAPS)
def test_the_first_partner_is_one_for_each_object_and_shares_as_much(
    prediction: Labels, truth: Labels
) -> None:
    partners = partners_of_prediction(LabelPair.of(prediction, truth))
    first = partners.first()
    assert first.own.tolist() == sorted(set(partners.own.tolist()))
    every = set(zip(partners.own.tolist(), partners.other.tolist(), partners.shared_px.tolist(), strict=True))
    assert set(zip(first.own.tolist(), first.other.tolist(), first.shared_px.tolist(), strict=True)) <= every


def test_the_smaller_of_two_objects_with_the_same_overlap_is_the_partner() -> None:
    prediction = np.array([[1, 1, 1, 1, 0, 0]])
    truth = np.array([[5, 5, 9, 9, 5, 0]])  # both share 2 px; 5 has 3 px, 9 has 2
    partners = partners_of_prediction(LabelPair.of(prediction, truth))
    assert (partners.own.tolist(), partners.other.tolist(), partners.shared_px.tolist()) == ([1], [2], [2])


def test_objects_alike_in_overlap_and_area_are_partners_both() -> None:
    prediction = np.array([[1, 1, 1, 1]])
    truth = np.array([[5, 5, 9, 9]])
    partners = partners_of_prediction(LabelPair.of(prediction, truth))
    assert (partners.own.tolist(), partners.other.tolist()) == ([1, 1], [1, 2])
    assert partners.first().other.tolist() == [1]


def test_objects_that_touch_nothing_have_no_partner() -> None:
    apart = LabelPair.of(np.array([[1, 0, 2]]), np.array([[0, 3, 0]]))
    assert partners_of_prediction(apart).own.size == partners_of_truth(apart).own.size == 0
    empty = LabelPair.of(np.zeros((3, 3), np.int32), np.zeros((3, 3), np.int32))
    assert partners_of_prediction(empty).first().own.size == 0
