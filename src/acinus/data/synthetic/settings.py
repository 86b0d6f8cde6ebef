"""What a user may choose about the synthetic images; everything else follows from the seed."""

from __future__ import annotations

from typing import Annotated

from acinus.core.limits import Length, Limits, Mpp, Share, Weight
from acinus.core.settings import settings_class

__all__ = ["SyntheticSettings"]


@settings_class
class SyntheticSettings:
    """Settings of the H&E generator; all values are ours.

    Attributes
    ----------
    mpp : float
        µm per pixel of the picture; 0.62 is what the GlaS challenge gives for its images.
    malignant_fraction : float
        Share of tiles (of tissue area on a slide) that is adenocarcinoma, 0..1.
    gland_density : float
        Share of the places for a gland that hold one, 0..1.
    inflammation : float
        Share of the lamina propria crowded with lymphocytes, 0..1.
    edge_fraction : float
        Share of tiles that show the edge of the tissue and white background, 0..1.
    stain_spread : float
        How far stain vectors, amounts and white balance differ between images; 0 none,
        1 as between laboratories.
    blur_um : float
        Standard deviation of the optical blur in µm.
    noise : float
        Standard deviation of the sensor noise in grey values of 255 at half intensity.
    jpeg_quality : int
        JPEG quality (1..100) that tiles and slides are compressed with.
    """

    mpp: Mpp = 0.62
    malignant_fraction: Share = 0.5
    gland_density: Share = 0.9
    inflammation: Share = 0.5
    edge_fraction: Share = 0.3
    stain_spread: Weight = 1.0
    blur_um: Length = 0.42
    noise: Weight = 4.0
    jpeg_quality: Annotated[int, Limits(ge=1, le=100)] = 88
