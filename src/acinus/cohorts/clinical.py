"""A table of patients or slides as hospitals and spreadsheets save it: CSV with commas, semicolons, tabs."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from acinus.core.errors import InputError, UsageError

__all__ = ["ClinicalTable", "read_clinical"]

_MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "unknown", "."})
_SEPARATOR = re.compile(r"sep=(.)")  # in a line before the heading, which Excel obeys
_COMMA = re.compile(r"([+-]?\d+),(\d+)")


@dataclass(frozen=True)
class ClinicalTable:
    """Texts by column; a value that is missing is None.

    Attributes
    ----------
    path : Path
        Where it was read, for messages.
    columns : dict of str to tuple of (str or None)
        All of one length; blanks around names and values are taken off, and numbers have decimal points.
    """

    path: Path
    columns: dict[str, tuple[str | None, ...]]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(next(iter(self.columns.values())))

    def column(self, name: str, *, option: str) -> tuple[str | None, ...]:
        """Return the values of a column, see `heading`."""
        return self.columns[self.heading(name, option=option)]

    def heading(self, name: str, *, option: str) -> str:
        """Return how a column is called, whatever the capitals of `name`.

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
                return same
        raise UsageError(
            f"{option} {name}: {self.path.name} has no column of that name; it has {', '.join(self.columns)}"
        )


def read_clinical(path: Path) -> ClinicalTable:
    r"""Read a clinical table; the separator is that of ``, ; tab`` which the heading has most of.

    It may be in UTF-8 or UTF-16, with ``sep=;`` in front and empty columns at its end, as Excel saves it.
    Between semicolons ``1,5`` is a number; elsewhere it is where a whole column can be read as numbers and
    not all of them have three digits behind the comma, which may be thousands.

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
    text = _text(path)
    first, _, rest = text.partition("\n")
    named = _SEPARATOR.fullmatch(first.strip('\r "'))
    if named:
        text, first = rest, rest.partition("\n")[0]
    separator = named[1] if named else max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=None), delimiter=separator)
    rows = [(reader.line_num + bool(named), row) for row in reader if any(map(str.strip, row))]
    if len(rows) < 2:
        raise InputError(f"{path} has no rows; expected a heading and one row per slide or patient")
    names = [name.strip() for name in rows[0][1]]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise InputError(f"{path} has two columns named {twice[0]!r}; rename one")
    for number, row in rows[1:]:
        if len(row) < len(names) or any(map(str.strip, row[len(names) :])):
            raise InputError(f"{path}: row {number} has {len(row)} of {len(names)} fields; complete it")
    columns = {name: [_value(row[i]) for _, row in rows[1:]] for i, name in enumerate(names) if name}
    return ClinicalTable(
        path, {name: _with_points(values, sure=separator == ";") for name, values in columns.items()}
    )


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error}); give a CSV file") from error
    if content.startswith(b"PK"):
        raise InputError(f"{path} is a workbook, not a table; save its sheet as CSV")
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f'{path} is not in UTF-8; save it anew, in Excel as "CSV UTF-8"') from error


def _with_points(values: Sequence[str | None], *, sure: bool) -> tuple[str | None, ...]:
    """Return values with decimal points for commas."""
    digits = [len(found[2]) for value in values if value and (found := _COMMA.fullmatch(value))]
    if not digits or not (sure or any(count != 3 for count in digits)):
        return tuple(values)
    pointed = [None if value is None else _COMMA.sub(r"\1.\2", value) for value in values]
    return tuple(values if numbers(pointed) is None else pointed)


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
