"""µm per pixel of a picture of a TIFF: OME-XML, Aperio's description, ImageJ's unit, or resolution tags."""

from __future__ import annotations

import re
from typing import Any

import tifffile

from acinus.slides.ome import OmeImage
from acinus.slides.resolution import Resolution, from_axes, objective_note, tags_note, um_per_unit

__all__ = ["aperio_number", "picture_resolution"]

_UM_PER_RESOLUTION_UNIT = {2: 25400.0, 3: 10000.0}  # inch, centimetre; 1 means none
_UNITS_OF_SCREENS = ("inch", "in", "cm")  # what ImageJ makes of the density of any picture


def picture_resolution(
    file: tifffile.TiffFile, page: tifffile.TiffPage, ome: OmeImage | None
) -> tuple[Resolution, float | None, list[str]]:
    """Return the resolution of a picture, the objective's power, and what contradicts either.

    Parameters
    ----------
    file : TiffFile
    page : TiffPage
        The picture's first page at full resolution; the tags of no other page count.
    ome : OmeImage or None
        What OME-XML says of the picture.
    """
    tags = _tag_resolution(page)
    power = aperio_number(page.description, "AppMag") if file.is_svs else None
    named = Resolution()
    if ome is not None:
        named = ome.resolution
    elif file.is_svs and (mpp := aperio_number(page.description, "MPP")) is not None:
        named = Resolution(mpp, "Aperio's MPP")
    elif file.is_imagej:
        named = _imagej_resolution(page, file.imagej_metadata or {})
        tags = named if named.mpp is not None else tags  # the tags hold the unit that ImageJ names
    if named.mpp is None and named.doubt is None and (tags.mpp or tags.doubt or named == Resolution()):
        named = tags
    notes = (tags_note(named, tags), objective_note(named.mpp, power))
    return named, power, [note for note in notes if note is not None]


def aperio_number(description: str, name: str) -> float | None:
    """Return a number of Aperio's description (``MPP``, ``AppMag``), None when it is absent or none.

    Examples
    --------
    >>> aperio_number("Aperio Image Library|AppMag = 20|MPP = 0.4990", "MPP")
    0.499
    >>> aperio_number("Aperio Image Library|MPP = 0,4990|", "MPP")  # a scanner in Germany
    0.499
    """
    found = re.search(rf"(?:^|\|)\s*{name}\s*=\s*([^|;\s]+)", description)
    try:
        return float(found[1].replace(",", ".")) if found else None
    except ValueError:
        return None


def _tag_resolution(page: tifffile.TiffPage) -> Resolution:
    """Return what the resolution tags say; on each axis only a density that a microscope can have counts."""
    tag = page.tags.get("ResolutionUnit")
    um = _UM_PER_RESOLUTION_UNIT.get(int(tag.value) if tag is not None else 2)
    x, y = (_um_per_px(page, name, um) for name in ("XResolution", "YResolution"))
    return from_axes(x, y, "TIFF resolution tag", density=True)


def _imagej_resolution(page: tifffile.TiffPage, metadata: dict[str, Any]) -> Resolution:
    """Return what ImageJ says: the tags hold pixels per unit, the description names the unit."""
    unit_x = str(metadata.get("unit", ""))
    unit_y = str(metadata.get("yunit", unit_x))
    x, y = (
        _um_per_px(page, name, um_per_unit(unit))
        for name, unit in (("XResolution", unit_x), ("YResolution", unit_y))
    )
    return from_axes(x, y, "ImageJ's unit", density=unit_x in _UNITS_OF_SCREENS)


def _um_per_px(page: tifffile.TiffPage, name: str, um_per_unit: float | None) -> float | None:
    """Return µm per pixel from a tag in pixels per unit, None when either is absent."""
    tag = page.tags.get(name)
    if tag is None or um_per_unit is None:
        return None
    pixels, units = (float(part) for part in tag.value)
    return um_per_unit * units / pixels if pixels else None
