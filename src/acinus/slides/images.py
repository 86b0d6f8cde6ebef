"""Whole plain images and label maps into memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy import ndimage

from acinus.core.errors import InputError
from acinus.core.geometry import Box
from acinus.core.image import LabelMap, RgbImage
from acinus.slides.opening import check_readable, open_slide, unreadable
from acinus.slides.openslide_source import openslide_vendor
from acinus.slides.plain_source import open_plain
from acinus.slides.pyramid import SourceRefusedError
from acinus.slides.reader import SlideReader, resolved_mpp

__all__ = ["LARGEST_IMAGE_PX", "SMALLEST_SIDE_PX", "is_slide", "read_image", "read_labels", "whole_image"]

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


def read_labels(path: Path | str) -> LabelMap:
    """Read a label map, or a mask whose separate areas become the glands.

    Parameters
    ----------
    path : Path or str
        PNG, BMP or TIFF of one channel, 8, 16 or 32 bits: 0 background, one value for each gland. When it
        holds a single value beside 0 (a mask of 0 and 255, say) each 8-connected area is one gland; a map of
        one gland in one piece is unchanged by that, but for its value, which becomes 1.

    Returns
    -------
    ndarray of shape (H, W), int32
        All 0 for an empty map.

    Raises
    ------
    InputError
        When it cannot be read, is a colour image or holds negative or fractional values.
    """
    path = Path(path)
    check_readable(path)
    values = _label_values(path)
    if values.ndim != 2:
        raise InputError(
            f"{path.name} is a colour image, expected one channel with a value for each gland; "
            "export the labels, not their picture"
        )
    if values.dtype.kind == "f" and not np.array_equal(values, np.rint(values)):
        raise InputError(
            f"{path.name} holds fractions, expected whole numbers; export the labels as integers"
        )
    if values.size and (values.min() < 0 or values.max() > np.iinfo(np.int32).max):
        raise InputError(
            f"{path.name} holds values outside 0 to 2³¹ − 1; export the labels as 32-bit integers"
        )
    labels = values.astype(np.int32)
    if np.unique(labels[labels > 0]).size == 1:
        return np.asarray(ndimage.label(labels > 0, structure=np.ones((3, 3)))[0], dtype=np.int32)
    return labels


def _label_values(path: Path) -> NDArray[Any]:
    """Return the file's numbers as stored; a palette's indices, not its colours."""
    try:
        return _one_plane(np.asarray(tifffile.imread(path)))
    except Exception:  # not a TIFF, or one that Pillow may know; of a damaged one tifffile raises anything
        pass
    try:
        image = open_plain(path)
    except SourceRefusedError as error:
        raise unreadable(path) from error
    values = _one_plane(np.asarray(image))
    if values.ndim == 3 and (values[..., :1] == values[..., :3]).all():
        values = values[..., 0]  # a mask saved as RGB, R = G = B
    return values


def _one_plane(values: NDArray[Any]) -> NDArray[Any]:
    """Drop axes of length 1 beyond the two of the image."""
    while values.ndim > 2 and 1 in (values.shape[0], values.shape[-1]):
        values = values[0] if values.shape[0] == 1 else values[..., 0]
    return values
