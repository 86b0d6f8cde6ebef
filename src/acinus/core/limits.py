"""What a setting may be: each type is declared once, for constructors, files, messages and editors alike.

A settings class (see `acinus.core.settings`) gives each of its fields one of these types, or its own
``Annotated[float, Limits(ge=0.0, le=2.0)]``. A value outside is refused with what was expected, in the same
words that stand beside the field in the commented defaults.
"""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from acinus.core.units import MPP_RANGE

__all__ = [
    "Area",
    "BelowOne",
    "ClusterCount",
    "Count",
    "Counts",
    "Flag",
    "Length",
    "Limits",
    "Mpp",
    "Name",
    "Number",
    "OddCount",
    "Positive",
    "Share",
    "SomeArea",
    "Switch",
    "Weight",
    "expected",
]


@dataclass(frozen=True)
class Limits:
    """Limits of a number, or of the length of a list; texts and flags have none, but take nothing else.

    Attributes
    ----------
    ge, gt, le, lt : float, optional
        The number is at least, above, at most, below this.
    odd : bool
        The number is odd.
    least, most : int, optional
        Fewest and most entries of a list; at least one character of a text.

    Examples
    --------
    >>> expected(Annotated[float, Limits(ge=0.0, le=1.0)])
    'a number from 0 to 1'
    >>> expected(Annotated[int, Limits(ge=1, odd=True)])
    'an odd whole number of at least 1'
    """

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    odd: bool = False
    least: int | None = None
    most: int | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return a validator that converts nothing but NumPy's numbers to Python's and lists to tuples."""
        inner: Any = dict(handler(source))
        if source in (int, float):
            inner |= {name: getattr(self, name) for name in ("ge", "gt", "le", "lt") if self._has(name)}
            if source is float:
                inner["allow_inf_nan"] = False
            inner = core_schema.no_info_before_validator_function(_of_python, inner | {"strict": True})
            if self.odd:
                inner = core_schema.no_info_after_validator_function(_odd, inner)
        elif source in (str, bool):
            inner["strict"] = True
            if self.least is not None:
                inner["min_length"] = self.least
        elif typing.get_origin(source) is tuple:
            inner |= {"min_length": self.least} if self.least is not None else {}
            inner |= {"max_length": self.most} if self.most is not None else {}
        return core_schema.custom_error_schema(
            inner,
            custom_error_type="expected",
            custom_error_message="expected {expected}",
            custom_error_context={"expected": _phrase(source, self)},
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> Any:
        """Return the JSON schema, which can say odd."""
        found = handler(schema)
        return found | {"not": {"multipleOf": 2}} if self.odd else found

    def _has(self, name: str) -> bool:
        return getattr(self, name) is not None


def expected(hint: Any) -> str:
    """Say in words what a field of this type takes.

    Examples
    --------
    >>> expected(Counts)
    'a list of one or more whole numbers of at least 1'
    >>> expected(Literal[18, 34, 50])
    'one of 18, 34, 50'
    """
    if typing.get_origin(hint) is Annotated:
        base, *marks = typing.get_args(hint)
        limits = next((mark for mark in marks if isinstance(mark, Limits)), None)
        return _phrase(base, limits) if limits else expected(base)
    if typing.get_origin(hint) is Literal:
        return f"one of {', '.join(str(choice) for choice in typing.get_args(hint))}"
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        choices = [choice for choice in typing.get_args(hint) if choice is not type(None)]
        return " or ".join([*map(expected, choices), "false"])
    return f"the settings of {getattr(hint, '__name__', hint)}"


def _phrase(base: Any, limits: Limits) -> str:
    if base is bool:
        return "true or false"
    if base is str:
        return "a text"
    if base in (int, float):
        return _number(base, limits, plural=False)
    if typing.get_origin(base) is not tuple:
        return expected(base)
    entry = typing.get_args(base)[0]
    number, inner = typing.get_args(entry)[:2]
    if limits.least is not None and limits.least == limits.most:
        count = f"{limits.least} "
    elif limits.most is not None:
        count = f"{limits.least or 0} to {limits.most} "
    else:
        count = "one or more " if limits.least else ""
    return f"a list of {count}{_number(number, inner, plural=True)}"


def _number(base: type, limits: Limits, *, plural: bool) -> str:
    words = ["odd"] if limits.odd else []
    words += ["whole"] if base is int else []
    words += ["numbers" if plural else "number"]
    text = " ".join(words)
    if not plural:
        text = f"{'an' if text[0] == 'o' else 'a'} {text}"
    if limits.ge is not None and limits.le is not None:
        return f"{text} from {limits.ge:g} to {limits.le:g}"
    ends = [f"of at least {limits.ge:g}"] if limits.ge is not None else []
    ends += [f"above {limits.gt:g}"] if limits.gt is not None else []
    ends += [f"of at most {limits.le:g}"] if limits.le is not None else []
    ends += [f"below {limits.lt:g}"] if limits.lt is not None else []
    return " ".join([text, " and ".join(ends)]).rstrip()


def _of_python(value: Any) -> Any:
    """Return a number of NumPy as Python's."""
    return value.item() if isinstance(value, np.generic) else value


def _odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError
    return value


def _none_for_false(value: Any) -> Any:
    return None if value is False else value


Flag = Annotated[bool, Limits()]
"""True or false."""

Name = Annotated[str, Limits(least=1)]
"""A text of at least one character."""

Count = Annotated[int, Limits(ge=1)]
"""A number of things, of which there is at least one."""

Counts = Annotated[tuple[Count, ...], Limits(least=1)]
"""One or more counts."""

ClusterCount = Annotated[int, Limits(ge=1, le=256)]
"""A number of clusters: their numbers are kept in 8 bits."""

OddCount = Annotated[int, Limits(ge=1, odd=True)]
"""Side of a neighbourhood that has a middle."""

Share = Annotated[float, Limits(ge=0.0, le=1.0)]
"""A share of a whole, a probability, or a score that goes from 0 to 1."""

BelowOne = Annotated[float, Limits(ge=0.0, lt=1.0)]
"""Momentum or decay of an average: with 1 nothing would ever move."""

Weight = Annotated[float, Limits(ge=0.0)]
"""A weight, strength or amount that may be none."""

Number = Annotated[float, Limits()]
"""Any finite number."""

Positive = Annotated[float, Limits(gt=0.0)]
"""A rate that must not be none."""

Length = Annotated[float, Limits(ge=0.0)]
"""A length in µm."""

Area = Annotated[float, Limits(ge=0.0)]
"""An area in µm²."""

SomeArea = Annotated[float, Limits(gt=0.0)]
"""An area in µm² of which there must be some."""

Mpp = Annotated[float, Limits(ge=MPP_RANGE[0], le=MPP_RANGE[1])]
"""µm per pixel that a light microscope can have."""

Switch = BeforeValidator(_none_for_false)
"""Marks a field that may be none: files say ``false``, since TOML has no null."""
