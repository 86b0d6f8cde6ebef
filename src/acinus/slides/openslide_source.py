"""Pixels through OpenSlide: SVS, NDPI, MRXS, SCN, BIF, DICOM and the other vendors' formats."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import openslide

from acinus.core.errors import InputError
from acinus.core.geometry import Box, Size
from acinus.core.image import RgbArray
from acinus.slides.pyramid import SlideFacts, SourceRefusedError
from acinus.slides.reader import Level, level_downsample
from acinus.slides.resolution import from_axes, objective_note

__all__ = ["OpenSlideSource", "openslide_vendor"]


def openslide_vendor(path: Path) -> str | None:
    """Return the vendor under which OpenSlide knows the file, None where it does not."""
    try:
        vendor: str | None = openslide.OpenSlide.detect_format(str(path))
    except openslide.OpenSlideError:
        return None
    return vendor


class OpenSlideSource:
    """An open OpenSlide file.

    Raises
    ------
    SourceRefusedError
        When OpenSlide does not know the file or finds it damaged.
    """

    backend = "openslide"

    def __init__(self, path: Path) -> None:
        try:
            self._slide = openslide.OpenSlide(str(path))
        except openslide.OpenSlideError as error:
            raise SourceRefusedError(str(error)) from error
        self._path = path
        self.facts = _facts(self._slide)

    def read_level(self, level: int, box: Box) -> RgbArray:
        """Return a box of one level; holes in the scan are white."""
        # OpenSlide asks for the corner in level-0 pixels even on other levels, and divides by its own number.
        downsample = self._slide.level_downsamples[level]
        corner = (round(box.x * downsample), round(box.y * downsample))
        try:
            region = self._slide.read_region(corner, level, (box.width, box.height))
        except openslide.OpenSlideError as error:
            raise InputError(
                f"{self._path.name} cannot be decoded ({error}); the file is damaged, copy it again"
            ) from error
        rgba = np.asarray(region)  # (H, W, 4), colours not premultiplied
        if (rgba[..., 3] == 255).all():
            return np.ascontiguousarray(rgba[..., :3])
        alpha = rgba[..., 3:].astype(np.float32) / 255
        return np.rint(255 - alpha * (255.0 - rgba[..., :3])).astype(np.uint8)

    def close(self) -> None:
        """Release the file."""
        self._slide.close()


def _facts(slide: openslide.OpenSlide) -> SlideFacts:
    known: Mapping[str, str] = slide.properties
    levels = tuple(
        Level(
            size=Size(*slide.level_dimensions[i]),
            downsample=level_downsample(Size(*slide.dimensions), Size(*slide.level_dimensions[i])),
            tile=Size(
                int(known.get(f"openslide.level[{i}].tile-width", slide.level_dimensions[i][0])),
                int(known.get(f"openslide.level[{i}].tile-height", slide.level_dimensions[i][1])),
            ),
        )
        for i in range(slide.level_count)
    )
    vendor = known.get("openslide.vendor", "unknown")
    found = from_axes(
        _number(known, "openslide.mpp-x"),
        _number(known, "openslide.mpp-y"),
        "header (openslide.mpp-x)",
        density=vendor == "generic-tiff",
    )
    power = _number(known, "openslide.objective-power")
    note = objective_note(found.mpp, power)
    whole = levels[0].size
    return SlideFacts(
        format=vendor,
        levels=levels,
        bounds=Box(
            int(known.get("openslide.bounds-x", 0)),
            int(known.get("openslide.bounds-y", 0)),
            int(known.get("openslide.bounds-width", whole.width)),
            int(known.get("openslide.bounds-height", whole.height)),
        ),
        mpp=found.mpp,
        mpp_source=found.source,
        mpp_doubt=found.doubt,
        objective_power=power,
        notes=() if note is None else (note,),
    )


def _number(known: Mapping[str, str], key: str) -> float | None:
    try:
        return float(known[key])
    except (KeyError, ValueError):
        return None
