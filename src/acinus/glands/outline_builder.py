"""GeoJSON coordinates to shapely geometries, all at once: one by one takes ten times as long."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

__all__ = ["OutlineBuilder"]

_FEWEST_POINTS = 3


class OutlineBuilder:
    """Gathers geometries as they are read, each at once as arrays of numbers, and builds them in the end.

    Examples
    --------
    >>> builder = OutlineBuilder()
    >>> square = [[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]
    >>> builder.add({"type": "Polygon", "coordinates": [square]}), builder.add({"type": "Point"})
    (True, False)
    >>> shapely.area(builder.build()).tolist()
    [16.0]
    """

    def __init__(self) -> None:
        self._rings: list[NDArray[np.float64]] = []
        self._part_of_ring: list[int] = []
        self._outline_of_part: list[int] = []
        self._count = 0

    def add(self, geometry: Any) -> bool:
        """Take a GeoJSON geometry; False, and not taken, when it is no polygon with an area.

        Of several parts those without an area are left out, and so are holes without one.

        Raises
        ------
        ValueError, TypeError
            When its coordinates are no numbers.
        """
        parts = [part for part in _parts(geometry) if part and len(part[0]) >= _FEWEST_POINTS]
        rings_of_parts = [
            [np.array(ring, dtype=np.float64)[:, :2] for ring in part if len(ring) >= _FEWEST_POINTS]
            for part in parts
        ]
        if not parts or not all(np.isfinite(ring).all() for part in rings_of_parts for ring in part):
            return False
        for part in rings_of_parts:
            for ring in part:
                self._rings.append(ring)
                self._part_of_ring.append(len(self._outline_of_part))
            self._outline_of_part.append(self._count)
        self._count += 1
        return True

    def build(self) -> NDArray[Any]:
        """Return Polygons and MultiPolygons, made valid, in an object array of shape (N,)."""
        outlines = np.empty(self._count, dtype=object)
        if not self._count:
            return outlines
        sizes = [len(ring) for ring in self._rings]
        rings: Any = shapely.linearrings(
            np.concatenate(self._rings), indices=np.repeat(np.arange(len(sizes)), sizes)
        )
        polygons: Any = shapely.polygons(
            rings, indices=np.array(self._part_of_ring)
        )  # each one's outer ring first
        owners = np.array(self._outline_of_part)
        parts = np.bincount(owners)
        alone = parts[owners] == 1
        outlines[owners[alone]] = polygons[alone]
        several = np.flatnonzero(parts > 1)
        if len(several):
            outlines[several] = shapely.multipolygons(
                polygons[~alone], indices=np.searchsorted(several, owners[~alone])
            )
        bad = ~shapely.is_valid(outlines)
        outlines[bad] = shapely.make_valid(outlines[bad], method="structure", keep_collapsed=False)
        return outlines


def _parts(geometry: Any) -> list[Any]:
    """Return the parts of a geometry, each a list of rings; empty for what is no polygon."""
    if not isinstance(geometry, dict):
        return []
    if geometry.get("type") == "GeometryCollection":
        return [part for each in geometry.get("geometries") or [] for part in _parts(each)]
    if geometry.get("type") not in ("Polygon", "MultiPolygon"):
        return []
    coordinates = geometry.get("coordinates") or []
    return [coordinates] if geometry["type"] == "Polygon" else list(coordinates)
