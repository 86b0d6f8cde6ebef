"""The stain of a set of images, by which others of another stain are recognised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from acinus.core.colour import optical_density
from acinus.core.image import RgbImage
from acinus.slides.tissue import tissue_mask

__all__ = ["stain_of"]


def stain_of(images: Sequence[RgbImage]) -> dict[str, Any]:
    """Return mean and spread over images of their tissue's mean optical density, by channel.

    Images without tissue say nothing of the stain; where none has any, all pixels of all images count.
    """
    masks = [tissue_mask(image.rgb, mpp=image.mpp) for image in images]
    stained = [
        optical_density(image.rgb)[mask] for image, mask in zip(images, masks, strict=True) if mask.any()
    ]
    pixels = stained or [optical_density(image.rgb).reshape(-1, 3) for image in images]
    means = np.stack([density.mean(axis=0, dtype=np.float64) for density in pixels])
    return {"mean_od": means.mean(axis=0).tolist(), "std_od": means.std(axis=0).tolist()}
