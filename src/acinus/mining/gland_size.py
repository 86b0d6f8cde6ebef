"""How large the glands of unlabelled images are: the scale at which closed shapes are strongest.

The method's lengths are made for glands of colon. The cue of closed shapes is tried with all of its lengths
times a few factors; where they suit the glands it finds most, and with the highest scores. Ours; that one
size is estimated and everything else follows from it is the idea of Cellpose (Stringer et al. 2021,
10.1038/s41592-020-01018-x), which learns it from outlines.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from acinus.core.image import RgbImage
from acinus.core.scaling import SizeRatio, scaled
from acinus.core.spread import evenly_spaced
from acinus.data.resample import rgb_at_mpp
from acinus.mining.closed_shapes import ClosedShapes
from acinus.mining.settings import MiningSettings

__all__ = [
    "DEFAULT_GLAND_SIZE_UM",
    "FACTORS",
    "RATIO_RANGE",
    "best_factor",
    "clearly_better",
    "closed_evidence",
    "gland_size_um",
    "sampled",
    "size_ratio",
]

DEFAULT_GLAND_SIZE_UM = (36.0, 276.0)
"""Diameters of the smallest and the largest glands that the defaults are made for: those of colon."""

FACTORS = (1.0, 1.41, 2.0, 2.83)
"""By how many times larger than colon's the glands may be that are looked for."""

RATIO_RANGE = (0.35, 3.2)
"""Limits of `SizeRatio.typical`: beyond them the working resolution would be none of a microscope's."""

_IMAGES = 12  # that are looked at
_MARGIN = 1.1  # by how much another factor must be better than 1
_CLEAR_MARGIN = 1.3  # and than that of other images, for a part of them
_LEAST_DETAIL = 0.45  # working µm/px over the image's own: finer pixels than these show nothing


def size_ratio(gland_size_um: Sequence[float]) -> SizeRatio:
    """Return how glands of a range of diameters differ from those that the defaults are made for.

    Parameters
    ----------
    gland_size_um : (smallest, largest)
        Diameters in µm of circles of the same area.

    Examples
    --------
    >>> size_ratio((36.0, 552.0))
    SizeRatio(smallest=1.0, largest=2.0)
    """
    smallest, largest = (
        given / usual for given, usual in zip(gland_size_um, DEFAULT_GLAND_SIZE_UM, strict=True)
    )
    return SizeRatio(smallest, largest)


def gland_size_um(factor: float) -> tuple[float, float]:
    """Return the range of diameters in µm that is `factor` times the default one."""
    smallest, largest = DEFAULT_GLAND_SIZE_UM
    return smallest * factor, largest * factor


def sampled(images: Sequence[RgbImage]) -> list[RgbImage]:
    """Return the images to look at: all, or a dozen that are evenly spaced."""
    return evenly_spaced(images, _IMAGES)


def closed_evidence(image: RgbImage, factor: float) -> float:
    """Return how much of an image closed shapes claim whose glands are `factor` times those of colon.

    Parameters
    ----------
    image : RgbImage
        At its own resolution.
    factor : float
        Such as those of `FACTORS`.

    Returns
    -------
    float
        Share of the pixels, each weighted with the trust in its shape, 0 to 1.
    """
    mpp = MiningSettings().mpp * factor
    if mpp < _LEAST_DETAIL * image.mpp:
        return 0.0
    cue = scaled(ClosedShapes(scales=(1.0,)), SizeRatio(factor, factor))
    rgb = rgb_at_mpp(image, mpp)
    proposal = cue(RgbImage(rgb, mpp=mpp, name=image.name), np.zeros(rgb.shape[:2], np.uint8))
    assert proposal.glands is not None  # closed shapes number their glands
    # A gland that is just taken has a confidence of one half, see `ClosedShapes`.
    return float(np.where(proposal.glands > 0, 2.0 * proposal.confidence - 1.0, 0.0).mean())


def best_factor(evidence: dict[float, float]) -> float:
    """Return the factor with the highest evidence; 1 unless another one is clearly better.

    Examples
    --------
    >>> best_factor({1.0: 0.20, 2.0: 0.21}), best_factor({1.0: 0.08, 2.0: 0.15}), best_factor({1.0: 0.0})
    (1.0, 2.0, 1.0)
    """
    best = max(evidence, key=lambda factor: evidence[factor])
    return best if evidence[best] > _MARGIN * evidence.get(1.0, 0.0) else 1.0


def clearly_better(evidence: dict[float, float], than: float) -> float:
    """Return the factor of a part of the images: that of all, `than`, unless another one suits far better.

    Examples
    --------
    >>> clearly_better({1.0: 0.20, 2.0: 0.24}, than=1.0), clearly_better({1.0: 0.08, 2.0: 0.15}, than=1.0)
    (1.0, 2.0)
    """
    best = max(evidence, key=lambda factor: evidence[factor])
    return best if evidence[best] > _CLEAR_MARGIN * evidence[than] else than
