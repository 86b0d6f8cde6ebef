"""GeoJSON that QuPath opens by drag and drop: one feature per gland, streamed, whole or not at all."""

from __future__ import annotations

import gzip
import math
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
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
    classes: Mapping[int, str] | None = None,
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
    classes : mapping of int to str, optional
        The class of each label, where they differ.
    locked : bool
        Whether QuPath guards the objects against being moved.

    Raises
    ------
    OutputError
        When the file cannot be written; nothing is left behind then.
    """
    measured = {} if glands is None else {int(label): row for row, label in enumerate(glands["label"])}
    count = 0
    with atomic_path(path) as temporary, _stream(temporary, compressed=path.suffix == ".gz") as stream:
        stream.write(b'{"type":"FeatureCollection","features":[')
        for label, outline in outlines:
            row = measured.get(label)
            measurements = {} if glands is None or row is None else _measurements(glands, row)
            named = class_name if classes is None else classes[label]
            properties = {
                "objectType": object_type,
                "classification": {"name": named, "color": list(color)},
                "isLocked": locked,
            }
            feature = {
                "type": "Feature",
                "id": gland_id(name, label),
                "geometry": _geometry(outline, scale=scale, offset=offset),
                "properties": properties | {"name": f"{named} {label}", "measurements": measurements},
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


@contextmanager
def _stream(path: Path, *, compressed: bool) -> Iterator[Any]:
    """Yield a new file to write to; the same content always makes the same bytes."""
    with path.open("wb") as file:
        if compressed:  # no name and no time in the header
            with gzip.GzipFile("", "wb", compresslevel=_GZIP_LEVEL, fileobj=file, mtime=0) as stream:
                yield stream
        else:
            yield file


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
