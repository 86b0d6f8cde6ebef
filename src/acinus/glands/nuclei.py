"""Where the nuclei of an epithelium stand, and how crowded they are: haematoxylin by place, without outlines
of nuclei.

Nuclei of a healthy crypt stand in one row at its border. With dysplasia they pile up (stratification) and
reach the lumen, which is what low and high grade are told apart by (Nagtegaal et al., The 2019 WHO
classification of tumours of the digestive system, Histopathology 76, 2020). Both numbers compare the
epithelium of one gland with itself, so that the strength of the stain cancels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from skimage.filters import threshold_otsu

__all__ = ["nuclear_crowding", "nuclear_stratification"]

_BINS = 128  # of haematoxylin density, for the threshold


def nuclear_crowding(densities: NDArray[np.float64]) -> float:
    """Return the share of the epithelium that nuclei cover: haematoxylin above the gland's own threshold.

    The threshold is Otsu's, which parts the densities into two classes of least variance.

    Parameters
    ----------
    densities : ndarray of shape (N,), float64
        Haematoxylin of the epithelium's pixels, see `acinus.glands.stain.haematoxylin_density`.

    Returns
    -------
    float
        0..1; NaN where all pixels are alike or there is none.

    References
    ----------
    Otsu, A threshold selection method from gray-level histograms, IEEE Trans. Syst. Man Cybern. 9(1), 1979.

    Examples
    --------
    >>> nuclear_crowding(np.repeat([0.1, 0.9], [30, 10]))
    0.25
    """
    if densities.size == 0 or densities.min() == densities.max():
        return float("nan")
    return float(np.mean(densities > threshold_otsu(densities, nbins=_BINS)))


def nuclear_stratification(
    densities: NDArray[np.float64], outside_px: NDArray[np.float64], lumen_px: NDArray[np.float64]
) -> float:
    """Return how far up the epithelium nuclei reach: h_luminal / (h_basal + h_luminal).

    h_basal and h_luminal are the mean haematoxylin of the half of the epithelium beside the border and of the
    half beside the lumen. A pixel at distances d from the outside and l from the lumen lies at the relative
    height (d − ½) / (d + l − 1), 0 at the border and 1 at the lumen. Ours.

    Parameters
    ----------
    densities : ndarray of shape (N,), float64
        Haematoxylin of the epithelium's pixels; what is negative counts as 0.
    outside_px, lumen_px : ndarray of shape (N,), float64
        Their distances in pixels to the nearest pixel outside the gland, and of the lumen; at least 1.

    Returns
    -------
    float
        0 where all of it lies in the half beside the border, ½ where it is spread evenly, 1 where all lies
        beside the lumen. NaN without pixels in both halves, without a border in the image (infinite
        distances), or without haematoxylin.

    Examples
    --------
    >>> densities, outside_px = np.array([0.6, 0.6, 0.0, 0.2]), np.array([1.0, 2.0, 3.0, 4.0])
    >>> round(nuclear_stratification(densities, outside_px, 5.0 - outside_px), 3)  # 0.1 / (0.6 + 0.1)
    0.143
    """
    if not np.isfinite(outside_px).all():
        return float("nan")
    luminal = (outside_px - 0.5) / (outside_px + lumen_px - 1.0) >= 0.5
    if luminal.all() or not luminal.any():
        return float("nan")
    h = np.maximum(densities, 0.0)
    h_luminal, h_basal = float(h[luminal].mean()), float(h[~luminal].mean())
    return h_luminal / (h_basal + h_luminal) if h_basal + h_luminal > 0 else float("nan")
