import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from acinus.metrics import LabelPair
from acinus.metrics.gland_errors import gland_errors

SMALL_MAPS = arrays(np.int32, (7, 8), elements=st.integers(0, 4))


def squares(*places: tuple[int, int, int]) -> np.ndarray:
    """A map of 40 × 60 px with squares of 10 px, each at (row, column) with its number."""
    labels = np.zeros((40, 60), np.int32)
    for row, column, number in places:
        labels[row : row + 10, column : column + 10] = number
    return labels


def errors_of(prediction: np.ndarray, truth: np.ndarray) -> dict[str, list[int]]:
    return {name: getattr(found, name).tolist() for found in [gland_errors(LabelPair.of(prediction, truth))]
            for name in ("missed", "merged", "false", "fragments")}  # fmt: skip


def test_a_perfect_prediction_has_no_error():
    truth = squares((0, 0, 1), (0, 20, 2))
    assert errors_of(truth, truth) == {"missed": [], "merged": [], "false": [], "fragments": []}


def test_a_bridge_between_two_glands_merges_the_smaller_one():
    truth = squares((0, 0, 1), (0, 12, 2))
    truth[0:10, 12] = 0  # the second is 9 px wide
    prediction = np.zeros_like(truth)
    prediction[0:10, 0:22] = 1
    assert errors_of(prediction, truth)["merged"] == [2]


def test_of_three_merged_glands_two_are_swallowed():
    truth = squares((0, 0, 1), (0, 11, 2), (0, 22, 3))
    truth[10, 0:10] = 1  # the first is the largest
    prediction = np.zeros_like(truth)
    prediction[0:11, 0:32] = 9
    assert errors_of(prediction, truth)["merged"] == [2, 3]


def test_a_gland_in_three_pieces_has_three_fragments():
    truth = squares((0, 0, 1))
    prediction = np.zeros_like(truth)
    for number, rows in enumerate(((0, 3), (3, 6), (6, 10)), start=1):
        prediction[rows[0] : rows[1], 0:10] = number
    found = errors_of(prediction, truth)
    assert found["fragments"] == [1, 2, 3]
    assert found["missed"] == []  # together they cover it


def test_half_a_gland_is_no_fragment_and_less_is():
    truth = squares((0, 0, 1))
    half = np.where(np.arange(40)[:, None] < 5, truth, 0)
    assert errors_of(half, truth) == {"missed": [], "merged": [], "false": [], "fragments": []}
    less = np.where(np.arange(40)[:, None] < 4, truth, 0)
    assert errors_of(less, truth) == {"missed": [1], "merged": [], "false": [], "fragments": [1]}


def test_a_prediction_beside_all_glands_is_false_and_no_fragment():
    truth = squares((0, 0, 1))
    prediction = squares((0, 6, 1))  # 40 of 100 px on the gland
    found = errors_of(prediction, truth)
    assert found["false"] == [1]
    assert found["fragments"] == []
    assert found["missed"] == [1]


def test_empty_maps_have_errors_of_one_kind_alone():
    truth, nothing = squares((0, 0, 1), (20, 20, 2)), np.zeros((40, 60), np.int32)
    assert errors_of(nothing, truth)["missed"] == [1, 2]
    assert errors_of(truth, nothing)["false"] == [1, 2]
    assert errors_of(nothing, nothing) == {"missed": [], "merged": [], "false": [], "fragments": []}


def naive(prediction: np.ndarray, truth: np.ndarray) -> dict[str, int]:
    """Count by the definitions, gland by gland; ties go to the smaller partner, then to the lower number."""

    def best(own: np.ndarray, other: np.ndarray) -> dict[int, int]:
        found = {}
        for number in np.unique(own[own > 0]):
            shared = {
                o: int(((own == number) & (other == o)).sum()) for o in np.unique(other[own == number]) if o
            }
            if shared:
                found[number] = min(shared, key=lambda o: (-shared[o], int((other == o).sum()), o))
        return found

    main, cover = best(prediction, truth), best(truth, prediction)
    counts = dict.fromkeys(("missed", "merged", "false", "fragments"), 0)
    for number in np.unique(truth[truth > 0]):
        gland = truth == number
        if 2 * (gland & (prediction > 0)).sum() < gland.sum():
            counts["missed"] += 1
        elif number in cover:
            over = prediction == cover[number]
            counts["merged"] += bool(2 * (gland & over).sum() > gland.sum() and main[cover[number]] != number)
    for number in np.unique(prediction[prediction > 0]):
        part = prediction == number
        if 2 * (part & (truth > 0)).sum() < part.sum():
            counts["false"] += 1
        elif number in main:
            gland = truth == main[number]
            counts["fragments"] += bool(2 * (part & gland).sum() < gland.sum())
    return counts


@settings(max_examples=80, deadline=None)
@given(SMALL_MAPS, SMALL_MAPS)
def test_counts_are_those_of_the_definitions(prediction: np.ndarray, truth: np.ndarray):
    found = errors_of(prediction, truth)
    assert {name: len(numbers) for name, numbers in found.items()} == naive(prediction, truth)


@settings(max_examples=40, deadline=None)
@given(SMALL_MAPS, SMALL_MAPS, st.permutations([1, 2, 3, 4]))
def test_the_numbers_of_glands_do_not_matter_but_for_ties(
    prediction: np.ndarray, truth: np.ndarray, order: list[int]
):
    """Numbers decide between partners of equal share and area alone; without such ties nothing changes."""
    renumbered = np.array([0, *order])[prediction]
    before, after = errors_of(prediction, truth), errors_of(renumbered, truth)
    assert len(before["missed"]) == len(after["missed"])
    assert len(before["false"]) == len(after["false"])
