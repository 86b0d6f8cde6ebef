"""From glands to a slide: how much gland there is, how it is shaped, how it is arranged."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from acinus.core.errors import InputError
from acinus.core.image import BoolMask, LabelMap
from acinus.core.units import um2_to_px
from acinus.glands.columns import COLUMNS, Glands
from acinus.glands.neighbours import nearest_centroids

__all__ = ["STATISTICS", "area_weighted_mean", "clark_evans", "summarise", "summarise_image"]

STATISTICS: tuple[str, ...] = tuple(column.name for column in COLUMNS if column.kind != "identity")
"""Columns that are summarised: all but label, centroid and whether the image border cuts the gland."""

_QUANTILES = (10, 50, 90)


def summarise(
    glands: Glands, *, tissue_area_um2: float, tissue_perimeter_um: float | None = None
) -> dict[str, float]:
    """Summarise the glands of one slide or image; every key is present even without glands.

    Parameters
    ----------
    glands : Glands
        Of one slide.
    tissue_area_um2 : float
        Area in which glands were sought; where tissue was not delineated, the image's area. 0 where there is
        no tissue: densities are NaN then.
    tissue_perimeter_um : float, optional
        Length of the tissue's border, for the edge correction of `clark_evans`; without it a square's.

    Returns
    -------
    dict of str to float
        ``glands``, ``tissue_area_um2``, ``gland_area_um2``, ``gland_area_fraction``, ``glands_per_mm2``,
        ``side_fraction`` (glands cut by the image border), ``clark_evans``, and for every statistic
        ``X_area_weighted_mean``, ``X_q10``, ``X_q50``, ``X_q90`` (each gland counting once in the
        quantiles). NaN where no gland has a value.

    Raises
    ------
    InputError
        When the tissue's area is negative or no number.

    Examples
    --------
    >>> summary = summarise(Glands.empty(), tissue_area_um2=1e6)
    >>> summary["glands_per_mm2"], summary["solidity_q50"]
    (0.0, nan)
    """
    if not 0 <= tissue_area_um2 < math.inf:
        raise InputError(
            f"the tissue's area is {tissue_area_um2:g} µm²; expected 0 or more; pass the image's area"
        )
    gland_area_um2 = float(glands["area_um2"].sum())
    centroids = np.stack([glands["centroid_x_um"], glands["centroid_y_um"]], axis=1)
    summary = {
        "glands": float(len(glands)),
        "tissue_area_um2": float(tissue_area_um2),
        "gland_area_um2": gland_area_um2,
        "gland_area_fraction": gland_area_um2 / tissue_area_um2 if tissue_area_um2 else math.nan,
        "glands_per_mm2": len(glands) / (tissue_area_um2 / 1e6) if tissue_area_um2 else math.nan,
        "side_fraction": float(glands["touches_side"].mean()) if len(glands) else math.nan,
        "clark_evans": clark_evans(centroids, area=tissue_area_um2, perimeter=tissue_perimeter_um),
    }
    for name in STATISTICS:
        values = np.asarray(glands[name], dtype=np.float64)
        summary[f"{name}_area_weighted_mean"] = area_weighted_mean(values, glands["area_um2"])
        finite = values[np.isfinite(values)]
        for percent in _QUANTILES:
            quantile = float(np.percentile(finite, percent)) if finite.size else math.nan
            summary[f"{name}_q{percent}"] = quantile
    return summary


def summarise_image(glands: Glands, labels: LabelMap, tissue: BoolMask, *, mpp: float) -> dict[str, float]:
    """Summarise an image's glands over its tissue.

    A gland is tissue however pale it is, so every gland counts as tissue beside what `tissue_mask` found.

    Parameters
    ----------
    glands : Glands
        Of `measure_glands` on `labels`.
    labels : ndarray of shape (H, W), int32
        At the image's size.
    tissue : ndarray of shape (H, W), bool
        Of `tissue_mask`.
    mpp : float
        µm per pixel of both.

    Returns
    -------
    dict of str to float
        As `acinus.glands.summarise` returns it.
    """
    tissue_um2 = float(np.count_nonzero(tissue | (labels > 0))) / um2_to_px(1.0, mpp=mpp)
    return summarise(glands, tissue_area_um2=tissue_um2)


def area_weighted_mean(values: NDArray[np.float64], areas: NDArray[np.float64]) -> float:
    """Return Σ aᵢ vᵢ / Σ aᵢ over the glands that have a value; NaN if none has.

    Large glands carry the diagnosis; weighting by area keeps many small fragments from outvoting them.

    Examples
    --------
    >>> area_weighted_mean(np.array([1.0, 4.0, np.nan]), np.array([200.0, 100.0, 50.0]))
    2.0
    """
    known = np.isfinite(values)
    if not known.any():
        return math.nan
    return float(np.average(values[known], weights=areas[known]))


def clark_evans(centroids: NDArray[np.float64], *, area: float, perimeter: float | None = None) -> float:
    """Return Clark & Evans' ratio of mean nearest-neighbour distance to that of chance.

    R = mean(d) / E(d), with Donnelly's edge correction of a region of area A and perimeter P for N points::

        E(d) = ½ √(A/N) + (0.0514 + 0.041/√N) P/N.

    Below 1 glands are clustered, 1 is random placing of points, above 1 they are spaced out; bodies that
    cannot overlap push it up, so R of crowded glands exceeds 1.

    Parameters
    ----------
    centroids : ndarray of shape (N, 2)
        In µm.
    area, perimeter : float
        Of the region, in µm² and µm; without a perimeter that of the square of equal area, 4 √A.

    Returns
    -------
    float
        NaN for fewer than two glands, or without an area.

    References
    ---------- Clark & Evans, Ecology 35, 1954. Donnelly, Simulations to determine the variance and edge
    effect of total nearest neighbour distance, in: Hodder (ed.), Simulation Studies in Archaeology, 1978.
    """
    count = len(centroids)
    if count < 2 or area <= 0:
        return math.nan
    border = 4.0 * math.sqrt(area) if perimeter is None else perimeter
    expected = 0.5 * math.sqrt(area / count) + (0.0514 + 0.041 / math.sqrt(count)) * border / count
    return float(nearest_centroids(centroids).mean()) / expected
