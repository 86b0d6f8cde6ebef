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

__all__ = ["STATISTICS", "architecture", "area_weighted_mean", "clark_evans", "summarise", "summarise_image"]

STATISTICS: tuple[str, ...] = tuple(column.name for column in COLUMNS if column.kind != "identity")
"""Columns that are summarised: all that are not of kind identity."""

_QUANTILES = (10, 50, 90)
_LARGEST_BUD_UM2 = 500.0
_CRIBRIFORM = 3  # lumina; two are also seen where a crypt branches


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
        ``side_fraction`` (glands cut by the image border), ``clark_evans``, those of `architecture`, and for
        every statistic ``X_area_weighted_mean``, ``X_q10``, ``X_q50``, ``X_q90`` (each gland counting once
        in the quantiles). NaN where no gland has a value.

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
        **architecture(glands, tissue_area_um2=tissue_area_um2),
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


def architecture(glands: Glands, *, tissue_area_um2: float) -> dict[str, float]:
    """Return what grading by growth pattern looks at: gland formation, cribriform and solid growth, budding.

    A gland is *formed* if it has a lumen, *cribriform* if it has three or more, *solid* if it has none; with
    a, the areas of the glands whose lumina are known::

        gland_formation          = Σ a (formed) / Σ a
        cribriform_area_fraction = Σ a (cribriform) / Σ a
        solid_per_mm2            = solid structures larger than 500 µm² / tissue
        buds_per_mm2             = solid structures of 500 µm² (four cells of 12 to 13 µm) or less / tissue
        area_cv                  = standard deviation / mean of the area of glands that the image does not cut

    WHO calls colorectal adenocarcinoma well differentiated if more than 95 % of the tumour forms glands,
    moderately from 50 to 95 % and poorly below 50 %; since 2019 the first two are low grade. That share is
    of the tumour; here it is of what was outlined, so that cells beyond every outline do not count. The
    limits of area and of the number of lumina are ours.

    Parameters
    ----------
    glands : Glands
        Of one slide or image.
    tissue_area_um2 : float

    Returns
    -------
    dict of str to float
        NaN where there is no gland with known lumina, no tissue, or fewer than two whole glands.

    References
    ----------
    Nagtegaal et al., The 2019 WHO classification of tumours of the digestive system, Histopathology 76,
    2020. Cribriform growth: van der Kwast et al., Am. J. Surg. Pathol. 45(8), 2021. Solid clusters of five
    cells or more: Ueno et al., Am. J. Surg. Pathol. 36(2), 2012. Buds of up to four cells: Lugli et al.,
    Modern Pathology 30, 2017.

    Examples
    --------
    >>> found = architecture(Glands.empty(), tissue_area_um2=1e6)
    >>> found["gland_formation"], found["solid_per_mm2"]
    (nan, 0.0)
    """
    areas, lumina = glands["area_um2"], glands["lumina"]
    known_um2 = float(areas[np.isfinite(lumina)].sum())
    solid, small = lumina == 0, areas <= _LARGEST_BUD_UM2
    known = known_um2 > 0
    counted = tissue_area_um2 > 0 and (known or len(glands) == 0)
    tissue_mm2 = tissue_area_um2 / 1e6
    whole = areas[~glands["touches_side"]]
    return {
        "gland_formation": float(areas[lumina >= 1].sum()) / known_um2 if known else math.nan,
        "cribriform_area_fraction": float(areas[lumina >= _CRIBRIFORM].sum()) / known_um2
        if known
        else math.nan,
        "solid_per_mm2": int(np.count_nonzero(solid & ~small)) / tissue_mm2 if counted else math.nan,
        "buds_per_mm2": int(np.count_nonzero(solid & small)) / tissue_mm2 if counted else math.nan,
        "area_cv": float(whole.std() / whole.mean()) if len(whole) > 1 else math.nan,
    }


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
    ----------
    Clark & Evans, Ecology 35, 1954. Donnelly, Simulations to determine the variance and edge
    effect of total nearest neighbour distance, in: Hodder (ed.), Simulation Studies in Archaeology, 1978.
    """
    count = len(centroids)
    if count < 2 or area <= 0:
        return math.nan
    border = 4.0 * math.sqrt(area) if perimeter is None else perimeter
    expected = 0.5 * math.sqrt(area / count) + (0.0514 + 0.041 / math.sqrt(count)) * border / count
    return float(nearest_centroids(centroids).mean()) / expected
