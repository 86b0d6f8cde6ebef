"""The table of one image's glands: CSV for people, Parquet for programs, the same columns in both."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from numpy.typing import NDArray

from acinus.core.errors import InputError
from acinus.core.files import atomic_path
from acinus.core.naming import plural
from acinus.glands.columns import COLUMNS, Column, Glands
from acinus.results.files import RECORD

__all__ = ["csv_lines", "read_table", "table_problem", "write_csv", "write_parquet"]

_ROWS = 10_000  # turned into text at once


def write_csv(path: Path, glands: Glands) -> None:
    """Write one line per gland, each statistic with the digits it deserves; missing values are empty fields.

    Raises
    ------
    OutputError
        When the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "glands.csv"
    >>> write_csv(path, Glands.empty())
    >>> path.read_text().split(",")[:2]
    ['label', 'centroid_x_um']
    """
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(column.name for column in COLUMNS)
        for start in range(0, len(glands), _ROWS):  # text takes ten times the room of numbers
            part = [
                [_text(value, column) for value in glands[column.name][start : start + _ROWS].tolist()]
                for column in COLUMNS
            ]
            writer.writerows(zip(*part, strict=True))


def write_parquet(path: Path, glands: Glands) -> None:
    """Write the table at full precision; missing values are nulls, and each column carries its meaning.

    Raises
    ------
    OutputError
        When the file cannot be written.
    """
    arrays = [pa.array(glands[column.name], from_pandas=True) for column in COLUMNS]
    fields = [
        pa.field(column.name, array.type, metadata={"meaning": column.meaning})
        for column, array in zip(COLUMNS, arrays, strict=True)
    ]
    # An open file: pyarrow takes no path that is not UTF-8.
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        pq.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), file)


def read_table(path: Path) -> Glands:
    """Read a table that `write_csv` or `write_parquet` wrote, by its suffix.

    Columns that are newer than the table are NaN.

    Raises
    ------
    InputError
        When the file is neither, is damaged, or lacks columns.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise InputError(f"{path} is not a table of glands; expected a name ending in .csv or .parquet")
    lines = csv_lines(path) if path.suffix == ".csv" else []
    try:
        return Glands(_with_newer(_from_csv(*lines) if lines else _from_parquet(path)))
    except (OSError, pa.ArrowInvalid, ValueError, KeyError) as error:
        raise InputError(f"{path} cannot be read as a table of glands ({error}); measure again") from error
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def csv_lines(path: Path) -> list[list[str]]:
    """Return the fields of every line of a CSV, its heading first.

    Raises
    ------
    InputError
        When it cannot be read, has no heading or was cut: a line lacks fields, or the last one its end.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            text = file.read()
        lines = list(csv.reader(io.StringIO(text, newline="")))
        if not lines:
            raise ValueError("it is empty")
        for number, line in enumerate(lines, start=1):
            if len(line) != len(lines[0]):
                raise ValueError(f"line {number} has {len(line)} of {len(lines[0])} fields")
        if not text.endswith("\n"):
            raise ValueError(f"line {len(lines)} has no end, so that the file was cut")
    except (OSError, csv.Error, ValueError) as error:
        raise InputError(f"{path} cannot be read as a table of glands ({error}); measure again") from error
    return lines


def table_problem(path: Path, *, gland_count: int) -> str | None:
    """Return what is wrong with a CSV at first sight, None where it is whole; its values are not read.

    Parameters
    ----------
    gland_count : int
        As the record beside it has it.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        return f"{path} cannot be read ({error.strerror or error}); measure again"
    rows = content.count(b"\n") - 1
    if not content.endswith(b"\n"):
        return f"{path} was cut after {plural(max(0, rows), 'gland')} of {gland_count}; measure again"
    if rows != gland_count:
        has = plural(rows, "gland")
        return f"{path} has {has}, {RECORD} beside it has {gland_count}; one of the two was changed"
    return None


def _text(value: float, column: Column) -> str:
    """Return a value as it stands in the CSV."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value != value:  # NaN
        return ""
    return f"{value:.{column.digits}f}"


def _from_csv(names: list[str], *lines: list[str]) -> dict[str, NDArray[Any]]:
    types = {column.name: column.dtype for column in COLUMNS}
    columns: dict[str, NDArray[Any]] = {}
    for index, name in enumerate(names):
        texts = [line[index] for line in lines]
        if types.get(name) is np.bool_:
            columns[name] = np.array([text == "true" for text in texts], dtype=np.bool_)
        else:
            columns[name] = np.array([float(text) if text else np.nan for text in texts])
    return columns


def _with_newer(columns: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the columns with those that the table's acinus did not measure yet; first ones must be there."""
    count = len(next(iter(columns.values())))
    newer = [column.name for column in COLUMNS if column.since != COLUMNS[0].since]
    return {name: np.full(count, np.nan) for name in newer} | columns


def _from_parquet(path: Path) -> dict[str, NDArray[Any]]:
    with path.open("rb") as file:
        table = pq.read_table(file)
    return {name: table.column(name).to_numpy() for name in table.column_names}
