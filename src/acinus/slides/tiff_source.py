"""Pixels through tifffile: OME-TIFF, pyramidal, tiled and strip TIFF, and what OpenSlide refuses."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from acinus.core.cache import LruCache
from acinus.core.errors import AcinusError, InputError
from acinus.core.geometry import Box, Size
from acinus.core.image import RgbArray
from acinus.slides.pixels import GREYSCALE_REFUSAL, on_white, to_8_bit
from acinus.slides.pyramid import SlideFacts, SourceRefusedError
from acinus.slides.reader import Level, level_downsample
from acinus.slides.tiff_resolution import tiff_mpp

__all__ = ["TiffSource"]

# A damaged file is reported by our own one line, not by tifffile's log on the terminal beside it.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_CACHE_BYTES = 64_000_000
_TIFF_HEADERS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_RGB, _YCBCR = 2, 6  # PhotometricInterpretation
_JPEG = (6, 7, 33007)  # Compression


class TiffSource:
    """An open TIFF whose first colour series is the image.

    Blocks are decoded one by one, so that a box of a large file costs what the box costs.

    Raises
    ------
    SourceRefusedError
        When it is no TIFF, or one whose colours or compression another library must decode.
    InputError
        When it is a greyscale image, or truncated.
    """

    backend = "tifffile"

    def __init__(self, path: Path) -> None:
        self._path = path
        with path.open("rb") as file:
            if file.read(4) not in _TIFF_HEADERS:
                raise SourceRefusedError("not a TIFF")
        try:
            self._file = tifffile.TiffFile(path)
        except Exception as error:  # of a damaged header tifffile raises whatever comes of its numbers
            raise SourceRefusedError(str(error)) from error
        try:
            pyramid = _colour_pyramid(self._file, path)
            self._pages: list[list[Any]] = [list(level.pages) for level in pyramid]
            _check_complete(self._pages, path)
            self.facts = _facts(self._file, _levels([level.keyframe for level in pyramid]))
        except BaseException as error:
            self._file.close()
            if isinstance(error, Exception) and not isinstance(error, AcinusError | SourceRefusedError):
                raise SourceRefusedError(str(error)) from error
            raise
        self._lock = threading.Lock()
        self._cache = LruCache[tuple[int, int, int], NDArray[Any] | None](
            limit=_CACHE_BYTES, weigh=lambda segment: 0 if segment is None else segment.nbytes
        )

    def read_level(self, level: int, box: Box) -> RgbArray:
        """Return a box of one level as 8-bit RGB, transparent parts on white."""
        pages = self._pages[level]
        try:
            planes = [self._read_page(level, i, box) for i in range(len(pages))]
        except Exception as error:  # each codec raises its own kind, and a damaged header holds any numbers
            raise InputError(
                f"{self._path.name} cannot be decoded ({error}); the file is damaged, copy it again"
            ) from error
        values = planes[0] if len(planes) == 1 else np.concatenate(planes, axis=2)
        values = to_8_bit(values)
        if values.shape[2] == 3:
            return np.ascontiguousarray(values)
        extra = [int(kind) for kind in pages[0].keyframe.extrasamples]
        if not extra or extra[0] == 0:  # a fourth channel without meaning
            return np.ascontiguousarray(values[..., :3])
        return on_white(values[..., :4], premultiplied=extra[0] == 1)

    def _read_page(self, level: int, index: int, box: Box) -> NDArray[Any]:
        """Return the box's pixels of one page, (height, width, samples) in the page's own type."""
        page = self._pages[level][index].keyframe
        planes = page.samplesperpixel if page.planarconfig == 2 else 1
        contiguous = 1 if page.planarconfig == 2 else page.samplesperpixel
        block = _block_size(page)
        across = -(-page.imagewidth // block.width)
        down = -(-page.imagelength // block.height)
        result = np.full((box.height, box.width, planes * contiguous), np.iinfo(page.dtype).max, page.dtype)
        for plane in range(planes):
            for row in range(box.y // block.height, -(-box.bottom // block.height)):
                for column in range(box.x // block.width, -(-box.right // block.width)):
                    segment = self._decode(level, index, (plane * down + row) * across + column)
                    if segment is None:  # an empty tile of a sparse file: white
                        continue
                    here = Box(column * block.width, row * block.height, segment.shape[1], segment.shape[0])
                    part = box.intersection(here)
                    samples = slice(plane * contiguous, (plane + 1) * contiguous)
                    result[*part.slices_in(box), samples] = segment[part.slices_in(here)]
        return result

    def _decode(self, level: int, index: int, number: int) -> NDArray[Any] | None:
        """Return one tile or strip as (height, width, samples), from the cache if it was read lately."""

        def decode() -> NDArray[Any] | None:
            frame = self._pages[level][index]
            data = None
            if frame.databytecounts[number]:
                self._file.filehandle.seek(frame.dataoffsets[number])
                data = self._file.filehandle.read(frame.databytecounts[number])
            tables = {} if frame.jpegtables is None else {"jpegtables": frame.jpegtables}
            segment, _, _ = frame.keyframe.decode(data, number, **tables)
            return None if segment is None else segment[0]

        with self._lock:  # one file position, so one reader at a time
            return self._cache.get_or_make((level, index, number), decode)

    def close(self) -> None:
        """Release the file."""
        self._cache.clear()
        self._file.close()


def _check_complete(pages: list[list[Any]], path: Path) -> None:
    file_size = path.stat().st_size
    for page in (page for level in pages for page in level):
        ends = np.asarray(page.dataoffsets, np.int64) + np.asarray(page.databytecounts, np.int64)
        if ends.size == 0 or int(ends.max()) > file_size:
            raise InputError(f"{path.name} is truncated: pixels are missing; copy it again")


def _facts(file: tifffile.TiffFile, levels: tuple[Level, ...]) -> SlideFacts:
    mpp, source = tiff_mpp(file)
    return SlideFacts(
        format="ome-tiff" if file.is_ome else "svs" if file.is_svs else "tiff",
        levels=levels,
        bounds=Box(0, 0, levels[0].size.width, levels[0].size.height),
        mpp=mpp,
        mpp_source=source,
    )


def _colour_pyramid(file: tifffile.TiffFile, path: Path) -> list[Any]:
    """Return the levels of the first series that is one plane of 8- or 16-bit RGB."""
    candidates = list(file.series)
    for i, series in enumerate(candidates):
        if _is_colour(series):
            levels = list(series.levels)
            if len(levels) == 1 and not (file.is_ome or file.is_svs):  # SVS: a thumbnail follows
                # pages of falling size one after the other, as libvips writes them
                for other in candidates[i + 1 :]:
                    if _is_colour(other) and _is_coarser(other.keyframe, than=levels[-1].keyframe):
                        levels.append(other)
            return levels
    first = candidates[0]
    if first.keyframe.photometric in (0, 1) and first.keyframe.samplesperpixel <= 2:
        raise InputError(f"{path.name} {GREYSCALE_REFUSAL}")
    raise SourceRefusedError(f"axes {first.axes}, photometric {first.keyframe.photometric}")


def _is_colour(series: Any) -> bool:
    page = series.keyframe
    if page.dtype not in (np.uint8, np.uint16):
        return False
    if series.axes == "CYX":  # three pages, one for each colour, as some OME-TIFFs have them
        return bool(series.shape[0] == len(series.pages) == 3)
    # JPEG's decoder returns RGB; other YCbCr is left to OpenSlide and Pillow.
    rgb = page.photometric == _RGB or (page.photometric == _YCBCR and page.compression in _JPEG)
    return bool(
        rgb and series.axes in ("YXS", "SYX") and len(series.pages) == 1 and page.samplesperpixel in (3, 4)
    )


def _is_coarser(page: Any, *, than: Any) -> bool:
    """Whether `page` shows the same at a smaller size, up to the rounding of its sides."""
    ratio = than.imagewidth / page.imagewidth
    return bool(ratio > 1.5 and abs(than.imagelength / ratio - page.imagelength) <= 2)


def _levels(pages: list[Any]) -> tuple[Level, ...]:
    sizes = [Size(page.imagewidth, page.imagelength) for page in pages]
    return tuple(
        Level(size=size, downsample=level_downsample(sizes[0], size), tile=_block_size(page))
        for size, page in zip(sizes, pages, strict=True)
    )


def _block_size(page: Any) -> Size:
    if page.is_tiled:
        return Size(page.tilewidth, page.tilelength)
    return Size(page.imagewidth, min(page.rowsperstrip, page.imagelength))
