"""What patients are compared by: two groups, several, ordered grades, a number, or survival.

Every outcome says of any two units whether one of them is worse off (`Outcome.worse`), which is all that the
concordance needs; beside that it has an effect size and a rank test of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from acinus.cohorts.clinical import numbers
from acinus.core.errors import UsageError
from acinus.core.naming import natural_key

__all__ = ["Groups", "Numbers", "OrderedGroups", "Outcome", "Survival", "TwoGroups", "read_outcome"]

Values = NDArray[np.float64]

_MOST_GRADES = 10  # whole numbers of so few values are grades (ours)


@dataclass(frozen=True)
class Outcome:
    """One value per unit, a unit being a patient or an image.

    Attributes
    ----------
    name : str
        As the table's column is called.
    values : ndarray of shape (N,), float64
        Number of the group, rank of the grade, the number itself, or the time of survival.
    """

    name: str
    values: Values

    @property
    def title(self) -> str:
        """What is compared by, for reading."""
        return self.name

    def __len__(self) -> int:
        """Return the number of units."""
        return len(self.values)

    def select(self, rows: NDArray[np.intp]) -> Self:
        """Return the outcome of these units."""
        return replace(self, values=self.values[rows])

    def worse(self) -> NDArray[np.bool_]:
        """Return (N, N): whether unit i is known to be worse off than unit j."""
        return np.asarray(self.values[:, None] > self.values[None, :])

    def strata(self) -> list[NDArray[np.intp]]:
        """Return the units within which a bootstrap resamples, so that every resample has every group."""
        return [np.arange(len(self))]


@dataclass(frozen=True)
class _Grouped(Outcome):
    """Units in named groups; `values` are their numbers.

    Attributes
    ----------
    groups : tuple of str
    """

    groups: tuple[str, ...]

    def rows_of(self, group: int) -> NDArray[np.intp]:
        """Return the units of a group."""
        return np.flatnonzero(self.values == group)

    def strata(self) -> list[NDArray[np.intp]]:
        """Return the units of each group."""
        return [rows for group in range(len(self.groups)) if len(rows := self.rows_of(group))]


class TwoGroups(_Grouped):
    """Two groups, the second being what the concordance counts as worse."""


class Groups(_Grouped):
    """Three groups or more without an order."""

    def worse(self) -> NDArray[np.bool_]:
        """Return False for all: no group is worse than another."""
        return np.zeros((len(self), len(self)), np.bool_)


class OrderedGroups(_Grouped):
    """Three groups or more in their order, such as grades, the last being worst."""


class Numbers(Outcome):
    """A number per unit."""


@dataclass(frozen=True)
class Survival(Outcome):
    """The time to an event, or to the end of observation.

    Attributes
    ----------
    events : ndarray of shape (N,), bool
        Whether the event took place; False is censored.
    """

    events: NDArray[np.bool_]

    @property
    def title(self) -> str:
        """What is compared by, for reading; the name alone is that of a time."""
        return f"survival ({self.name})"

    def select(self, rows: NDArray[np.intp]) -> Self:
        """Return the outcome of these units."""
        return replace(self, values=self.values[rows], events=self.events[rows])

    def worse(self) -> NDArray[np.bool_]:
        """Return where the event of i is known to come before that of j (Harrell et al., JAMA 247, 1982)."""
        earlier = self.values[:, None] < self.values[None, :]
        outlived = (self.values[:, None] == self.values[None, :]) & ~self.events[None, :]
        return np.asarray(self.events[:, None] & (earlier | outlived))

    def strata(self) -> list[NDArray[np.intp]]:
        """Return the units with an event, and those without."""
        return [rows for has in (True, False) if len(rows := np.flatnonzero(self.events == has))]


def read_outcome(
    name: str, texts: Sequence[str | None], *, order: Sequence[str] = ()
) -> tuple[Outcome, NDArray[np.intp]]:
    """Return the outcome that a column of a table holds, and the rows that have one.

    With an `order` it is groups in that order. Without one, two different values are two groups; texts are
    groups without an order; up to ten different whole numbers are grades; other numbers are numbers. Names of
    groups count whatever their capitals, and are spelt as they are first.

    Parameters
    ----------
    name : str
        Of the column.
    texts : sequence of (str or None)
        Its values.
    order : sequence of str
        Names of groups, the worst last; rows of other groups have no outcome.

    Raises
    ------
    UsageError
        When fewer than two values differ, more than two and each is of a row alone, or the order names a
        group that no row has.

    Examples
    --------
    >>> outcome, rows = read_outcome("grade", ["2", "1", None, "3"])
    >>> type(outcome).__name__, outcome.groups, outcome.values.tolist(), rows.tolist()
    ('OrderedGroups', ('1', '2', '3'), [1.0, 0.0, 2.0], [0, 1, 3])
    """
    spelt: dict[str, str] = {}
    for text in (*order, *(text for text in texts if text is not None)):
        spelt.setdefault(text.casefold(), text)
    texts = [None if text is None else spelt[text.casefold()] for text in texts]
    present = sorted({text for text in texts if text is not None}, key=natural_key)
    absent = [group for group in order if group not in present]
    if absent:
        there = ", ".join(present[:12])
        apart = "; give them with spaces between" if "," in absent[0] else ""
        raise UsageError(f"--order {absent[0]}: no row has that {name}; it has {there}{apart}")
    found = None if order else numbers(texts)
    if found is not None:
        distinct = sorted({value for value in found if value is not None})
        grades = len(distinct) <= _MOST_GRADES and all(value == round(value) for value in distinct)
        if len(distinct) > 2 and not grades:
            known = np.array([i for i, value in enumerate(found) if value is not None], np.intp)
            return Numbers(name, np.array([value for value in found if value is not None], np.float64)), known
        texts = [None if value is None else f"{value:g}" for value in found]
        order = [f"{value:g}" for value in distinct]
    groups = tuple(order) or tuple(present)
    if len(groups) < 2:
        raise UsageError(
            f"--by {name}: all rows have the same value, {', '.join(groups)}; nothing to compare"
        )
    rows = np.array([i for i, text in enumerate(texts) if text in groups], np.intp)
    if not order and 2 < len(groups) == len(rows):
        apart = "; write numbers without separators of thousands, as 1000" if "," in groups[0] else ""
        raise UsageError(
            f"--by {name}: {len(groups)} rows have {len(groups)} different values, {', '.join(groups[:3])}, "
            f"..., and so no groups to compare{apart}"
        )
    values = np.array([groups.index(text) for text in texts if text in groups], np.float64)
    kind = TwoGroups if len(groups) == 2 else OrderedGroups if order else Groups
    return kind(name, values, groups), rows
