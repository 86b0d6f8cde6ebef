"""What OME-XML says of each image of a file: its size, resolution, significant bits and channels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from acinus.core.geometry import Size
from acinus.slides.pixels import are_fluorescent
from acinus.slides.resolution import Resolution, from_axes, um_per_unit

__all__ = ["OmeImage", "ome_image_of", "ome_images"]

_SOURCE = "OME-XML PhysicalSize"


@dataclass(frozen=True)
class OmeImage:
    """One ``Image`` of OME-XML.

    Attributes
    ----------
    name : str
        Empty where there is none.
    size : Size
    planes : int
        Depths × times × channels.
    first_page : int or None
        The page that holds its first plane.
    resolution : Resolution
    significant_bits : int or None
        How many of a pixel's bits are used.
    is_fluorescence : bool
        Whether a channel has an emission wavelength or a fluorophore, or is named or coloured as if.
    """

    name: str
    size: Size
    planes: int
    first_page: int | None
    resolution: Resolution
    significant_bits: int | None
    is_fluorescence: bool


def ome_images(xml: str) -> list[OmeImage]:
    """Return the images that OME-XML describes, in its order; none when it is damaged.

    Examples
    --------
    >>> physical = 'PhysicalSizeX="250" PhysicalSizeXUnit="nm" PhysicalSizeY="0.25"'
    >>> xml = f'<OME><Image Name="scan"><Pixels SizeX="8" SizeY="6" {physical}/></Image></OME>'
    >>> [(image.name, image.size, image.resolution.mpp) for image in ome_images(xml)]
    [('scan', Size(width=8, height=6), 0.25)]
    """
    try:
        root = ET.fromstring(xml)
    except (ET.ParseError, ValueError):
        return []
    return [
        _image(element, pixels) for element in _named(root, "Image") for pixels in _named(element, "Pixels")
    ]


def ome_image_of(images: list[OmeImage], *, page: int, size: Size) -> OmeImage | None:
    """Return the image whose first plane is on `page`, else the only one of `size`.

    Where several have that size, they are one as far as they agree; a resolution that differs is in doubt.
    None when there is no image of `size`: then the text is that of another file.
    """
    same_size = [image for image in images if image.size == size]
    on_page = [image for image in same_size if image.first_page == page]
    found = on_page or same_size
    if not found:
        return None
    if any(image.resolution.mpp != found[0].resolution.mpp for image in found):
        several = (
            f"holds several images of {size.width} × {size.height} px with different resolutions (OME-XML)"
        )
        return OmeImage(
            name="",
            size=size,
            planes=found[0].planes,
            first_page=None,
            resolution=Resolution(None, _SOURCE, several),
            significant_bits=found[0].significant_bits,
            is_fluorescence=any(image.is_fluorescence for image in found),
        )
    return found[0]


def _image(element: ET.Element, pixels: ET.Element) -> OmeImage:
    channels = list(_named(pixels, "Channel"))
    pages = [_whole(data.get("IFD", "0")) for data in _named(pixels, "TiffData")]
    sizes = {axis: _whole(pixels.get(f"Size{axis}", "1")) or 1 for axis in "XYZCT"}
    return OmeImage(
        name=element.get("Name", ""),
        size=Size(sizes["X"], sizes["Y"]),
        planes=sizes["Z"] * sizes["C"] * sizes["T"],
        first_page=pages[0] if pages else None,
        resolution=_resolution(pixels),
        significant_bits=_whole(pixels.get("SignificantBits", "")),
        is_fluorescence=any(
            "EmissionWavelength" in each.attrib or "Fluor" in each.attrib for each in channels
        )
        or are_fluorescent(
            [each.get("Name", "") for each in channels], [_colour(each.get("Color", "")) for each in channels]
        ),
    )


def _resolution(pixels: ET.Element) -> Resolution:
    sides: dict[str, float | None] = {}
    for axis in "XY":
        unit = pixels.get(f"PhysicalSize{axis}Unit", "µm")
        um = um_per_unit(unit)
        text = pixels.get(f"PhysicalSize{axis}")
        if text is not None and um is None:
            return Resolution(None, f"not in the file ({_SOURCE} is in {unit!r})")
        sides[axis] = None if text is None or um is None else _number(text, um)
    return from_axes(sides["X"], sides["Y"], _SOURCE)


def _named(element: ET.Element, name: str) -> Iterator[ET.Element]:
    """Yield the children of that name in whatever version of the schema."""
    return (child for child in element if child.tag.rpartition("}")[2] == name)


def _number(text: str, factor: float) -> float | None:
    try:
        return float(text) * factor
    except ValueError:
        return None


def _colour(text: str) -> str:
    """Return RRGGBB of OME's colour, a signed number of red, green, blue, alpha; empty without one."""
    try:
        return f"{int(text) & 0xFFFFFFFF:08x}"[:6]
    except ValueError:
        return ""


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 12 else None
