"""Any table of texts and numbers, as CSV for people and as Parquet for programs."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from acinus.core.files import atomic_path

__all__ = ["Cell", "write_plain_table"]

Cell = str | int | float | bool | None


def write_plain_table(path: Path, columns: Mapping[str, Sequence[Cell]]) -> list[Path]:
    r"""Write a table twice, beside each other, and return both files.

    Parameters
    ----------
    path : Path
        Without a suffix.
    columns : mapping of str to sequence
        All of one length. None and NaN are missing: empty in the CSV, null in the Parquet file. Numbers
        have six digits in the CSV.

    Raises
    ------
    OutputError
        When a file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> files = write_plain_table(Path(tempfile.mkdtemp()) / "a", {"name": ["x"], "p": [0.012345678]})
    >>> files[0].read_text()
    'name,p\nx,0.0123457\n'
    """
    csv_file, parquet = path.with_name(f"{path.name}.csv"), path.with_name(f"{path.name}.parquet")
    with atomic_path(csv_file) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_text(cell) for cell in row] for row in zip(*columns.values(), strict=True))
    table = pa.table({name: pa.array(cells, from_pandas=True) for name, cells in columns.items()})
    with atomic_path(parquet) as temporary:
        pq.write_table(table, temporary)
    return [csv_file, parquet]


def _text(cell: Cell) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)
