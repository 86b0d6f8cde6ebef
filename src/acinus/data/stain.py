"""The stain of a set of images and what they look like, by which unlike ones are recognised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from acinus.core.colour import optical_density
from acinus.core.image import RgbImage
from acinus.data.look import Looks
from acinus.data.stain_kind import stain_kind
from acinus.slides.tissue import tissue_mask

__all__ = ["mixed_stain", "stain_of"]


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


def mixed_stain(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a model keeps that was fitted on one set of images and then on another.

    Both sets count alike, however many images each has: a model that went on with three of them knows their
    like, too. ``kinds`` are shares then, in place of counts. What a model of an earlier version does not tell
    is not known of both.

    Parameters
    ----------
    one, other : mapping
        As `stain_of` returns it.

    Examples
    --------
    >>> red, blue = ({"mean_od": [x], "std_od": [0.0], "kinds": {"he": n}} for x, n in ((0.2, 9), (0.4, 1)))
    >>> mixed = mixed_stain(red, blue)
    >>> [round(x, 3) for x in (*mixed["mean_od"], *mixed["std_od"])], mixed["kinds"]
    ([0.3, 0.1], {'he': 1.0})
    """
    factors = {factor for each in (one, other) for factor in each.get("size_factors") or [1.0]}
    mixed: dict[str, Any] = {"size_factors": sorted(factors)}
    if "mean_od" in one and "mean_od" in other:
        means = np.array([one["mean_od"], other["mean_od"]])
        variances = np.array([one["std_od"], other["std_od"]]) ** 2
        mixed["mean_od"] = means.mean(axis=0).tolist()
        mixed["std_od"] = np.sqrt(variances.mean(axis=0) + means.var(axis=0)).tolist()
    if one.get("kinds") and other.get("kinds"):
        shares: Counter[str] = Counter()
        for kinds in (one["kinds"], other["kinds"]):
            shares.update({kind: count / sum(kinds.values()) / 2 for kind, count in kinds.items()})
        mixed["kinds"] = dict(shares)
    looks = [Looks.from_plain(each.get("look")) for each in (one, other)]
    mixed["look"] = looks[0].mixed(looks[1]).as_plain() if looks[0] and looks[1] else None
    return mixed
