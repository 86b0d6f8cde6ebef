"""Pixels through OpenSlide: SVS, NDPI, MRXS, SCN, BIF, DICOM and the other vendors' formats."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import openslide

from acinus.core.errors import InputError
from acinus.core.geometry import Box, Size
from acinus.core.image import RgbArray
from acinus.slides.pixels import on_white
from acinus.slides.pyramid import SlideFacts, SourceRefusedError
from acinus.slides.reader import Level, level_downsample
from acinus.slides.resolution import from_axes, objective_note

__all__ = ["OpenSlideSource", "dicom_series", "openslide_vendor"]


def openslide_vendor(path: Path) -> str | None:
    """Return the vendor under which OpenSlide knows the file, None where it does not."""
    for place in _places(path):
        try:
            vendor: str | None = openslide.OpenSlide.detect_format(str(place))
        except openslide.OpenSlideError:
            continue
        if vendor is not None:
            return vendor
    return None


def dicom_series(path: Path) -> str | None:
    """Return the UID of the series that a DICOM file belongs to, None of any other file.

    A slide in DICOM is a series of several files, for its levels, label and overview; by whichever of them it
    is opened, it is the same slide.
    """
    if openslide_vendor(path) != "dicom":
        return None
    try:
        slide = _opened(path)
    except SourceRefusedError:
        return None
    with slide:
        series: str | None = slide.properties.get("dicom.SeriesInstanceUID")
    return series


def _places(path: Path) -> tuple[Path, ...]:
    """Return a file and, of a link, what it leads to.

    Slides of several files (MIRAX, VMS, DICOM) are opened by one of them; the others lie beside it, which may
    be beside the link or beside the file.
    """
    return (path, path.resolve()) if path.is_symlink() else (path,)


def _opened(path: Path) -> openslide.OpenSlide:
    """Open a slide where most of its levels are found."""
    slides, reasons = [], []
    for place in _places(path):
        try:
            slides.append(openslide.OpenSlide(str(place)))
        except openslide.OpenSlideError as error:
            reasons.append(error)
    if not slides:
        raise SourceRefusedError(str(reasons[0])) from reasons[0]
    best = max(slides, key=lambda slide: slide.level_count)
    for slide in slides:
        if slide is not best:
            slide.close()
    return best


class OpenSlideSource:
    """An open OpenSlide file.

    Raises
    ------
    SourceRefusedError
        When OpenSlide does not know the file or finds it damaged.
    """

    backend = "openslide"

    def __init__(self, path: Path) -> None:
        self._slide = _opened(path)
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
        opaque = (rgba[..., 3] == 255).all()
        return np.ascontiguousarray(rgba[..., :3]) if opaque else on_white(rgba)

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
