from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acinus.core.errors import InputError
from acinus.glands.roc import auc

IMAGES = st.lists(st.tuples(st.sampled_from([0.0, 1.0, 2.5, 7.0]), st.booleans()), min_size=1, max_size=12)


def by_pairs(images: list[tuple[float, bool]]) -> float:
    """Return the share of pairs that the malignant image wins, counted one by one."""
    malignant = [value for value, is_malignant in images if is_malignant]
    benign = [value for value, is_malignant in images if not is_malignant]
    won = [1.0 if one > other else 0.5 if one == other else 0.0 for one in malignant for other in benign]
    return sum(won) / len(won) if won else math.nan


@given(images=IMAGES)
def test_it_is_the_share_of_pairs_won(images: list[tuple[float, bool]]) -> None:
    values, groups = zip(*images, strict=True)
    assert auc(values, groups) == pytest.approx(by_pairs(images), nan_ok=True)


@given(images=IMAGES)
def test_a_growing_function_of_the_statistic_changes_nothing_a_falling_one_turns_it_round(
    images: list[tuple[float, bool]],
) -> None:
    values, groups = (np.asarray(part) for part in zip(*images, strict=True))
    found = auc(values, groups)
    assert auc(np.exp(values) + 3.0, groups) == pytest.approx(found, nan_ok=True)
    assert auc(-values, groups) == pytest.approx(1.0 - found, nan_ok=True)
    assert auc(values, ~groups) == pytest.approx(1.0 - found, nan_ok=True)


def test_groups_apart_give_one_and_groups_alike_a_half() -> None:
    assert auc([1, 2, 3, 4], [False, False, True, True]) == 1.0
    assert auc([4, 3, 2, 1], [False, False, True, True]) == 0.0
    assert auc([5, 5, 5, 5], [False, True, False, True]) == 0.5


def test_images_without_the_statistic_are_left_out() -> None:
    assert auc([1.0, math.nan, 2.0, math.inf], [False, True, True, False]) == 1.0


@pytest.mark.parametrize("groups", [[True, True], [False, False]])
def test_one_group_alone_says_nothing(groups: list[bool]) -> None:
    assert math.isnan(auc([1.0, 2.0], groups))
    assert math.isnan(auc([], []))


@pytest.mark.parametrize(("values", "groups"), [([1.0], [True, False]), ([[1.0]], [[True]])])
def test_values_without_a_grade_each_are_an_error(values: list[object], groups: list[object]) -> None:
    with pytest.raises(InputError, match="one grade per value"):
        auc(values, groups)
