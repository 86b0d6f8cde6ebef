"""µm per pixel of a TIFF: OME-XML, Aperio's description, ImageJ's unit, then the resolution tags."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import tifffile

from acinus.slides.pixels import screen_density_removed

__all__ = ["tiff_mpp"]

_UM_PER_UNIT = {"µm": 1.0, "μm": 1.0, "um": 1.0, "nm": 1e-3, "mm": 1e3, "cm": 1e4, "m": 1e6, "Å": 1e-4}
_UM_PER_RESOLUTION_UNIT = {2: 25400.0, 3: 10000.0}  # inch, centimetre; 1 means none
_IMAGEJ_MICRON = ("micron", "microns", "um", "µm", "\\u00B5m")


def tiff_mpp(file: tifffile.TiffFile) -> tuple[float | None, str]:
    """Return µm per pixel of the first page, the mean of both axes, and where it stands.

    Numbers written for microscopes (OME-XML, Aperio, ImageJ) are returned as they are. Resolution tags count
    only down to 4 µm/px, since most programs put a screen's density there.
    """
    page = file.pages[0]
    if file.is_ome and (mpp := ome_mpp(file.ome_metadata or "")) is not None:
        return mpp, "OME-XML PhysicalSizeX"
    if file.is_svs and (found := re.search(r"\bMPP\s*=\s*([\d.]+)", page.description)):
        return float(found[1]), "Aperio's MPP"
    sides = [_tag_ratio(page, name) for name in ("XResolution", "YResolution")]
    ratios = [ratio for ratio in sides if ratio]
    if not ratios:
        return None, "not in the file"
    pixels_per_unit = sum(ratios) / len(ratios)
    if file.is_imagej and (file.imagej_metadata or {}).get("unit") in _IMAGEJ_MICRON:
        return 1 / pixels_per_unit, "ImageJ's unit"
    unit = page.tags.get("ResolutionUnit")
    um_per_unit = _UM_PER_RESOLUTION_UNIT.get(int(unit.value) if unit is not None else 2)
    return screen_density_removed(um_per_unit and um_per_unit / pixels_per_unit, "TIFF resolution tag")


def _tag_ratio(page: tifffile.TiffPage, name: str) -> float | None:
    tag = page.tags.get(name)
    if tag is None or not tag.value[1]:
        return None
    return float(tag.value[0]) / float(tag.value[1])


def ome_mpp(xml: str) -> float | None:
    """Return µm per pixel of the first image in OME-XML, None when it gives none.

    Examples
    --------
    >>> ome_mpp('<OME><Image><Pixels PhysicalSizeX="250" PhysicalSizeXUnit="nm"/></Image></OME>')
    0.25
    """
    try:
        root = ET.fromstring(xml)
    except ET.ParseError:
        return None
    for element in root.iter():
        if element.tag.rpartition("}")[2] != "Pixels":
            continue
        sides = []
        for axis in "XY":
            size = element.get(f"PhysicalSize{axis}")
            um = _UM_PER_UNIT.get(element.get(f"PhysicalSize{axis}Unit", "µm"))
            if size is not None and um is not None:
                sides.append(float(size) * um)
        return sum(sides) / len(sides) if sides else None
    return None
