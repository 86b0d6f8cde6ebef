"""Label map to table: every statistic of every gland, in µm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from acinus.core.errors import InputError
from acinus.core.image import LabelMap
from acinus.core.units import check_mpp
from acinus.glands.boundary import best_alignment, fractal_dimension, irregularity
from acinus.glands.columns import COLUMNS, Glands
from acinus.glands.crops import GlandCrop, Sliceable, gland_crops
from acinus.glands.interior import measure_interior
from acinus.glands.neighbours import OutlinesInMemory, OutlineSource, measure_neighbours, nearest_centroids
from acinus.glands.polygons import TOLERANCE_UM, Outline, crop_outline, simplified
from acinus.glands.shape import (
    Moments,
    bounding_circle,
    circularity,
    convexity,
    eccentricity,
    equivalent_diameter,
    feret_diameters,
    orientation,
    solidity,
)

__all__ = [
    "BACK_TO_BACK_UM",
    "NEIGHBOUR_RADIUS_UM",
    "MeasuredGland",
    "columns_of",
    "measure_gland",
    "measure_glands",
    "with_neighbours",
]

NEIGHBOUR_RADIUS_UM = 50.0
"""Gap in µm up to which two glands are neighbours (ours: about one crypt's width of stroma)."""

BACK_TO_BACK_UM = 10.0
"""Gap in µm up to which two glands stand back to back (ours: no room for more than a row of fibroblasts)."""

_OF_NEIGHBOURS = (
    "nearest_centroid_um",
    "nearest_gap_um",
    "neighbours",
    "back_to_back",
    "orientation_disorder",
)

Row = dict[str, float]
Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class MeasuredGland:
    """The statistics of one gland that do not depend on its neighbours.

    Attributes
    ----------
    row : dict of str to float
        Every column but those of the neighbours.
    outline : Polygon or MultiPolygon
        Simplified, in µm from the label map's corner: what is written, and what distances are taken from.
    """

    row: Row
    outline: Outline


def measure_glands(
    labels: LabelMap,
    *,
    mpp: float,
    image: Sliceable | None = None,
    neighbour_radius_um: float = NEIGHBOUR_RADIUS_UM,
) -> Glands:
    """Measure every gland of a label map.

    Parameters
    ----------
    labels : ndarray of shape (H, W), int32
        0 background, one value per gland.
    mpp : float
        µm per pixel of the label map.
    image : ndarray of shape (H, W, 3), uint8, or a reader that is sliced like one, optional
        The stained image at the label map's resolution. Without it haematoxylin is NaN, and so are lumen and
        thickness of glands whose labels have no hole.
    neighbour_radius_um : float
        Largest gap between two glands' borders for them to count as neighbours.

    Returns
    -------
    Glands
        One row per gland in the order of the labels; all columns and no rows for an empty map.

    Raises
    ------
    InputError, MppError
        For what is not a label map, an image of another size, an absurd resolution.

    Examples
    --------
    >>> rows, columns = np.mgrid[:100, :100]
    >>> disc = ((rows - 50) ** 2 + (columns - 50) ** 2 <= 40**2).astype(np.int32)
    >>> glands = measure_glands(disc, mpp=0.5)
    >>> round(float(glands["perimeter_um"][0])), round(float(glands["circularity"][0]), 2)  # 2π·20 = 125.7
    (126, 1.0)
    """
    check_mpp(mpp, source="the label map")
    if image is not None and tuple(image.shape[:2]) != labels.shape:
        raise InputError(
            f"the image is {image.shape[1]}×{image.shape[0]} px but the label map "
            f"{labels.shape[-1]}×{labels.shape[0]}; give both at the same resolution"
        )
    measured = [measure_gland(crop, image, mpp=mpp) for crop in gland_crops(labels)]
    return with_neighbours(
        columns_of(gland.row for gland in measured),
        OutlinesInMemory([gland.outline for gland in measured]),
        radius_um=neighbour_radius_um,
    )


def measure_gland(crop: GlandCrop, image: Sliceable | None, *, mpp: float) -> MeasuredGland:
    """Measure one gland from its crop.

    Parameters
    ----------
    crop : GlandCrop
        Other glands in its labels are told apart from what it encloses.
    image : Sliceable or None
        Cut with `crop.window`.
    mpp : float
        µm per pixel of both.
    """
    outline: Outline = shapely.transform(crop_outline(crop), lambda xy: xy * mpp)
    rgb = None if image is None else image[crop.window]
    moments = Moments.of(crop.mask)
    row = _identity(crop, moments, mpp=mpp) | _shape(moments, outline, mpp=mpp)
    row |= measure_interior(crop, rgb, mpp=mpp)
    return MeasuredGland(row, simplified(outline, tolerance_px=TOLERANCE_UM))


def columns_of(rows: Iterable[Row]) -> dict[str, NDArray[Any]]:
    """Return rows as columns, each with its own type; empty columns without rows."""
    listed = list(rows)
    return {
        column.name: np.array([row[column.name] for row in listed], dtype=column.dtype)
        for column in COLUMNS
        if column.name not in _OF_NEIGHBOURS
    }


def with_neighbours(
    columns: Columns, outlines: OutlineSource, *, radius_um: float = NEIGHBOUR_RADIUS_UM
) -> Glands:
    """Return the whole table: what `columns_of` gave, and what takes all glands to know.

    Parameters
    ----------
    columns : mapping of str to ndarray of shape (N,)
        Every column but those of the neighbours.
    outlines : OutlineSource
        N outlines in µm, in the order of the rows.
    radius_um : float
        Largest gap between two glands' borders for them to count as neighbours.
    """
    centroids = np.stack([columns["centroid_x_um"], columns["centroid_y_um"]], axis=1)
    near = measure_neighbours(
        outlines,
        np.deg2rad(columns["orientation_deg"]),
        columns["eccentricity"],
        radius=radius_um,
        close=BACK_TO_BACK_UM,
    )
    arrangement = (nearest_centroids(centroids), near.gaps, near.counts, near.close_share, near.disorder)
    return Glands({**columns, **dict(zip(_OF_NEIGHBOURS, arrangement, strict=True))})


def _identity(crop: GlandCrop, moments: Moments, *, mpp: float) -> Row:
    """Return which gland it is and where; pixel (0, 0) has its centre at half a pixel."""
    return {
        "label": crop.label,
        "centroid_x_um": (moments.x + 0.5 + crop.box.x) * mpp,
        "centroid_y_um": (moments.y + 0.5 + crop.box.y) * mpp,
        "touches_side": crop.touches_side,
        "orientation_deg": orientation(moments),
    }


def _shape(moments: Moments, outline: Outline, *, mpp: float) -> Row:
    """Return size and shape: area and moments are those of the pixels, the rest of the outline in µm."""
    area_um2 = moments.area * mpp**2
    hull = outline.convex_hull
    max_feret_um, min_feret_um = feret_diameters(hull)
    bounding_circle_um = bounding_circle(hull)
    return {
        "area_um2": area_um2,
        "perimeter_um": float(outline.length),
        "equivalent_diameter_um": equivalent_diameter(area_um2),
        "max_feret_um": max_feret_um,
        "min_feret_um": min_feret_um,
        "bounding_circle_um": bounding_circle_um,
        "circularity": circularity(outline),
        "solidity": solidity(outline, hull),
        "convexity": convexity(outline, hull),
        "eccentricity": eccentricity(moments),
        "irregularity": irregularity(outline),
        "fractal_dimension": fractal_dimension(outline, extent=bounding_circle_um, pixel=mpp),
        "best_alignment": best_alignment(outline),
    }
