"""Warnings about an image: unfamiliar, no tissue, out of focus, an unusual stain, low trust, glands cut off.

The first, and trust, are what its record says; the others are computed from the pixels and the table, never
from truth. Thresholds are ours; how they were set is said beside each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from acinus.core.colour import optical_density
from acinus.core.image import RgbArray
from acinus.report.wording import trust
from acinus.results.folder import ImageResult
from acinus.slides import tissue_mask
from acinus.slides.focus import FOCUS_MPP, sharpness

Channels = tuple[float, float, float]

__all__ = [
    "ImageWarning",
    "PictureFacts",
    "StainReference",
    "image_warnings",
    "picture_facts",
    "stain_reference",
]

MIN_TISSUE = 0.02
"""Share of the picture, or of the fields with most tissue where it is large: biopsies may take a hundredth of
their slide. Below it there is nothing to segment."""

MIN_FOCUS = 0.05
"""In `PictureFacts.focus`: 40 GlaS images have 0.32 to 1.16, blurred by 1 µm (standard deviation)
0.04 to 0.30, by 2 µm 0.005 to 0.041; drawn images 0.30 to 0.77 and, with 2 µm, 0.011 to 0.019."""

MAX_STAIN_DISTANCE = 5.0
"""In spreads of the reference, over the three channels: in random batches of 8 GlaS images 0.6 % of the
images are farther from the others; brown (DAB) tissue is 8 away, blue 8, green 8."""

MIN_COHORT = 5
"""Other images needed to say that one is stained unlike them."""

MAX_CUT = 0.75
"""Share of an image's glands cut by its side above which its statistics rest on too few whole ones. Fields of
a few hundred µm cut half of their glands as a rule."""

_LEAST_SPREAD_OD = np.array([0.075, 0.29, 0.08])  # red, green, blue: among the 85 training images of GlaS


@dataclass(frozen=True)
class PictureFacts:
    """What the pixels say.

    Attributes
    ----------
    tissue_fraction : float
        Share of the picture that is tissue, 0..1.
    focus : float or None
        Variance of the Laplacian of the mean optical density over the variance of that density, both on
        tissue at `FOCUS_MPP`; None without tissue or where the image is coarser than `FOCUS_MPP`.
    mean_od : tuple of 3 floats or None
        Mean optical density (natural logarithm) of red, green and blue on tissue; None without tissue.
    """

    tissue_fraction: float
    focus: float | None
    mean_od: Channels | None


@dataclass(frozen=True)
class ImageWarning:
    """One warning: its kind, how grave it is, and the sentence shown."""

    kind: Literal["unfamiliar", "tissue", "focus", "stain", "trust", "cut", "empty", "source"]
    grave: bool
    text: str


def picture_facts(
    samples: Sequence[RgbArray], *, mpp: float, tissue_fraction: float | None = None
) -> PictureFacts:
    """Judge a picture by one or several samples of it.

    Parameters
    ----------
    samples : sequence of ndarray of shape (H, W, 3), uint8
        The whole picture, or fields of it where it is large; none where no field has tissue.
    mpp : float
        µm per pixel of the samples.
    tissue_fraction : float, optional
        Share of the whole picture that is tissue; by default that of the samples.

    Examples
    --------
    >>> picture_facts([np.full((64, 64, 3), 245, np.uint8)], mpp=1.0)
    PictureFacts(tissue_fraction=0.0, focus=None, mean_od=None)
    """
    tissue_px, total_px = 0, 0
    tissue_sum = np.zeros(3)
    sharpnesses, weights = [], []
    for rgb in samples:
        density = optical_density(rgb)
        tissue = tissue_mask(rgb, mpp=mpp)
        count = int(np.count_nonzero(tissue))
        tissue_px, total_px = tissue_px + count, total_px + tissue.size
        if count:
            tissue_sum += density[tissue].sum(axis=0, dtype=np.float64)
            sharpnesses.append(sharpness(density.mean(axis=2), tissue))
            weights.append(count)
    sampled = tissue_px / max(total_px, 1)
    fraction = sampled if tissue_fraction is None else tissue_fraction
    if sampled < MIN_TISSUE:
        return PictureFacts(fraction, None, None)
    judged = mpp <= FOCUS_MPP * 1.05
    focus = float(np.average(sharpnesses, weights=weights)) if judged else None
    red, green, blue = (tissue_sum / tissue_px).tolist()
    return PictureFacts(fraction, focus, (red, green, blue))


@dataclass(frozen=True)
class StainReference:
    """Mean optical density that images should have, how much it may differ, and what it was taken from."""

    mean_od: NDArray[np.float64]
    spread_od: NDArray[np.float64]
    source: str

    def distance(self, mean_od: Channels) -> float:
        """Return the distance in spreads over the three channels."""
        return float(np.linalg.norm((np.asarray(mean_od) - self.mean_od) / self.spread_od))


def stain_reference(run: dict[str, Any], others: Sequence[PictureFacts | None]) -> StainReference | None:
    """Return the training images' stain if the run file has it, else that of the other images of the batch.

    Parameters
    ----------
    run : dict
        ``run.json``; its ``stain`` is {"mean_od": [r, g, b], "std_od": [r, g, b]}: mean and standard
        deviation over the training images of their tissue's mean optical density (natural logarithm).
    others : sequence of PictureFacts or None
        The batch without the image that is judged; medians keep one more odd image from shifting it.
    """
    stain = run.get("stain")
    if (
        isinstance(stain, dict)
        and len(stain.get("mean_od") or []) == 3
        and len(stain.get("std_od") or []) == 3
    ):
        spread = np.maximum(np.asarray(stain["std_od"], np.float64), _LEAST_SPREAD_OD)
        return StainReference(np.asarray(stain["mean_od"], np.float64), spread, "the training images")
    known = np.array([facts.mean_od for facts in others if facts is not None and facts.mean_od is not None])
    if len(known) < MIN_COHORT:
        return None
    median = np.median(known, axis=0)
    spread = np.maximum(1.4826 * np.median(np.abs(known - median), axis=0), _LEAST_SPREAD_OD)
    return StainReference(median, spread, "the other images here")


def image_warnings(
    image: ImageResult, facts: PictureFacts | None, reference: StainReference | None
) -> list[ImageWarning]:
    """Return the warnings about one image, gravest first; none for a good one."""
    warnings = [
        ImageWarning("unfamiliar", True, f"Unfamiliar: {text}.") for text in image.record.unfamiliar.values()
    ]
    if facts is None:
        text = "The stained image is missing, damaged or replaced; tissue, focus and stain were not checked."
        warnings.append(ImageWarning("source", False, text))
    elif facts.mean_od is None:
        share = f"{100 * facts.tissue_fraction:.0f} %"
        warnings.append(
            ImageWarning("tissue", True, f"No tissue: {share} of the picture is stained like H&E.")
        )
    else:
        warnings += _of_pixels(facts, facts.mean_od, reference)
    level, shown = trust(image.record.quality)
    if level == "low" and not image.record.unfamiliar:  # which says why
        warnings.append(
            ImageWarning("trust", False, f"Trust is {shown}: look at its outlines before its numbers.")
        )
    count = len(image.glands)
    has_tissue = facts is None or facts.mean_od is not None
    if count == 0 and has_tissue and "stain" not in image.record.unfamiliar:
        warnings.append(ImageWarning("empty", False, "No gland was found on this tissue."))
    cut = int(np.count_nonzero(image.glands["touches_side"]))
    if count and cut / count > MAX_CUT:
        text = (
            f"{cut} of {count} glands are cut by the image border; shape statistics use the whole ones only."
        )
        warnings.append(ImageWarning("cut", False, text))
    return warnings


def _of_pixels(
    facts: PictureFacts, mean_od: Channels, reference: StainReference | None
) -> list[ImageWarning]:
    warnings = []
    if facts.focus is not None and facts.focus < MIN_FOCUS:
        text = f"Out of focus: sharpness {facts.focus:.3f}, expected {MIN_FOCUS:g} or more."
        warnings.append(ImageWarning("focus", True, text))
    distance = reference.distance(mean_od) if reference is not None else math.nan
    if reference is not None and distance > MAX_STAIN_DISTANCE:
        text = (
            f"Stained unlike {reference.source}: {distance:.1f} standard deviations away, "
            f"expected {MAX_STAIN_DISTANCE:g} or less."
        )
        warnings.append(ImageWarning("stain", True, text))
    return warnings
