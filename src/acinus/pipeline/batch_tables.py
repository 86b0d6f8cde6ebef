"""The tables of a folder of results: all glands, and one row for each image or slide."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from acinus.core.files import atomic_path, read_json

__all__ = ["SUMMARY", "results_in", "write_tables"]

SUMMARY = "summary"
"""The entry of ``image.json`` that becomes a row of ``summary.csv``."""


def results_in(out: Path) -> set[str]:
    """Return the names of the images and slides whose results, of whatever run, lie in a folder."""
    return {
        folder.name
        for folder in out.iterdir()
        if not folder.name.startswith(".") and (folder / "glands.csv").is_file() and _summary(folder)
    }


def write_tables(out: Path, names: Sequence[str]) -> None:
    """Write ``glands.csv`` and ``summary.csv`` of results; neither when there is none.

    Parameters
    ----------
    out : Path
    names : sequence of str
        In the order of the rows, of `results_in`.
    """
    if names:
        _pool_glands(out, names)
        _pool_summaries(out, names)


def _pool_glands(out: Path, names: Sequence[str]) -> None:
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


def _pool_summaries(out: Path, names: Sequence[str]) -> None:
    """Write one row an image, an empty field where a statistic is missing."""
    summaries = [_summary(out / name) for name in names]
    columns = list(dict.fromkeys(column for summary in summaries for column in summary))
    with _table(out / "summary.csv") as writer:
        writer.writerow(["image", *columns])
        for name, summary in zip(names, summaries, strict=True):
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
