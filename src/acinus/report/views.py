"""Each image looked at once: its picture, facts from its pixels, and its glands in the gallery."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from acinus.core.errors import AcinusError
from acinus.report.gallery import Chosen, surroundings
from acinus.report.outlines import box_of, read_outlines
from acinus.report.pictures import (
    Picture,
    crop_picture,
    focus_samples,
    opened,
    overlay_picture,
    thumbnail,
)
from acinus.report.quality import ImageWarning, PictureFacts, image_warnings, picture_facts, stain_reference
from acinus.report.statistics import whole_glands
from acinus.report.wording import number, percent, plural, trust
from acinus.results.artefacts import areas_in_words
from acinus.results.folder import ImageResult, Results
from acinus.slides import SlideReader

__all__ = ["Crop", "ImageView", "look"]

_CROP_PX = 300
_MOST_PICTURES = 60


@dataclass(frozen=True)
class Crop:
    """A gland of the gallery with its picture."""

    gland: Chosen
    picture: Picture
    alt: str


@dataclass(frozen=True)
class ImageView:
    """What the page shows of one image."""

    anchor: str
    result: ImageResult
    picture: Picture | None
    alt: str
    trust: tuple[str, str]
    warnings: tuple[ImageWarning, ...]
    shown: bool
    cut: int
    median_area_um2: float
    median_solidity: float

    @property
    def artefacts(self) -> str:
        """What was left out of a slide and how much of it; empty where there is nothing."""
        return areas_in_words(self.result.record.artefacts or {})

    def summary(self, key: str) -> float:
        """Return a number of the image's summary; NaN where it is missing."""
        return self.result.record.summary.get(key, math.nan)


@dataclass(frozen=True)
class _Seen:
    picture: Picture | None
    facts: PictureFacts | None
    crops: dict[int, Picture]  # by label


def look(results: Results, chosen: Sequence[Chosen]) -> tuple[list[ImageView], list[Crop]]:
    """Open every image once and return its view, and the crops of the chosen glands in their order.

    Only one image's pixels are in memory at a time. Of more than 60 images the first 60 are shown as
    pictures; all are judged.
    """
    side_px = 1100 if len(results.images) <= 8 else 800 if len(results.images) <= 24 else 560
    seen = []
    for index, image in enumerate(results.images):
        own = [gland for gland in chosen if gland.image is image]
        seen.append(_see(image, own, side_px=side_px, shown=index < _MOST_PICTURES))
    views = []
    for index, image in enumerate(results.images):
        others = [other.facts for k, other in enumerate(seen) if k != index]
        facts = seen[index].facts
        warnings = image_warnings(image, facts, stain_reference(results.run, others))
        views.append(_view(index, image, seen[index].picture, warnings))
    pictures = {id(image): one.crops for image, one in zip(results.images, seen, strict=True)}
    crops = [
        Crop(gland, pictures[id(gland.image)][gland.label], _crop_alt(gland))
        for gland in chosen
        if gland.label in pictures[id(gland.image)]
    ]
    return views, crops


def _see(image: ImageResult, chosen: Sequence[Chosen], *, side_px: int, shown: bool) -> _Seen:
    """Look at the stained image, or at its overlay where it is gone, damaged or no longer the same size."""
    with opened(image) as reader:
        if reader is not None:
            with suppress(AcinusError, OSError):  # a damaged tile shows only when it is read
                return _see_source(image, reader, chosen, side_px=side_px, shown=shown)
    overlay, width_um = image.overlay_file, image.record.scanned_width_um
    picture = overlay_picture(overlay, width_um=width_um, side_px=side_px) if shown and overlay else None
    return _Seen(picture, None, {})


def _see_source(
    image: ImageResult, reader: SlideReader, chosen: Sequence[Chosen], *, side_px: int, shown: bool
) -> _Seen:
    file = image.outlines_file
    outlines = read_outlines(file, origin_px=image.record.origin_px) if file else {}
    samples, mpp, tissue_fraction = focus_samples(image, reader)
    facts = picture_facts(samples, mpp=mpp, tissue_fraction=tissue_fraction)
    picture = thumbnail(image, reader, outlines, side_px=side_px) if shown else None
    crops = {}
    for gland in chosen:
        if gland.label in outlines:
            box = surroundings(box_of(outlines[gland.label]), image)
            crops[gland.label] = crop_picture(
                image, reader, outlines, chosen=gland.label, box=box, side_px=_CROP_PX
            )
    return _Seen(picture, facts, crops)


def _view(index: int, image: ImageResult, picture: Picture | None, warnings: list[ImageWarning]) -> ImageView:
    whole = whole_glands(image.glands)
    count = len(image.glands)
    alt = (
        f"Stained tissue of {image.name} with {plural(count, 'gland')} outlined, covering "
        f"{percent(image.record.gland_area_fraction)} of it."
    )
    return ImageView(
        anchor=f"image-{index + 1}",
        result=image,
        picture=picture,
        alt=alt,
        trust=trust(image.record.quality),
        warnings=tuple(warnings),
        shown=index < _MOST_PICTURES,
        cut=int(np.count_nonzero(image.glands["touches_side"])),
        median_area_um2=float(np.median(whole["area_um2"])) if len(whole) else float("nan"),
        median_solidity=float(np.median(whole["solidity"])) if len(whole) else float("nan"),
    )


def _crop_alt(gland: Chosen) -> str:
    return (
        f"Gland {gland.label} of {gland.image.name}, outlined: solidity {number(gland.value('solidity'))}, "
        f"area {number(gland.value('area_um2'))} µm²."
    )
