"""Tiles and strips of a TIFF's pages, decoded one by one, as they are needed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from acinus.core.cache import LruCache
from acinus.core.errors import InputError
from acinus.core.geometry import Box, Size
from acinus.slides.pixels import ValueScale

__all__ = ["TiffBlocks", "block_size", "check_blocks"]

_CACHE_BYTES = 64_000_000
_LARGEST_BLOCK_BYTES = 1_000_000_000
_LOOKED_AT_PX = 25_000_000
"""Pixels from which the range of values is told; all of them in pictures up to 5000 × 5000."""


class TiffBlocks:
    """The blocks of an open file; those read lately are kept, as 8 bits."""

    def __init__(self, file: tifffile.TiffFile) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._cache = LruCache[tuple[int, int], NDArray[np.uint8] | None](
            limit=_CACHE_BYTES, weigh=lambda block: 0 if block is None else block.nbytes
        )

    def read(self, page: Any, box: Box, scale: ValueScale) -> NDArray[np.uint8]:
        """Return a box of a page, (height, width, samples), as 8 bits."""
        keyframe = page.keyframe
        planes, samples = _planes(keyframe), _samples(keyframe)
        block = block_size(keyframe)
        across, down = _blocks(keyframe)
        result = np.full((box.height, box.width, planes * samples), 255, np.uint8)
        for plane in range(planes):
            for row in range(box.y // block.height, -(-box.bottom // block.height)):
                for column in range(box.x // block.width, -(-box.right // block.width)):
                    decoded = self._in_8_bit(page, (plane * down + row) * across + column, scale)
                    if decoded is None:  # an empty tile of a sparse file: white
                        continue
                    here = Box(column * block.width, row * block.height, decoded.shape[1], decoded.shape[0])
                    part = box.intersection(here)
                    channels = slice(plane * samples, (plane + 1) * samples)
                    result[*part.slices_in(box), channels] = decoded[part.slices_in(here)]
        return result

    def extremes(self, page: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the smallest and the largest value of each sample of a page as stored.

        Of a large page so many blocks are looked at, drawn from all over it, as 25 megapixels take.
        """
        across, down = _blocks(page.keyframe)
        block = block_size(page.keyframe)
        most = max(1, _LOOKED_AT_PX // (block.width * block.height))
        drawn = np.random.default_rng(0).permutation(across * down)[:most]
        found = [
            _extremes_of(self._decode(page, plane * across * down + int(number)) for number in drawn)
            for plane in range(_planes(page.keyframe))
        ]
        white = np.full(_samples(page.keyframe), 255)  # of a page that stores nothing
        return (
            np.concatenate([white if each is None else each[0] for each in found]),
            np.concatenate([white if each is None else each[1] for each in found]),
        )

    def _in_8_bit(self, page: Any, number: int, scale: ValueScale) -> NDArray[np.uint8] | None:
        def make() -> NDArray[np.uint8] | None:
            values = self._decode(page, number)
            return None if values is None else scale.to_8_bit(values)

        with self._lock:  # one file position, so one reader at a time
            return self._cache.get_or_make((page.offset, number), make)

    def _decode(self, page: Any, number: int) -> NDArray[Any] | None:
        """Return one tile or strip, (height, width, samples), in the page's type; None of an empty one."""
        data = None
        if page.databytecounts[number]:
            self._file.filehandle.seek(page.dataoffsets[number])
            data = self._file.filehandle.read(page.databytecounts[number])
        tables = {} if page.jpegtables is None else {"jpegtables": page.jpegtables}
        block, _, _ = page.keyframe.decode(data, number, **tables)
        return None if block is None else block[0]

    def close(self) -> None:
        """Release the file."""
        self._cache.clear()
        self._file.close()


def check_blocks(page: Any, path: Path) -> None:
    """Raise the one-line error for a page whose blocks are not all there, or too large to decode one.

    Raises
    ------
    InputError
    """
    keyframe = page.keyframe
    across, down = _blocks(keyframe)
    ends = np.asarray(page.dataoffsets, np.float64) + np.asarray(page.databytecounts, np.float64)
    if ends.size < across * down * _planes(keyframe) or ends.size == 0 or ends.max() > path.stat().st_size:
        raise InputError(f"{path.name} is truncated: pixels are missing; copy it again")
    block = block_size(keyframe)
    if block.width * block.height * _samples(keyframe) * keyframe.dtype.itemsize > _LARGEST_BLOCK_BYTES:
        raise InputError(
            f"{path.name} stores {block.width} × {block.height} px in one block, too many to hold in memory; "
            "convert it to a tiled TIFF"
        )


def block_size(keyframe: Any) -> Size:
    """Return the size of a page's tiles or strips."""
    if keyframe.is_tiled:
        return Size(keyframe.tilewidth, keyframe.tilelength)
    return Size(keyframe.imagewidth, min(keyframe.rowsperstrip, keyframe.imagelength))


def _blocks(keyframe: Any) -> tuple[int, int]:
    """Return how many blocks lie across and down."""
    block = block_size(keyframe)
    return -(-keyframe.imagewidth // block.width), -(-keyframe.imagelength // block.height)


def _planes(keyframe: Any) -> int:
    """Return how many planes of blocks a page has: one for each sample where they are stored apart."""
    return int(keyframe.samplesperpixel) if keyframe.planarconfig == 2 else 1


def _samples(keyframe: Any) -> int:
    """Return the samples in a block's pixel."""
    return 1 if keyframe.planarconfig == 2 else int(keyframe.samplesperpixel)


def _extremes_of(blocks: Iterator[NDArray[Any] | None]) -> tuple[NDArray[Any], NDArray[Any]] | None:
    low = high = None
    for block in blocks:
        if block is not None:
            least, most = block.min(axis=(0, 1)), block.max(axis=(0, 1))
            low = least if low is None else np.minimum(low, least)
            high = most if high is None else np.maximum(high, most)
    return None if low is None or high is None else (low, high)
