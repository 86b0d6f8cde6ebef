from __future__ import annotations

import pytest

from acinus.metrics.ratios import ratio


@pytest.mark.parametrize("nothing_to_find", [True, False])
def test_where_there_is_something_it_is_the_quotient(nothing_to_find: bool) -> None:
    assert ratio(3, 4, nothing_to_find=nothing_to_find) == 0.75
    assert ratio(0, 4, nothing_to_find=nothing_to_find) == 0.0


def test_nothing_claimed_of_nothing_is_right_and_of_something_is_wrong() -> None:
    assert ratio(0, 0, nothing_to_find=True) == 1.0
    assert ratio(0, 0, nothing_to_find=False) == 0.0
