"""What a setting may be, in words and in values, at each limit and just beyond it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from acinus.core.limits import (
    BelowOne,
    ClusterCount,
    Count,
    Counts,
    Flag,
    Length,
    Limits,
    Mpp,
    Name,
    Number,
    OddCount,
    Positive,
    Share,
    SomeArea,
    Switch,
    expected,
)


def taken(hint: Any, value: Any) -> Any:
    return TypeAdapter(hint).validate_python(value)


def is_taken(hint: Any, value: Any) -> bool:
    try:
        taken(hint, value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (Share, "a number from 0 to 1"),
        (BelowOne, "a number of at least 0 and below 1"),
        (Positive, "a number above 0"),
        (Length, "a number of at least 0"),
        (Number, "a number"),
        (Mpp, "a number from 0.1 to 4"),
        (Count, "a whole number of at least 1"),
        (ClusterCount, "a whole number from 1 to 256"),
        (OddCount, "an odd whole number of at least 1"),
        (Flag, "true or false"),
        (Name, "a text"),
        (Counts, "a list of one or more whole numbers of at least 1"),
        (Annotated[tuple[Share, ...], Limits()], "a list of numbers from 0 to 1"),
        (Annotated[tuple[Positive, ...], Limits(least=3, most=3)], "a list of 3 numbers above 0"),
        (Annotated[tuple[Count, ...], Limits(most=2)], "a list of 0 to 2 whole numbers of at least 1"),
        (Annotated[tuple[OddCount, ...], Limits()], "a list of odd whole numbers of at least 1"),
        (Annotated[float, Limits(gt=0.0, le=1.0)], "a number above 0 and of at most 1"),
        (Annotated[Literal[18, 34], Limits()], "one of 18, 34"),
        (Literal["a", "b"], "one of a, b"),
    ],
)
def test_limits_are_said_in_words(hint: Any, words: str):
    assert expected(hint) == words


def test_a_refusal_uses_the_same_words():
    for hint in (Share, Counts, Flag, Name, OddCount):
        with pytest.raises(ValidationError, match=f"expected {expected(hint)} "):
            taken(hint, None)


@pytest.mark.parametrize(
    ("hint", "inside", "outside"),
    [
        (Share, (0, 0.0, 1, 1.0, 0.5), (-1e-9, 1.0000001, 2)),
        (BelowOne, (0.0, 0.999), (1.0, 1, -0.1)),
        (Positive, (1e-12, 5), (0, 0.0, -1)),
        (SomeArea, (0.1,), (0.0,)),
        (Length, (0, 0.0, 1e9), (-1e-9,)),
        (Mpp, (0.1, 4, 0.5), (0.099, 4.001)),
        (Count, (1, 10**9), (0, -1)),
        (ClusterCount, (1, 256), (0, 257)),
        (OddCount, (1, 13), (0, 2, -1)),
        (Counts, ((1,), [1, 2]), ((), (1, 0), (True,), (1.0,), "12", 3, None)),
        (Name, ("x", "µ"), ("", None, 3, b"x")),
        (Flag, (True, False), (0, 1, "true", None)),
        (Annotated[Literal[18, 34], Limits()], (18, 34), (19, "18", None)),
    ],
)
def test_a_limit_itself_is_inside_or_outside_as_it_says(hint: Any, inside: Any, outside: Any):
    assert all(is_taken(hint, value) for value in inside)
    assert not any(is_taken(hint, value) for value in outside)


@pytest.mark.parametrize("hint", [Share, Positive, Length, Number, Mpp, Count, OddCount])
@pytest.mark.parametrize("value", ["1", True, None, [], {}, float("nan"), float("inf"), 1 + 0j, b"1"])
def test_no_number_is_made_of_anything_else(hint: Any, value: object):
    assert not is_taken(hint, value)


@pytest.mark.parametrize("value", [np.int64(1), np.uint8(1), np.int32(1)])
def test_whole_numbers_of_numpy_become_python_s(value: Any):
    assert type(taken(Count, value)) is int
    assert type(taken(Share, value)) is float


def test_real_numbers_of_numpy_are_no_counts():
    assert type(taken(Share, np.float32(0.5))) is float
    assert not is_taken(Count, np.float64(1.0))
    assert not is_taken(Share, np.bool_(True))


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(-9, 9), st.floats(0, 9))
def test_a_number_is_taken_exactly_within_its_limits(value: float, low: float, width: float):
    high = low + width
    assert is_taken(Annotated[float, Limits(ge=low, le=high)], value) == (low <= value <= high)
    assert is_taken(Annotated[float, Limits(gt=low)], value) == (value > low)


def test_a_switch_is_off_when_false_or_none_and_never_on_when_true():
    hint = Annotated[Share | None, Switch]
    assert taken(hint, False) is None
    assert taken(hint, None) is None
    assert taken(hint, 0.0) == 0.0
    assert not is_taken(hint, True)
    assert expected(hint) == "a number from 0 to 1 or false"


def test_the_schema_for_editors_has_the_same_limits():
    assert TypeAdapter(Share).json_schema() == {"type": "number", "minimum": 0.0, "maximum": 1.0}
    assert TypeAdapter(Positive).json_schema() == {"type": "number", "exclusiveMinimum": 0.0}
    odd = TypeAdapter(OddCount).json_schema()
    assert odd == {"type": "integer", "minimum": 1, "not": {"multipleOf": 2}}
    counts = TypeAdapter(Counts).json_schema()
    assert counts == {"type": "array", "items": {"type": "integer", "minimum": 1}, "minItems": 1}
