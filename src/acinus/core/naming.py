"""Names in the order in which people count."""

from __future__ import annotations

import re

__all__ = ["natural_key"]


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts names as people count: train_2 before train_10.

    Examples
    --------
    >>> sorted(["train_10", "train_2", "Train_1"], key=natural_key)
    ['Train_1', 'train_2', 'train_10']
    """
    return tuple(
        (0, int(part), "") if part.isdecimal() else (1, 0, part)
        for part in re.split(r"(\d+)", name.lower())
        if part
    )
