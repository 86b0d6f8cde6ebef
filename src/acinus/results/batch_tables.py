"""The tables of a batch: all glands, and one row per image or slide."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from acinus.core.errors import InputError
from acinus.core.files import atomic_path
from acinus.core.naming import natural_key
from acinus.results.files import GLANDS_CSV, SUMMARY_CSV, result_folders
from acinus.results.record import ImageRecord, read_record
from acinus.results.tables import csv_lines

__all__ = ["records_in", "write_tables"]


def records_in(out: Path) -> dict[str, ImageRecord]:
    """Return the records of all results in a folder, of whatever run, by name and in natural order.

    Results without a summary or a table, or with a damaged record, are left out.
    """
    found = {}
    for folder in sorted(result_folders(out), key=lambda folder: natural_key(folder.name)):
        try:
            record = read_record(folder)
        except InputError:
            continue
        if record.summary and (folder / GLANDS_CSV).is_file():
            found[folder.name] = record
    return found


def write_tables(out: Path, records: Mapping[str, ImageRecord]) -> list[str]:
    """Write ``glands.csv`` and ``summary.csv`` of results; neither when there is none.

    Parameters
    ----------
    out : Path
    records : mapping of str to ImageRecord
        Of `records_in`, in the order of the rows.

    Returns
    -------
    list of str
        One line for each table of glands that is damaged, whose rows are left out.
    """
    if not records:
        return []
    _write_summaries(out, records)
    return _pool_glands(out, records)


def _pool_glands(out: Path, names: Mapping[str, ImageRecord]) -> list[str]:
    """Write the rows of every image behind its name; of another acinus' tables the columns that are known."""
    problems = []
    with _table(out / GLANDS_CSV) as writer:
        columns: list[str] = []
        for name in names:
            try:
                header, *rows = csv_lines(out / name / GLANDS_CSV)
            except InputError as error:
                problems.append(f"{error}; its glands are left out of {out / GLANDS_CSV}")
                continue
            if not columns:
                columns = header
                writer.writerow(["image", *columns])
            if header == columns:
                writer.writerows([name, *row] for row in rows)
            else:
                known = (dict(zip(header, row, strict=True)) for row in rows)
                writer.writerows([name, *(row.get(column, "") for column in columns)] for row in known)
    return problems


def _write_summaries(out: Path, records: Mapping[str, ImageRecord]) -> None:
    """Write one row per image, an empty field where a statistic is missing; reasons by their short names."""
    columns = list(dict.fromkeys(column for record in records.values() for column in record.summary))
    with _table(out / SUMMARY_CSV) as writer:
        writer.writerow(["image", *columns, "artefact_area_um2", "quality", "unfamiliar"])
        for name, record in records.items():
            quality = math.nan if record.quality is None else record.quality
            left_out = math.nan if record.artefacts is None else sum(record.artefacts.values())
            values = [*(record.summary.get(column, math.nan) for column in columns), left_out, quality]
            numbers = ("" if math.isnan(value) else f"{value:.6g}" for value in values)
            writer.writerow([name, *numbers, " ".join(record.unfamiliar)])


@contextmanager
def _table(path: Path) -> Iterator[Any]:
    with (
        atomic_path(path) as temporary,
        temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        yield csv.writer(file, lineterminator="\n")
