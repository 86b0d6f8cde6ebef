"""Numbers of the command line that are read more strictly than Cyclopts does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter

__all__ = ["Whole"]


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
