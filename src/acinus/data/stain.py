"""The stain of a set of images and what they look like, by which unlike ones are recognised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from acinus.core.colour import optical_density
from acinus.core.image import RgbImage
from acinus.data.look import Looks
from acinus.data.stain_kind import stain_kind
from acinus.slides.tissue import tissue_mask

__all__ = ["stain_of"]


def stain_of(images: Sequence[RgbImage]) -> dict[str, Any]:
    """Return what a model keeps of the images that it was fitted on, ready for JSON.

    Returns
    -------
    dict
        ``mean_od`` and ``std_od``: mean and spread over images of their tissue's mean optical density, by
        channel. Images without tissue say nothing of it; where none has any, all pixels of all images count.
        ``kinds``: how many images have a stain of each `StainKind`. ``look``: `Looks.as_plain`, or None where
        no image has tissue.
    """
    masks = [tissue_mask(image.rgb, mpp=image.mpp) for image in images]
    stained = [
        optical_density(image.rgb)[mask] for image, mask in zip(images, masks, strict=True) if mask.any()
    ]
    pixels = stained or [optical_density(image.rgb).reshape(-1, 3) for image in images]
    means = np.stack([density.mean(axis=0, dtype=np.float64) for density in pixels])
    looks = Looks.of(images)
    return {
        "mean_od": means.mean(axis=0).tolist(),
        "std_od": means.std(axis=0).tolist(),
        "kinds": Counter(stain_kind(image.rgb, mpp=image.mpp) for image in images),
        "look": None if looks is None else looks.as_plain(),
    }
