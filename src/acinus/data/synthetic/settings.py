"""What a user may choose about the generated pictures; everything else is drawn from the seed."""

from __future__ import annotations

from dataclasses import dataclass

from acinus.core.errors import UsageError
from acinus.core.units import check_mpp

__all__ = ["SyntheticSettings"]


@dataclass(frozen=True)
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
        Share of tiles that show the edge of the tissue and white glass, 0..1.
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

    mpp: float = 0.62
    malignant_fraction: float = 0.5
    gland_density: float = 0.9
    inflammation: float = 0.5
    edge_fraction: float = 0.3
    stain_spread: float = 1.0
    blur_um: float = 0.42
    noise: float = 4.0
    jpeg_quality: int = 88

    def __post_init__(self) -> None:
        """Refuse values outside their range, naming the field."""
        check_mpp(self.mpp, source="SyntheticSettings.mpp")
        for name in ("malignant_fraction", "gland_density", "inflammation", "edge_fraction"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0:
                raise UsageError(f"{name} is {value:g}; choose a share between 0 and 1")
        for name in ("stain_spread", "blur_um", "noise"):
            value = getattr(self, name)
            if not value >= 0.0:
                raise UsageError(f"{name} is {value:g}; choose 0 or more")
        if not 1 <= self.jpeg_quality <= 100:
            raise UsageError(f"jpeg_quality is {self.jpeg_quality}; choose 1 to 100")
