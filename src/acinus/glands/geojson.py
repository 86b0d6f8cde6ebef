"""GeoJSON that QuPath opens by drag and drop: one feature per gland, streamed, whole or not at all."""

from __future__ import annotations

import gzip
import math
import uuid
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson
import shapely

from acinus.core.files import atomic_path
from acinus.glands.columns import COLUMNS, Glands
from acinus.glands.polygons import Outline

__all__ = ["gland_id", "write_geojson"]

_GRID_PX = 0.01  # coordinates are rounded to this; finer adds nothing and doubles the file
_GREEN = (60, 160, 60)
_GZIP_LEVEL = 6  # the last 2 % that 9 would save take three times as long
_SHOWN = tuple(column for column in COLUMNS if column.kind != "identity")


def write_geojson(
    path: Path,
    outlines: Iterable[tuple[int, Outline]],
    *,
    name: str,
    glands: Glands | None = None,
    scale: float = 1.0,
    offset: tuple[float, float] = (0.0, 0.0),
    object_type: Literal["detection", "annotation"] = "detection",
    class_name: str = "Gland",
    color: tuple[int, int, int] = _GREEN,
    locked: bool = False,
) -> int:
    """Write outlines as a FeatureCollection in level-0 pixels and return how many were written.

    Parameters
    ----------
    path : Path
        ``.geojson``, or ``.geojson.gz`` to compress.
    outlines : iterable of (label, Polygon or MultiPolygon)
        In pixels of the label map, as `gland_polygons` yields them; read one at a time.
    name : str
        Name of the image. Together with the label it makes the feature's id, so a second run writes the same
        ids.
    glands : Glands, optional
        Measurements to attach by label; numbers that are not finite are left out.
    scale : float
        Level-0 pixels per pixel of the label map.
    offset : (float, float)
        Level-0 x, y of the label map's corner: level-0 = xy × scale + offset.
    object_type : {"detection", "annotation"}
        Detections are light (thousands are fine); annotations can be edited by hand.
    class_name, color : str and (int, int, int)
        QuPath's classification and its colour (red, green, blue).
    locked : bool
        Whether QuPath guards the objects against being moved.

    Raises
    ------
    OutputError
        When the file cannot be written; nothing is left behind then.
    """
    row_of = {} if glands is None else {int(label): row for row, label in enumerate(glands["label"])}
    properties = {
        "objectType": object_type,
        "classification": {"name": class_name, "color": list(color)},
        "isLocked": locked,
    }
    count = 0
    with atomic_path(path) as temporary, ExitStack() as stack:
        file = stack.enter_context(temporary.open("wb"))
        # No name and no time in the gzip header: the same glands make the same bytes.
        stream: Any = (
            stack.enter_context(gzip.GzipFile("", "wb", compresslevel=_GZIP_LEVEL, fileobj=file, mtime=0))
            if path.suffix == ".gz"
            else file
        )
        stream.write(b'{"type":"FeatureCollection","features":[')
        for label, outline in outlines:
            measured = {}
            if glands is not None and label in row_of:
                measured = _measurements(glands, row_of[label])
            feature = {
                "type": "Feature",
                "id": gland_id(name, label),
                "geometry": _geometry(outline, scale=scale, offset=offset),
                "properties": properties | {"name": f"{class_name} {label}", "measurements": measured},
            }
            stream.write((b",\n" if count else b"\n") + orjson.dumps(feature))
            count += 1
        stream.write(b"\n]}\n")
    return count


def gland_id(name: str, label: int) -> str:
    """Return the UUID of a gland: version 5 over the image's name and the label, the same in every run.

    Examples
    --------
    >>> gland_id("slide", 1) == gland_id("slide", 1) != gland_id("slide", 2)
    True
    """
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"acinus:{name}:{label}"))


def _geometry(outline: Outline, *, scale: float, offset: tuple[float, float]) -> dict[str, Any]:
    """Return the GeoJSON geometry, rounded yet valid, outer rings counter-clockwise (RFC 7946)."""
    moved = shapely.transform(outline, lambda xy: xy * scale + np.asarray(offset))
    rounded = shapely.set_precision(moved, _GRID_PX)
    if rounded.is_empty:
        rounded = moved
    geometry: dict[str, Any] = orjson.loads(shapely.to_geojson(shapely.orient_polygons(rounded)))
    return geometry


def _measurements(glands: Glands, row: int) -> dict[str, float]:
    """Return QuPath's name and number of every finite statistic of one gland."""
    values = {column.qupath: float(glands[column.name][row]) for column in _SHOWN}
    return {name: value for name, value in values.items() if math.isfinite(value)}
