"""The glands of one slide, ready for the page: found by place, simplified by zoom, packed as bytes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from acinus.glands import COLUMNS
from acinus.results.outlines import GlandsOnDisk

__all__ = ["MOST_OUTLINES", "GlandLayer", "Statistic", "View", "statistics_of"]

MOST_OUTLINES = 6000
"""More glands than this in view are drawn as dots: outlines of a few pixels say no more than a dot."""

_OUTLINES, _TOO_MANY = 0, 1
_TOLERANCE_SCREEN_PX = 0.5


@dataclass(frozen=True)
class View:
    """What the page shows: a box in level-0 pixels, and level-0 pixels per pixel of the screen."""

    left: float
    top: float
    right: float
    bottom: float
    scale: float


@dataclass(frozen=True)
class Statistic:
    """One column to colour and filter by.

    Attributes
    ----------
    key : str
        QuPath's name.
    label, unit, meaning : str
        For people.
    low, high : float
        0.5th and 99.5th percentile of the finite values: the ends of the histogram and of the colours.
    """

    key: str
    label: str
    unit: str
    meaning: str
    low: float
    high: float


class GlandLayer:
    """Outlines with a spatial index; every method may be called from several threads."""

    def __init__(self, glands: GlandsOnDisk) -> None:
        self.glands = glands
        self.statistics = statistics_of(glands.measurements)
        self.index_of = {gland_id: index for index, gland_id in enumerate(glands.ids)}
        self._tree = shapely.STRtree(glands.outlines)
        self._simplified: dict[int, NDArray[Any]] = {}
        self._areas = np.asarray(shapely.area(glands.outlines), dtype=np.float64)

    def __len__(self) -> int:
        """Return the number of glands."""
        return len(self.glands.ids)

    @property
    def typical_px(self) -> float:
        """Median side of a gland in level-0 pixels, √area; 0 without glands."""
        return float(np.sqrt(np.median(self._areas))) if len(self) else 0.0

    def in_view(self, view: View) -> bytes:
        """Return the outlines that reach into a view, simplified to half a pixel of the screen.

        Returns
        -------
        bytes
            Little-endian. uint32 × 4: kind (0 outlines, 1 too many of them), glands in view, rings R,
            vertices V; then uint32 × R the gland of each ring, uint32 × R its number of vertices, and
            float32 × 2V x, y in level-0 pixels.
        """
        indexes = np.sort(self._tree.query(shapely.box(view.left, view.top, view.right, view.bottom)))
        if len(indexes) > MOST_OUTLINES:
            return np.array([_TOO_MANY, len(indexes), 0, 0], "<u4").tobytes()
        parts, part_of = shapely.get_parts(self._simple(indexes, view.scale), return_index=True)
        rings, ring_of = shapely.get_rings(parts, return_index=True)
        points, point_of = shapely.get_coordinates(rings, return_index=True)
        counts = np.bincount(point_of, minlength=len(rings))
        head = np.array([_OUTLINES, len(indexes), len(rings), len(points)], "<u4")
        glands = indexes[part_of[ring_of]] if len(rings) else np.empty(0)
        return b"".join(
            (
                head.tobytes(),
                glands.astype("<u4").tobytes(),
                counts.astype("<u4").tobytes(),
                points.astype("<f4").tobytes(),
            )
        )

    def _simple(self, indexes: NDArray[np.intp], scale: float) -> NDArray[Any]:
        """Return outlines within the tolerance of a zoom; each is simplified once for each power of two."""
        zoom = math.floor(math.log2(max(scale, 1e-6)))
        if zoom < 0:
            return self.glands.outlines[indexes]
        known = self._simplified.setdefault(zoom, np.full(len(self), None, dtype=object))
        missing = indexes[shapely.is_missing(known[indexes])]
        if len(missing):
            tolerance_px = _TOLERANCE_SCREEN_PX * 2.0**zoom
            whole = self.glands.outlines[missing]
            simple = shapely.simplify(whole, tolerance_px, preserve_topology=False)  # four times as fast
            known[missing] = np.where(shapely.is_empty(simple), whole, simple)  # never lose a small gland
        return known[indexes]

    def at(self, x: float, y: float, *, reach_px: float) -> list[int]:
        """Return the glands at a level-0 point or within reach of it: containing before near, small first."""
        point = shapely.Point(x, y)
        hits = self._tree.query(point, predicate="dwithin", distance=max(reach_px, 0.0))
        distances = shapely.distance(self.glands.outlines[hits], point)
        order = np.lexsort((self._areas[hits], distances))
        return [int(index) for index in hits[order]]

    def centroids(self) -> bytes:
        """Return float32 x, y of every gland in level-0 pixels."""
        points = shapely.get_coordinates(shapely.centroid(self.glands.outlines))
        return points.astype("<f4").tobytes()

    def values(self, statistic: int) -> bytes:
        """Return one statistic of every gland as float32, NaN where missing."""
        return self.glands.measurements[self.statistics[statistic].key].astype("<f4").tobytes()

    def describe(self, index: int) -> dict[str, Any]:
        """Return one gland's name, box and numbers; None for a missing number."""
        left, top, right, bottom = shapely.bounds(self.glands.outlines[index]).tolist()
        numbers = [float(self.glands.measurements[statistic.key][index]) for statistic in self.statistics]
        return {
            "index": index,
            "id": self.glands.ids[index],
            "name": self.glands.names[index],
            "box": {"left": left, "top": top, "right": right, "bottom": bottom},
            "numbers": [number if math.isfinite(number) else None for number in numbers],
        }


def statistics_of(measurements: dict[str, NDArray[np.float64]]) -> tuple[Statistic, ...]:
    """Return the statistics that at least one gland has, those of `acinus.glands` first and in its order.

    Examples
    --------
    >>> [statistic] = statistics_of({"Area µm^2": np.array([1.0, 3.0]), "empty": np.array([np.nan, np.nan])})
    >>> statistic.label, statistic.unit
    ('Area', 'µm²')
    """
    order = {column.qupath: (number, column.meaning) for number, column in enumerate(COLUMNS)}
    found = []
    for key in sorted(measurements, key=lambda key: order.get(key, (len(order), ""))[0]):
        finite = measurements[key][np.isfinite(measurements[key])]
        if finite.size:
            low, high = np.percentile(finite, [0.5, 99.5]).tolist()
            label, unit = _label_and_unit(key)
            found.append(Statistic(key, label, unit, order.get(key, (0, ""))[1], low, high))
    return tuple(found)


def _label_and_unit(key: str) -> tuple[str, str]:
    for ending, unit in ((" µm^2", "µm²"), (" µm", "µm")):
        if key.endswith(ending):
            return key.removesuffix(ending), unit
    return key, ""
