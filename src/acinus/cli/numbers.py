"""Numbers of the command line that are read more strictly than Cyclopts does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter

__all__ = ["GlandSize", "Whole"]


def _whole(kind: Any, tokens: Sequence[Any]) -> int:
    """Read a whole number; Cyclopts would round 1.5."""
    del kind
    text = str(tokens[0].value)
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a whole number") from None


Whole = Annotated[int, Parameter(converter=_whole)]
"""A whole number: ``--seed 1.5`` is refused."""


def _range(kind: Any, tokens: Sequence[Any]) -> tuple[float, float]:
    """Read two numbers with a colon between them."""
    del kind
    text = str(tokens[0].value)
    try:
        smallest, largest = map(float, text.split(":"))
    except ValueError:
        raise ValueError(
            f"{text!r} is not two diameters in µm with a colon between, such as 40:1500"
        ) from None
    return smallest, largest


GlandSize = Annotated[
    tuple[float, float], Parameter(converter=_range, n_tokens=1, negative="", metavar="LEAST:MOST")
]
"""A range of diameters in µm: ``--gland-size 40:1500``."""
