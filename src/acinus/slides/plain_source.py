"""Pixels through Pillow: PNG, JPEG, BMP and the small TIFFs whose colours tifffile leaves alone."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from PIL import ExifTags, Image

from acinus.core.errors import InputError
from acinus.core.geometry import Box, Size
from acinus.core.image import RgbArray
from acinus.slides.pixels import GREYSCALE_REFUSAL, HIDDEN_NOTE, integer_scale, on_white
from acinus.slides.pyramid import SlideFacts, SourceRefusedError
from acinus.slides.reader import Level
from acinus.slides.resolution import Resolution, from_axes

__all__ = ["PLAIN_FORMATS", "PlainSource", "open_plain", "plain_orientation"]

PLAIN_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "JPEG2000", "WEBP")
"""The formats Pillow may try; others (EPS among them) would start foreign programs."""

_GREY_MODES = ("1", "L", "LA", "La", "F")  # and every I;16
_DENSITY_NAMES = {
    "PNG": "PNG pHYs",
    "JPEG": "JPEG density",
    "MPO": "JPEG density",
    "BMP": "BMP density",
    "TIFF": "TIFF resolution tag",
}


_LEAST_HIDDEN = 0.01  # of a picture, transparent, that is worth saying (ours)


def open_plain(path: Path) -> Image.Image:
    """Open and decode a plain image.

    Raises
    ------
    SourceRefusedError
        When it is none, or damaged.
    InputError
        When it is too large to be held in memory as a whole, or a JPEG of more than 8 bits.
    """
    too_large = f"{path.name} is too large for a plain image; convert it to a tiled TIFF"
    try:
        # The file is opened here, so that it is closed after an error too. Warnings are of large images and
        # of odd metadata; what matters of both comes as an error.
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image: Image.Image = Image.open(file, formats=PLAIN_FORMATS)
            getattr(image, "n_frames", 1)  # a TIFF's pages are counted while it is open, and remembered
            image.load()
    except Image.DecompressionBombError as error:
        raise InputError(too_large) from error
    except Exception as error:  # of a damaged header Pillow raises whatever comes of its numbers
        _check_jpeg(path)
        raise SourceRefusedError(str(error)) from error
    return image


def _check_jpeg(path: Path) -> None:
    """Refuse by its reason what Pillow calls damaged: a JPEG of more than 8 bits."""
    with path.open("rb") as file:
        data = file.read(1 << 16)
    place = 2
    while data[:2] == b"\xff\xd8" and place + 5 <= len(data) and data[place] == 0xFF:
        marker, length, bits = struct.unpack(">xBHB", data[place : place + 5])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # the start of the picture
            if bits != 8:
                raise InputError(
                    f"{path.name} is a JPEG of {bits} bits, expected 8; export it as PNG or TIFF"
                )
            return
        place += 2 + length


class PlainSource:
    """A plain image, decoded once and held in memory.

    Transparent parts are laid on white, palettes and CMYK become RGB, and of 16-bit channels the high byte of
    the bits that are used is kept.

    Raises
    ------
    SourceRefusedError
        When Pillow cannot read it.
    InputError
        When it is greyscale.
    """

    backend = "pillow"

    def __init__(self, path: Path) -> None:
        image = open_plain(path)
        self._rgb, notes = _rgb(image, path)
        size = Size(self._rgb.shape[1], self._rgb.shape[0])
        found = _density(image)
        pictures = getattr(image, "n_frames", 1)
        if pictures > 1:
            notes.append(f"picture 1 of {pictures} is read")
        self.facts = SlideFacts(
            format="jpeg" if image.format == "MPO" else (image.format or "unknown").lower(),
            levels=(Level(size=size, downsample=1.0, tile=size),),
            bounds=Box(0, 0, size.width, size.height),
            mpp=found.mpp,
            mpp_source=found.source,
            mpp_doubt=found.doubt,
            notes=notes,
            orientation=plain_orientation(image),
        )

    def read_level(self, level: int, box: Box) -> RgbArray:
        """Return a box of the image."""
        return self._rgb[box.y : box.bottom, box.x : box.right]

    def close(self) -> None:
        """Release the pixels."""
        self._rgb = np.zeros((0, 0, 3), np.uint8)


def _rgb(image: Image.Image, path: Path) -> tuple[RgbArray, list[str]]:
    """Return the pixels, and what is to be said of how they became RGB."""
    if image.mode in _GREY_MODES or image.mode.startswith("I"):
        raise InputError(f"{path.name} {GREYSCALE_REFUSAL}")
    if image.mode in ("LAB", "HSV"):
        raise InputError(f"{path.name} holds colours as {image.mode}; export it as RGB")
    notes = []
    if image.mode in ("P", "PA"):
        notes.append("its colours are those of a palette")
    if image.mode == "CMYK":
        notes.append("its printing colours (CMYK) are turned into RGB without a profile")
    pixels: np.ndarray[Any, Any] | None = _deep_png(path) if image.format == "PNG" else None
    if pixels is not None:
        scale = integer_scale(int(pixels[..., :3].max()), stored_bits=16)
        notes += [] if scale.note is None else [scale.note]
        pixels = scale.to_8_bit(pixels)
    elif image.mode in ("RGBA", "RGBa", "PA") or "transparency" in image.info:
        pixels = np.asarray(image.convert("RGBA"))
    else:
        pixels = np.asarray(image.convert("RGB"))
    if pixels.shape[2] == 3:
        return pixels, notes
    if not pixels[..., 3].any() and pixels[..., :3].min() < pixels[..., :3].max():
        return np.ascontiguousarray(pixels[..., :3]), [*notes, HIDDEN_NOTE]
    hidden = float((pixels[..., 3] == 0).mean())
    if hidden >= _LEAST_HIDDEN:
        notes.append(f"{100 * hidden:.0f} % of it is transparent and seen as white, as a lumen is")
    return on_white(pixels), notes


def _deep_png(path: Path) -> np.ndarray[Any, Any] | None:
    """Return the 16-bit values of a PNG, of which Pillow keeps the high byte; None of any other PNG."""
    data = path.read_bytes()
    if data[24:26] not in (b"\x10\x02", b"\x10\x06"):  # bit depth 16; RGB, RGBA
        return None
    try:
        return np.asarray(imagecodecs.png_decode(data))
    except imagecodecs.PngError as error:
        raise SourceRefusedError(str(error)) from error


def plain_orientation(image: Image.Image) -> int:
    """Return the orientation in which an image's pixels are: Pillow has turned a TIFF already."""
    if image.format == "TIFF":
        return 1
    value = image.getexif().get(ExifTags.Base.Orientation, 1)
    return value if isinstance(value, int) else 1


def _density(image: Image.Image) -> Resolution:
    # Some formats hold whole dots only, which is exact enough: 0.5 µm/px are 50,800 dpi.
    dpi: Any = image.info.get("dpi") or (0, 0)
    x, y = (25400 / float(side) if side else None for side in dpi)
    return from_axes(x, y, _DENSITY_NAMES.get(image.format or "", "density"), density=True)
