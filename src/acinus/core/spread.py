"""A few of many, evenly spaced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

__all__ = ["evenly_spaced"]

T = TypeVar("T")


def evenly_spaced(items: Sequence[T], most: int) -> list[T]:
    """Return at most so many items, evenly spaced, the first and the last among them; all if they are few.

    Examples
    --------
    >>> evenly_spaced("abcdefg", 3), evenly_spaced("ab", 3), evenly_spaced("", 3)
    (['a', 'd', 'g'], ['a', 'b'], [])
    """
    indices = np.linspace(0, len(items) - 1, min(len(items), most)).round().astype(int)
    return [items[index] for index in indices.tolist()]
