"""What a column is taken for, and who is known to be worse off than whom."""

from __future__ import annotations

import numpy as np
import pytest

from acinus.cohorts.outcomes import (
    Groups,
    Numbers,
    OrderedGroups,
    Survival,
    TwoGroups,
    read_outcome,
)
from acinus.core.errors import UsageError


@pytest.mark.parametrize(
    ("texts", "order", "kind", "values"),
    [
        (["malignant", "benign", None], (), TwoGroups, [1, 0]),
        (["1", "0", "1.0"], (), TwoGroups, [1, 0, 1]),
        (["c", "a", "b", "a"], (), Groups, [2, 0, 1, 0]),
        (["Low", "High", "low", "LOW"], (), TwoGroups, [1, 0, 1, 1]),
        (["LOW", "high", "low"], ("Low", "High"), TwoGroups, [0, 1, 0]),
        (["c", "a", "b"], ("b", "a", "c"), OrderedGroups, [2, 1, 0]),
        (["c", "a", "b"], ("b", "c"), TwoGroups, [1, 0]),
        (["10", "2", "3"], (), OrderedGroups, [2, 0, 1]),
        (["1.5", "2", "3"], (), Numbers, [1.5, 2, 3]),
        ([str(i) for i in range(11)], (), Numbers, list(range(11))),
    ],
)
def test_a_column_is_groups_grades_or_numbers_by_what_it_holds(texts, order, kind, values):
    outcome, rows = read_outcome("x", texts, order=order)
    assert type(outcome) is kind
    assert outcome.values.tolist() == values
    named = {text.lower() for text in order}
    wanted = [i for i, text in enumerate(texts) if text is not None and (not order or text.lower() in named)]
    assert rows.tolist() == wanted


def test_one_value_is_nothing_to_compare_and_an_order_names_what_is_there():
    with pytest.raises(UsageError, match="all rows have the same value, low"):
        read_outcome("grade", ["low", None, "low"])
    with pytest.raises(UsageError, match="--order medium: no row has that grade; it has high, low"):
        read_outcome("grade", ["low", "high"], order=("low", "medium"))
    with pytest.raises(UsageError, match="it has high, low; give them with spaces between"):
        read_outcome("grade", ["low", "high"], order=("low,high",))


def test_values_of_which_each_is_of_one_row_are_no_groups():
    said = "--by site: 3 rows have 3 different values, a, b, c, ..., and so no groups to compare$"
    with pytest.raises(UsageError, match=said):
        read_outcome("site", ["c", "a", "b"])
    with pytest.raises(UsageError, match="write numbers without separators of thousands, as 1000"):
        read_outcome("cea", ["1,000", "1,100", None, "1,200"])


def test_the_earlier_event_is_worse_and_the_censored_patient_is_known_to_outlive_only_what_came_before():
    outcome = Survival("months", np.array([2.0, 5.0, 5.0, 9.0]), np.array([True, True, False, False]))
    assert np.argwhere(outcome.worse()).tolist() == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3]]
