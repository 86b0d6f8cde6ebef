"""What a ratio of counts is when there is nothing to count, decided once for every metric."""

from __future__ import annotations

__all__ = ["ratio"]


def ratio(part: float, whole: float, *, nothing_to_find: bool) -> float:
    """Return part / whole; for 0 / 0, 1 where there was nothing to find and nothing was claimed, else 0.

    Examples
    --------
    >>> ratio(1, 4, nothing_to_find=False)
    0.25
    >>> ratio(0, 0, nothing_to_find=True), ratio(0, 0, nothing_to_find=False)
    (1.0, 0.0)
    """
    if whole:
        return float(part / whole)
    return 1.0 if nothing_to_find else 0.0
