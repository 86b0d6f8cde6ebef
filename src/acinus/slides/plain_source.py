"""Pixels through Pillow: PNG, JPEG, BMP and the small TIFFs whose colours tifffile leaves alone."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from acinus.core.errors import InputError
from acinus.core.geometry import Box, Size
from acinus.core.image import RgbArray
from acinus.slides.pixels import GREYSCALE_REFUSAL, on_white, screen_density_removed
from acinus.slides.pyramid import SlideFacts, SourceRefusedError
from acinus.slides.reader import Level

__all__ = ["PLAIN_FORMATS", "PlainSource", "open_plain"]

PLAIN_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "JPEG2000", "WEBP")
"""The formats Pillow may try; others (EPS among them) would start foreign programs."""

_GREY_MODES = ("1", "L", "LA", "La", "F")  # and every I;16
_DENSITY_NAMES = {
    "PNG": "PNG pHYs",
    "JPEG": "JPEG density",
    "BMP": "BMP density",
    "TIFF": "TIFF resolution tag",
}


def open_plain(path: Path) -> Image.Image:
    """Open and decode a plain image.

    Raises
    ------
    SourceRefusedError
        When it is none, or damaged.
    InputError
        When it is too large to be held in memory as a whole.
    """
    too_large = f"{path.name} is too large for a plain image; convert it to a pyramidal TIFF"
    try:
        # The file is opened here, so that it is closed after an error too. Warnings are of large images and
        # of odd metadata; what matters of both comes as an error.
        with path.open("rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image: Image.Image = Image.open(file, formats=PLAIN_FORMATS)
            image.load()
    except Image.DecompressionBombError as error:
        raise InputError(too_large) from error
    except UnidentifiedImageError as error:
        raise SourceRefusedError("not an image") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:  # Pillow's ways to say "damaged"
        raise SourceRefusedError(str(error)) from error
    return image


class PlainSource:
    """A plain image, decoded once and held in memory.

    Transparent parts are laid on white, palettes and CMYK become RGB, and of 16-bit channels the high byte is
    kept.

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
        self._rgb = _rgb(image, path)
        size = Size(image.width, image.height)
        mpp, source = _density_mpp(image)
        self.facts = SlideFacts(
            format=(image.format or "unknown").lower(),
            levels=(Level(size=size, downsample=1.0, tile=size),),
            bounds=Box(0, 0, size.width, size.height),
            mpp=mpp,
            mpp_source=source,
        )

    def read_level(self, level: int, box: Box) -> RgbArray:
        """Return a box of the image."""
        return self._rgb[box.y : box.bottom, box.x : box.right]

    def close(self) -> None:
        """Release the pixels."""
        self._rgb = np.zeros((0, 0, 3), np.uint8)


def _rgb(image: Image.Image, path: Path) -> RgbArray:
    if image.mode in _GREY_MODES or image.mode.startswith("I"):
        raise InputError(f"{path.name} {GREYSCALE_REFUSAL}")
    if image.mode in ("RGBA", "RGBa", "PA") or "transparency" in image.info:
        return on_white(np.asarray(image.convert("RGBA")))
    return np.asarray(image.convert("RGB"))


def _density_mpp(image: Image.Image) -> tuple[float | None, str]:
    # Some formats hold whole dots only, which is exact enough: 0.5 µm/px are 50,800 dpi.
    dpi: Any = image.info.get("dpi")
    sides = [float(side) for side in dpi if side] if dpi else []
    mpp = 25400 * len(sides) / sum(sides) if sides else None
    return screen_density_removed(mpp, _DENSITY_NAMES.get(image.format or "", "density"))
