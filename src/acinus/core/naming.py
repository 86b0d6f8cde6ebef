"""Names and numbers as people read them: natural order, and nouns that agree with their count."""

from __future__ import annotations

import re

__all__ = ["natural_key", "plural"]


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


def plural(count: int, one: str, several: str | None = None, *, shown: str | None = None) -> str:
    """Return a count with its noun.

    Parameters
    ----------
    one, several : str
        The noun for one and for any other count; by default the plural ends in s.
    shown : str, optional
        The count as it is to be written.

    Examples
    --------
    >>> plural(1, "gland"), plural(3, "gland"), plural(0, "gland is", "glands are")
    ('1 gland', '3 glands', '0 glands are')
    """
    return f"{count if shown is None else shown} {one if count == 1 else several or one + 's'}"
