"""Glands from disk: GeoJSON read line by line, so that a large file is never whole in memory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from acinus.core.errors import InputError
from acinus.core.run import checksum
from acinus.glands import COLUMNS
from acinus.glands.feature_stream import read_features
from acinus.glands.outline_builder import OutlineBuilder
from acinus.results.tables import read_table

__all__ = ["GlandsOnDisk", "read_glands"]

_CHUNK = 2000  # rows turned into arrays at once


@dataclass
class GlandsOnDisk:
    """The content of a GeoJSON file, in the order of its features.

    Attributes
    ----------
    outlines : ndarray of shape (N,), object
        Shapely Polygons and MultiPolygons in level-0 pixels.
    ids, names : list of str
        QuPath's UUID and name of each.
    measurements : dict of str to ndarray of shape (N,), float64
        By QuPath's name; NaN where a gland has none.
    digest : str
        SHA-256 of the file, by which marks know that they belong to these very outlines.
    dropped : int
        Features that are no polygon.
    origin_px : (float, float)
        Level-0 x, y of the point from which the file counts.
    """

    outlines: NDArray[Any]
    ids: list[str]
    names: list[str]
    measurements: dict[str, NDArray[np.float64]]
    digest: str
    dropped: int = 0
    origin_px: tuple[float, float] = (0.0, 0.0)


class _Columns:
    """Measurements, collected row by row and turned into columns a few thousand rows at a time."""

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []
        self._chunks: list[tuple[int, dict[str, NDArray[np.float64]]]] = []

    def add(self, row: dict[str, Any]) -> None:
        self._rows.append(row)
        if len(self._rows) == _CHUNK:
            self._flush()

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """Return the columns; NaN where a row lacks a number."""
        self._flush()
        names = dict.fromkeys(name for _, columns in self._chunks for name in columns)
        return {
            name: np.concatenate(
                [columns.get(name, np.full(count, np.nan)) for count, columns in self._chunks]
            )
            for name in names
        }

    def _flush(self) -> None:
        names = dict.fromkeys(name for row in self._rows for name in row)
        columns = {
            name: np.array([row.get(name, np.nan) for row in self._rows], np.float64) for name in names
        }
        self._chunks.append((len(self._rows), columns))
        self._rows = []


def read_glands(
    path: Path, *, table: Path | None = None, origin_px: tuple[float, float] = (0.0, 0.0)
) -> GlandsOnDisk:
    """Read outlines and their measurements.

    Parameters
    ----------
    path : Path
        ``.geojson`` or ``.geojson.gz``; a FeatureCollection in level-0 pixels from `origin_px`.
    table : Path, optional
        Table of `acinus.glands`, used when the features carry no measurements; its labels are found at the
        end of the features' names (``Gland 12``).
    origin_px : (float, float)
        Level-0 x, y of the point from which the file counts.

    Raises
    ------
    InputError
        When either file cannot be read.
    """
    names: list[str] = []
    ids: list[str] = []
    builder = OutlineBuilder()
    columns = _Columns()
    dropped = 0
    try:
        for feature in read_features(path):
            if not builder.add(feature.get("geometry")):
                dropped += 1
                continue
            properties = feature.get("properties") or {}
            names.append(str(properties.get("name") or f"Gland {len(names) + 1}"))
            ids.append(str(feature.get("id") or properties.get("id") or len(ids) + 1))
            columns.add(_by_name(properties.get("measurements")))
        outlines, measurements = builder.build(), columns.arrays()
        if origin_px != (0.0, 0.0):
            outlines = shapely.transform(outlines, lambda xy: xy + origin_px)
    except (ValueError, TypeError, AttributeError, KeyError, shapely.GEOSException) as error:
        raise InputError(f"{path.name} is no GeoJSON of outlines ({error}); segment again") from error
    if not measurements and table is not None:
        measurements = _from_table(table, names)
    return GlandsOnDisk(outlines, ids, names, measurements, checksum(path), dropped, origin_px)


def _by_name(measurements: Any) -> dict[str, Any]:
    """Return measurements as an object; older QuPath writes a list of names and values."""
    if isinstance(measurements, list):
        return {
            str(item["name"]): item["value"] for item in measurements if "name" in item and "value" in item
        }
    return measurements if isinstance(measurements, dict) else {}


def _from_table(path: Path, names: list[str]) -> dict[str, NDArray[np.float64]]:
    glands = read_table(path)
    row_of = {int(label): row for row, label in enumerate(glands["label"])}
    numbers = [re.search(r"(\d+)\s*$", name) for name in names]
    rows = [row_of.get(int(number.group(1)), -1) if number else -1 for number in numbers]
    shown = [column for column in COLUMNS if column.kind != "identity"]
    return {
        column.qupath: np.array([float(glands[column.name][row]) if row >= 0 else np.nan for row in rows])
        for column in shown
    }
