"""Outlines of glands for drawing: rings of the GeoJSON, thinned to what a picture can show."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acinus.core.errors import InputError
from acinus.core.geometry import Box
from acinus.glands.feature_stream import read_features

__all__ = ["Ring", "box_of", "read_outlines", "svg_path"]

Ring = NDArray[np.float64]  # (V, 2) x, y in level-0 pixels, closed

_LABEL = re.compile(r"(\d+)$")
_FINEST_PX = 0.75  # vertices nearer than this on the picture say nothing there


def read_outlines(path: Path, *, origin_px: tuple[float, float] = (0.0, 0.0)) -> dict[int, list[Ring]]:
    """Return the rings of every gland by its label; empty where the file is damaged.

    Parameters
    ----------
    path : Path
        As `acinus.glands.write_geojson` writes it; the label is the number that ends a feature's name.
    origin_px : (float, float)
        Level-0 x, y of the point from which the file counts.
    """
    try:
        read = map(_outline, read_features(path))
        return {label: [ring + origin_px for ring in rings] for label, rings in read if rings}
    except (InputError, KeyError, TypeError, ValueError):
        return {}


def _outline(feature: dict[str, Any]) -> tuple[int, list[Ring]]:
    match = _LABEL.search(str(feature["properties"]["name"]))
    geometry = feature["geometry"]
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    rings = [
        np.asarray(ring, np.float64)[:, :2] for polygon in polygons for ring in polygon if len(ring) >= 4
    ]
    return (int(match[1]) if match else 0), rings


def box_of(rings: list[Ring]) -> Box:
    """Return the smallest box of whole pixels that holds the rings."""
    points = np.concatenate(rings)
    (left, top), (right, bottom) = np.floor(points.min(axis=0)), np.ceil(points.max(axis=0))
    return Box(int(left), int(top), max(1, int(right - left)), max(1, int(bottom - top)))


def svg_path(rings: list[Ring], *, origin: tuple[float, float], scale: float) -> str:
    """Return the ``d`` of an SVG path, in pixels of a picture.

    Parameters
    ----------
    rings : list of ndarray of shape (V, 2)
        In level-0 pixels.
    origin : (float, float)
        Level-0 x, y of the picture's corner.
    scale : float
        Picture pixels per level-0 pixel.

    Examples
    --------
    >>> square = np.array([[2, 2], [6, 2], [6, 6], [2, 6], [2, 2]], float)
    >>> svg_path([square], origin=(2, 2), scale=2.5)
    'M0 0L10 0L10 10L0 10Z'
    """
    parts = []
    for ring in rings:
        points = _thinned((ring[:-1] - np.asarray(origin)) * scale)
        parts.append("M" + "L".join(f"{x:.1f} {y:.1f}".replace(".0", "") for x, y in points.tolist()) + "Z")
    return "".join(parts)


def _thinned(points: Ring) -> Ring:
    """Drop vertices that lie within `_FINEST_PX` of the one kept before."""
    kept = [points[0]]
    for point in points[1:]:
        if np.abs(point - kept[-1]).max() >= _FINEST_PX:
            kept.append(point)
    return np.asarray(kept)
