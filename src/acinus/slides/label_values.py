"""The numbers in the file of a label map: as stored, one per pixel, with what the file says of them."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

from acinus.core.errors import AcinusError, InputError
from acinus.core.scratch import bands, is_large, scratch_array
from acinus.slides.opening import check_readable, unreadable
from acinus.slides.orientation import TURNED, turned
from acinus.slides.plain_source import open_plain, plain_orientation
from acinus.slides.pyramid import SourceRefusedError

__all__ = ["StoredValues", "stored_values"]

_LARGEST_PX = 20_000_000_000
"""80 GB of int32; headers that say more are damaged."""

_LOSSY_FORMATS = ("JPEG", "JPEG2000", "WEBP")
_LOSSY_COMPRESSIONS = (6, 7, 33007, 33003, 33004, 33005, 34712, 34887, 50001, 50002)
"""JPEG, JPEG 2000, LERC, WebP and JPEG XL in TIFF, all of which may change values."""

_WHITE_IS_ZERO, _PALETTE = 0, 3  # PhotometricInterpretation

_PNG_HEADER = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_PNG_HEADER_BYTES = 33
_SAMPLES_OF_PNG = {0: 1, 2: 3, 4: 2, 6: 4}  # colour types: grey, RGB, both with transparency
_MOST_DEFLATED = 1040
"""Deflate makes at most 1032 bytes of one; a header that says more is damaged."""


@dataclass(frozen=True)
class StoredValues:
    """What the file of a label map holds.

    Attributes
    ----------
    values : ndarray of shape (H, W)
        Of any type; in a temporary file when it is large.
    palette : ndarray of shape (N, 3), uint8, or None
        The colour of each value, in a file whose values are places in a palette.
    white_is_zero : bool
        Whether the file says that 0 is shown white, and means it. ImageJ shows the background of masks so,
        and tifffile writes it into every file of 1 bit; in neither it says what is gland.
    lossy : bool
        Whether it was compressed in a way that changes values.
    orientation : int
        Value of TIFF's and Exif's tag; of what `stored_values` returns always 1.
    notices : tuple of str
        Where the values were found, when not in the grey of the first picture, and whether they were turned.
    """

    values: NDArray[Any]
    palette: NDArray[np.uint8] | None = None
    white_is_zero: bool = False
    lossy: bool = False
    orientation: int = 1
    notices: tuple[str, ...] = ()


def stored_values(path: Path) -> StoredValues:
    """Read the numbers of a label map's file.

    Raises
    ------
    InputError
        When it cannot be read, holds several planes or is a colour picture.
    """
    check_readable(path)
    stored = _from_tiff(path) or _from_large_png(path) or _from_plain(path)
    if not stored.values.size:
        raise unreadable(path)
    values, notice = _one_channel(stored.values, path)
    notices = [*stored.notices, *([notice] if notice else [])]
    if stored.orientation in range(2, 9):
        values = turned(values, stored.orientation)
        notices.append(TURNED)
    return replace(stored, values=values, orientation=1, notices=tuple(notices))


def _from_tiff(path: Path) -> StoredValues | None:
    """Return what tifffile reads, channels last; None for what is no TIFF, or one that Pillow may know."""
    try:
        with tifffile.TiffFile(path) as file:
            series = max(file.series, key=lambda one: one.keyframe.imagewidth * one.keyframe.imagelength)
            smaller = series.keyframe.index != file.series[0].keyframe.index
            _check_size(series.shape, path)
            page = series.keyframe
            if not _is_complete(page, path):
                return None
            values = scratch_array(series.shape, series.dtype)
            series.asarray(out=values)
            axes = series.axes
            palette = None
            if page.photometric == _PALETTE and page.colormap is not None:
                palette = (np.asarray(page.colormap) >> 8).astype(np.uint8).T
            return StoredValues(
                _channels_last(values, axes),
                palette=palette,
                white_is_zero=page.photometric == _WHITE_IS_ZERO and not _says_nothing(file, page),
                lossy=page.compression in _LOSSY_COMPRESSIONS,
                orientation=_tag(page, "Orientation"),
                notices=("the largest picture of it is read, which is not the first",) if smaller else (),
            )
    except AcinusError:
        raise
    except Exception:  # of a damaged file tifffile raises whatever comes of its numbers
        return None


def _tag(page: Any, name: str) -> int:
    tag = page.tags.get(name)
    return 1 if tag is None else int(tag.value)


def _says_nothing(file: tifffile.TiffFile, page: Any) -> bool:
    """Whether what is white in a file was not chosen by whoever wrote it."""
    return bool(file.is_imagej or (page.bitspersample == 1 and page.software == "tifffile.py"))


def _is_complete(page: Any, path: Path) -> bool:
    """Whether every strip or tile that the header asks for lies in the file."""
    offsets = np.asarray(page.dataoffsets, np.float64)
    ends = offsets + np.asarray(page.databytecounts, np.float64)
    complete = len(offsets) >= np.prod(page.chunked, dtype=np.float64)
    return bool(complete and ends.max() <= path.stat().st_size)


def _check_size(shape: tuple[int, ...], path: Path) -> None:
    pixels = int(np.prod(shape, dtype=np.float64))
    if pixels > _LARGEST_PX:
        raise InputError(
            f"{path.name} says that it has {pixels / 1e9:.0f} Gpx, expected {_LARGEST_PX / 1e9:.0f} at most; "
            "it is damaged, or has to be cut into parts"
        )


def _channels_last(values: NDArray[Any], axes: str) -> NDArray[Any]:
    """Move the samples of a pixel, or the pages of one that holds three, to the end."""
    for axis in "SC":
        if axis in axes and values.shape[axes.index(axis)] <= 4:
            return np.moveaxis(values, axes.index(axis), -1)
    return values


def _from_large_png(path: Path) -> StoredValues | None:
    """Return what a PNG holds, without Pillow's limit and in a temporary file; None of what Pillow can read.

    Palettes and single transparent values are left to Pillow, since the indices are lost here.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    if not head.startswith(_PNG_HEADER) or len(head) < _PNG_HEADER_BYTES or b"tRNS" in head:
        return None
    width, height, depth, colours = struct.unpack(">2I2B", head[16:26])
    samples = _SAMPLES_OF_PNG.get(colours)
    if samples is None or not is_large((height, width)):
        return None
    shape = (height, width) if samples == 1 else (height, width, samples)
    _check_size(shape, path)
    values_bytes = height * width * samples * depth / 8
    if values_bytes > _MOST_DEFLATED * path.stat().st_size:
        raise unreadable(path)
    values = scratch_array(shape, np.uint16 if depth == 16 else np.uint8)
    try:
        imagecodecs.png_decode(path.read_bytes(), out=values)
    except (imagecodecs.PngError, ValueError) as error:
        raise unreadable(path) from error
    return StoredValues(values)


def _from_plain(path: Path) -> StoredValues:
    try:
        image = open_plain(path)
    except SourceRefusedError as error:
        raise unreadable(path) from error
    colours = image.getpalette("RGB") if image.mode == "P" else None
    return StoredValues(
        np.asarray(image),
        palette=None if colours is None else np.array(colours, np.uint8).reshape(-1, 3),
        lossy=image.format in _LOSSY_FORMATS,
        orientation=plain_orientation(image),
    )


def _one_channel(values: NDArray[Any], path: Path) -> tuple[NDArray[Any], str | None]:
    """Return the one channel that holds the labels: grey, or transparency where there is nothing else."""
    while values.ndim > 2 and 1 in (values.shape[0], values.shape[-1]):
        values = values[0] if values.shape[0] == 1 else values[..., 0]
    if values.ndim == 2:
        return values, None
    if values.ndim != 3 or values.shape[-1] not in (2, 3, 4):
        raise InputError(
            f"{path.name} holds several planes ({' × '.join(map(str, values.shape))}), expected one with a "
            "value for each gland; export the plane with the labels alone"
        )
    grey, alpha = values[..., 0], values[..., -1] if values.shape[-1] in (2, 4) else None
    colours = 1 if values.shape[-1] == 2 else 3
    is_grey = all((values[rows, ..., :1] == values[rows, ..., :colours]).all() for rows in bands(grey.shape))
    if not is_grey:
        raise InputError(
            f"{path.name} is a colour image, expected one channel with a value for each gland; "
            "export the labels, not their picture"
        )
    if alpha is not None and alpha.size and _is_constant(grey) and not _is_constant(alpha):
        return alpha, "the mask is what is opaque"
    return grey, None


def _is_constant(values: NDArray[Any]) -> bool:
    return bool((values == values[:1, :1]).all())
