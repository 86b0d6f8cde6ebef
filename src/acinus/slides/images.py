"""Whole plain images and label maps into memory."""

from __future__ import annotations

from pathlib import Path

from acinus.core.errors import InputError
from acinus.core.geometry import Box
from acinus.core.image import RgbImage
from acinus.slides.opening import open_slide
from acinus.slides.openslide_source import openslide_vendor
from acinus.slides.reader import SlideReader, resolved_mpp

__all__ = ["LARGEST_IMAGE_PX", "SMALLEST_SIDE_PX", "is_slide", "read_image", "whole_image"]

SMALLEST_SIDE_PX = 32
"""Less than this shows no gland at any resolution: 128 µm at the coarsest that a microscope has."""

LARGEST_IMAGE_PX = 100_000_000
"""300 MB of RGB; what is larger is a slide, read window by window."""


def read_image(path: Path | str, *, mpp: float | None = None) -> RgbImage:
    """Read a whole image at full resolution.

    Parameters
    ----------
    path : Path or str
        PNG, JPEG, BMP, TIFF, or a small slide. Transparency is laid on white, palettes and CMYK become RGB,
        and of 16-bit channels the high byte is kept.
    mpp : float, optional
        µm per pixel; overrides what the file says.

    Returns
    -------
    RgbImage
        Named by the file's stem. An image without tissue, all white or all black, is read like any other.

    Raises
    ------
    InputError
        When the file cannot be read, is greyscale, narrower than 32 px or larger than 100 Mpx.
    MppError
        When neither `mpp` nor the file gives a resolution that a microscope has.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> path = Path(tempfile.mkdtemp()) / "pink.png"
    >>> Image.new("RGB", (80, 60), (230, 150, 190)).save(path)
    >>> image = read_image(path, mpp=0.5)
    >>> image.name, image.shape, image.mpp
    ('pink', (60, 80), 0.5)
    """
    with open_slide(path, mpp=mpp) as slide:
        return whole_image(slide)


def whole_image(slide: SlideReader) -> RgbImage:
    """Read all of an open image at full resolution, as `read_image` does."""
    size = slide.size
    if min(size.width, size.height) < SMALLEST_SIDE_PX:
        raise InputError(
            f"{slide.path.name} has {size.width} × {size.height} px, expected at least "
            f"{SMALLEST_SIDE_PX} each way; give the image at full resolution"
        )
    if size.width * size.height > LARGEST_IMAGE_PX:
        raise InputError(
            f"{slide.path.name} has {size.width * size.height / 1e6:.0f} Mpx, too many to hold in memory; "
            "acinus segment takes it window by window, for anything else cut out a part"
        )
    native = resolved_mpp(slide)
    return RgbImage(slide.read(Box(0, 0, size.width, size.height), mpp=native), native, slide.path.stem)


def is_slide(slide: SlideReader) -> bool:
    """Say whether an open file is more than an image: a scanner's, a pyramid, or too large for memory."""
    if openslide_vendor(slide.path) not in (None, "generic-tiff") or len(slide.levels) > 1:
        return True
    return slide.size.width * slide.size.height > LARGEST_IMAGE_PX
