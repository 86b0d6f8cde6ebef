"""The tables of a folder of results: all glands, and one row for each image or slide."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from acinus.core.files import atomic_path, read_json
from acinus.core.naming import natural_key

__all__ = ["SUMMARY", "summaries_in", "write_tables"]

SUMMARY = "summary"
"""The entry of ``image.json`` that becomes a row of ``summary.csv``."""


def summaries_in(out: Path) -> dict[str, dict[str, Any]]:
    """Return what sums up each image or slide whose results, of whatever run, lie in a folder, by name."""
    found = {
        folder.name: _summary(folder)
        for folder in out.iterdir()
        if not folder.name.startswith(".") and (folder / "glands.csv").is_file()
    }
    return {name: found[name] for name in sorted(found, key=natural_key) if found[name]}


def write_tables(out: Path, summaries: Mapping[str, Mapping[str, Any]]) -> None:
    """Write ``glands.csv`` and ``summary.csv`` of results; neither when there is none.

    Parameters
    ----------
    out : Path
    summaries : mapping of str to mapping
        Of `summaries_in`, in the order of the rows.
    """
    if summaries:
        _pool_glands(out, summaries)
        _pool_summaries(out, summaries)


def _pool_glands(out: Path, names: Iterable[str]) -> None:
    """Write the rows of every image behind its name; of another acinus' tables the columns that are known."""
    with _table(out / "glands.csv") as writer:
        columns: list[str] = []
        for name in names:
            with (out / name / "glands.csv").open(encoding="utf-8", newline="") as table:
                rows = csv.DictReader(table)
                if not columns:
                    columns = list(rows.fieldnames or ())
                    writer.writerow(["image", *columns])
                writer.writerows([name, *(row.get(column) or "" for column in columns)] for row in rows)


def _pool_summaries(out: Path, summaries: Mapping[str, Mapping[str, Any]]) -> None:
    """Write one row an image, an empty field where a statistic is missing."""
    columns = list(dict.fromkeys(column for summary in summaries.values() for column in summary))
    with _table(out / "summary.csv") as writer:
        writer.writerow(["image", *columns])
        for name, summary in summaries.items():
            values = (summary.get(column) for column in columns)
            writer.writerow([name, *("" if value is None else f"{value:.6g}" for value in values)])


def _summary(folder: Path) -> dict[str, Any]:
    """Return what ``image.json`` sums up; nothing where it is absent, damaged or of an earlier acinus."""
    try:
        summary = read_json(folder / "image.json").get(SUMMARY)
    except (OSError, ValueError, AttributeError):
        return {}
    return summary if isinstance(summary, dict) else {}


@contextmanager
def _table(path: Path) -> Iterator[Any]:
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        yield csv.writer(file, lineterminator="\n")
