"""A table of patients or slides as hospitals export it: CSV with commas, semicolons or tabs."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from acinus.core.errors import InputError, UsageError

__all__ = ["ClinicalTable", "read_clinical"]

_MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "unknown", "."})


@dataclass(frozen=True)
class ClinicalTable:
    """Texts by column; a value that is missing is None.

    Attributes
    ----------
    path : Path
        Where it was read, for messages.
    columns : dict of str to tuple of (str or None)
        All of one length; blanks around names and values are taken off.
    """

    path: Path
    columns: dict[str, tuple[str | None, ...]]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(next(iter(self.columns.values())))

    def column(self, name: str, *, option: str) -> tuple[str | None, ...]:
        """Return one column, whatever its capitals.

        Parameters
        ----------
        name : str
        option : str
            The option that named it, for the message.

        Raises
        ------
        UsageError
            When there is no such column.
        """
        wanted = name.strip()
        for same in (wanted, *(each for each in self.columns if each.lower() == wanted.lower())):
            if same in self.columns:
                return self.columns[same]
        raise UsageError(
            f"{option} {name}: {self.path.name} has no column of that name; it has {', '.join(self.columns)}"
        )


def read_clinical(path: Path) -> ClinicalTable:
    r"""Read a clinical table; the separator is that of ``, ; tab`` which the heading has most of.

    Raises
    ------
    InputError
        When it cannot be read, has no rows, two columns of one name, or a row of another length.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "patients.csv"
    >>> _ = path.write_text("slide; grade\na.svs; 2\nb.svs; NA\n")
    >>> read_clinical(path).columns
    {'slide': ('a.svs', 'b.svs'), 'grade': ('2', None)}
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}); give a CSV file in UTF-8") from error
    heading = text.partition("\n")[0]
    separator = max(",;\t", key=heading.count)
    rows = [row for row in csv.reader(text.splitlines(), delimiter=separator) if any(map(str.strip, row))]
    if len(rows) < 2:
        raise InputError(f"{path} has no rows; expected a heading and one row per slide or patient")
    names = [name.strip() for name in rows[0]]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{path} has two columns named {twice[0]!r}; rename one")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(names):
            raise InputError(f"{path}: row {number} has {len(row)} of {len(names)} fields; complete it")
    return ClinicalTable(
        path, {name: tuple(_value(row[i]) for row in rows[1:]) for i, name in enumerate(names) if name}
    )


def numbers(values: Sequence[str | None]) -> list[float | None] | None:
    """Return the numbers that texts are, None for missing ones; None if any is no number."""
    found: list[float | None] = []
    for value in values:
        try:
            found.append(None if value is None else float(value))
        except ValueError:
            return None
    return found


def _value(text: str) -> str | None:
    text = text.strip()
    return None if text.lower() in _MISSING else text
