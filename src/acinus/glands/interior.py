"""The inside of one gland: its lumina, the epithelium around them, and the nuclei in it."""

from __future__ import annotations

import numpy as np

from acinus.core.image import RgbArray
from acinus.glands.crops import GlandCrop
from acinus.glands.lumen import (
    count_lumina,
    distance_to,
    distance_to_outside,
    filled_gland,
    find_lumen,
    pale_pixels,
    wall_thickness,
)
from acinus.glands.nuclei import nuclear_crowding, nuclear_stratification
from acinus.glands.stain import haematoxylin_density

__all__ = ["measure_interior"]

_LUMEN = (
    "lumen_area_um2",
    "lumen_fraction",
    "lumina",
    "lumen_circularity",
    "thickness_um",
    "thickness_cv",
)
_STAIN = ("haematoxylin_od", "nuclear_crowding", "nuclear_stratification")


def measure_interior(crop: GlandCrop, rgb: RgbArray | None, *, mpp: float) -> dict[str, float]:
    """Return the columns of lumen, epithelium and stain; a hole in the label is lumen whatever its colour.

    Parameters
    ----------
    crop : GlandCrop
    rgb : ndarray of shape (h, w, 3), uint8, or None
        The image in the crop's box. Without it the stain is NaN, and so is everything where the label has no
        hole.
    mpp : float
        µm per pixel of both.
    """
    filled = filled_gland(crop.labels, crop.label)
    lumen = filled & ~crop.mask
    if rgb is None and not lumen.any():
        return dict.fromkeys((*_LUMEN, *_STAIN), float("nan"))
    outside_px = distance_to_outside(filled)
    if rgb is not None:
        lumen = lumen | find_lumen(outside_px, pale_pixels(rgb, mpp=mpp), mpp=mpp)
    lumen_area_px = float(np.count_nonzero(lumen))
    values = (
        lumen_area_px * mpp**2,
        lumen_area_px / float(np.count_nonzero(filled)),
        *count_lumina(lumen, mpp=mpp),
        *wall_thickness(outside_px, lumen, mpp=mpp),
    )
    stained = (float("nan"),) * len(_STAIN)
    epithelium = filled & ~lumen
    if rgb is not None and epithelium.any():
        densities = haematoxylin_density(rgb[epithelium])
        stratification = float("nan")
        if lumen.any():
            lumen_px = distance_to(lumen)[epithelium]
            stratification = nuclear_stratification(densities, outside_px[epithelium], lumen_px)
        stained = (float(densities.mean()), nuclear_crowding(densities), stratification)
    return dict(zip((*_LUMEN, *_STAIN), (*values, *stained), strict=True))
