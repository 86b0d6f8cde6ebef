"""Label maps of results: PNG or TIFF of an image, NGFF of a slide, and where their pixels lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from acinus.core.errors import InputError, MppError
from acinus.core.geometry import Box, Size
from acinus.core.image import LabelMap
from acinus.core.units import check_mpp
from acinus.results.files import LABELS_PNG, LABELS_TIFF, LABELS_ZARR, is_result
from acinus.results.ngff import open_labels
from acinus.results.ownership import is_own
from acinus.results.record import read_record
from acinus.slides.label_image import LabelImage, read_label_image
from acinus.slides.label_values import stored_values

__all__ = ["LabelFile", "dots_per_inch", "open_label_file", "write_labels"]

_UM_PER_INCH = 25400.0


@dataclass(frozen=True)
class LabelFile:
    """A label map on disk, and where its pixels lie on the image or slide.

    Attributes
    ----------
    path : Path
    size : Size
        Of the map.
    mpp : float or None
        µm per pixel of the map; None where unknown.
    read : callable
        Takes a box of the map and returns its labels, int32 of shape (box.height, box.width).
    pixels_per_level0 : float or None
        Pixels of the map per level-0 pixel: 1 for an image's; None where that of a slide's map is unknown.
    origin_px : (float, float)
        Level-0 x, y of the point from which coordinates beside the map count.
    notices : tuple of str
        One line each for what the file does not say and was understood.
    """

    path: Path
    size: Size
    mpp: float | None
    read: Callable[[Box], LabelMap]
    pixels_per_level0: float | None = 1.0
    origin_px: tuple[float, float] = (0.0, 0.0)
    notices: tuple[str, ...] = ()

    @property
    def frame(self) -> Box:
        """All of the map."""
        return Box(0, 0, self.size.width, self.size.height)

    def whole(self) -> LabelMap:
        """Return all of the map, int32 of shape (H, W)."""
        return self.read(self.frame)


def open_label_file(path: Path, *, mpp: float | None = None) -> LabelFile:
    """Open an image's label map, which is then in memory, or a slide's ``labels.zarr``, which is not.

    Parameters
    ----------
    path : Path
    mpp : float, optional
        µm per pixel of the map; by default that of the record beside it, if there is one.

    Raises
    ------
    InputError
        When it cannot be read.
    MppError
        When `mpp` is absurd, or the record that should give the resolution is damaged.
    """
    record = None
    if is_result(path.parent) and (mpp is None or path.name == LABELS_ZARR):
        try:
            record = read_record(path.parent)
        except InputError as error:
            raise MppError(f"{error}, or pass --mpp") from error
    if mpp is not None:
        check_mpp(mpp, source=str(path))
    elif record is not None:
        mpp = record.working_mpp
    if path.name == LABELS_ZARR:
        chunks = open_labels(path)
        if record is None:
            return LabelFile(path, chunks.size, mpp, chunks.read, pixels_per_level0=None)
        scale, origin_px = record.pixels_per_level0, record.origin_px
        return LabelFile(path, chunks.size, mpp, chunks.read, scale, origin_px)
    # Of a result the numbers are known to be labels: an image may be all gland, or have but one.
    if path.name in (LABELS_PNG, LABELS_TIFF) and is_own(path):
        image = LabelImage(np.asarray(stored_values(path).values, np.int32), notices=())
    else:
        image = read_label_image(path)
    size = Size(image.labels.shape[1], image.labels.shape[0])
    frame = Box(0, 0, size.width, size.height)
    return LabelFile(path, size, mpp, lambda box: image.labels[box.slices_in(frame)], notices=image.notices)


def write_labels(folder: Path, labels: LabelMap, *, mpp: float) -> Path:
    """Write ``labels.png`` (uint16), or ``labels.tif`` (uint32) when there are more than 65,535 glands.

    Parameters
    ----------
    labels : ndarray of shape (H, W), int32
    mpp : float
        µm per pixel, which the PNG bears as its resolution.
    """
    if labels.max(initial=0) <= np.iinfo(np.uint16).max:
        path = folder / LABELS_PNG
        Image.fromarray(labels.astype(np.uint16)).save(path, dpi=dots_per_inch(mpp))
        return path
    path = folder / LABELS_TIFF
    tifffile.imwrite(path, labels.astype(np.uint32), compression="zlib")
    return path


def dots_per_inch(mpp: float) -> tuple[float, float]:
    """Return a resolution as image files bear it, across and down.

    Examples
    --------
    >>> dots_per_inch(25.4)
    (1000.0, 1000.0)
    """
    return _UM_PER_INCH / mpp, _UM_PER_INCH / mpp
