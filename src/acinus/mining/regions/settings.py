"""Settings of the choice of regions; every field with its unit and source."""

from __future__ import annotations

from typing import Annotated

from acinus.core.limits import Count, Limits, Share
from acinus.core.settings import settings_class

__all__ = ["RegionSettings"]


@settings_class
class RegionSettings:
    """From which parts of slides the networks learn. All ours.

    Attributes
    ----------
    count : int
        Regions over all slides: what time and memory of a fit depend on.
    side_mm : float
        Side of a region in mm, about that of an image of GlaS.
    ringless : float
        Share of regions in which no shape closes that looks like a gland: stroma, muscle, fat. They show the
        network what is no gland.
    least_tissue : float
        Share of a region that tissue has to cover, when it is cut to the tissue in it.
    least_focus : float
        Sharpness below which a region is out of focus, as in the report (there 0.05).
    """

    count: Count = 200
    side_mm: Annotated[float, Limits(ge=0.1, le=2.0)] = 0.512
    ringless: Share = 0.25
    least_tissue: Share = 0.6
    least_focus: Annotated[float, Limits(ge=0.0)] = 0.05
