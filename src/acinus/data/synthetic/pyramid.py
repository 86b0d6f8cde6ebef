"""A pyramidal tiled TIFF written tile by tile: nothing but single tiles is ever held in memory.

Each level is written from tiles halved while the level above was written; they wait in a temporary file, but
blank ones. Pages follow each other as a generic tiled TIFF, which OpenSlide and tifffile both read.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Protocol

import imagecodecs
import numpy as np
import tifffile

from acinus.core.files import atomic_path
from acinus.core.geometry import Box, Size
from acinus.core.image import RgbArray

__all__ = ["write_pyramid"]

BIG_TIFF_BYTES = 2_000_000_000


class _Source(Protocol):
    """Where the tiles of a level come from."""

    def tile(self, row: int, column: int) -> RgbArray | None:
        """Return one tile, None where it is blank."""
        ...


class _Drawn:
    """Level 0."""

    def __init__(self, draw: Callable[[Box], RgbArray | None], tile_px: int) -> None:
        self._draw, self._tile_px = draw, tile_px

    def tile(self, row: int, column: int) -> RgbArray | None:
        side = self._tile_px
        return self._draw(Box(column * side, row * side, side, side))


class _Halves:
    """The tiles of one level at half their size, waiting on disk to become the next level."""

    def __init__(self, file: IO[bytes], tile_px: int, blank: tuple[int, int, int]) -> None:
        self._file, self._side_px, self._blank = file, tile_px // 2, blank
        self._places: dict[tuple[int, int], int] = {}

    def put(self, row: int, column: int, tile: RgbArray) -> None:
        """Halve a tile by the mean of each 2×2 pixels and keep it."""
        side = self._side_px
        sums = tile.reshape(side, 2, side, 2, 3).sum(axis=(1, 3), dtype=np.uint16)
        self._places[row, column] = self._file.seek(0, os.SEEK_END)
        self._file.write(((sums + 2) // 4).astype(np.uint8).tobytes())

    def tile(self, row: int, column: int) -> RgbArray | None:
        """Return a tile of the next level, made of four halves."""
        side = self._side_px
        whole: RgbArray | None = None
        for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
            place = self._places.get((2 * row + down, 2 * column + right))
            if place is None:
                continue
            if whole is None:
                whole = np.full((2 * side, 2 * side, 3), self._blank, dtype=np.uint8)
            self._file.seek(place)
            half = np.frombuffer(self._file.read(side * side * 3), dtype=np.uint8).reshape(side, side, 3)
            whole[down * side : (down + 1) * side, right * side : (right + 1) * side] = half
        return whole


def write_pyramid(
    path: Path,
    draw: Callable[[Box], RgbArray | None],
    *,
    size: Size,
    tile_px: int,
    mpp: float,
    blank: tuple[int, int, int],
    jpeg_quality: int | None,
    description: str,
) -> None:
    """Write a picture of any size as levels, each half of the one before, down to one tile.

    Parameters
    ----------
    path : Path
        Of the TIFF file.
    draw : callable
        Returns the pixels of a box that may reach beyond the picture; None where all is blank.
    size : Size
        Of level 0.
    tile_px : int
        Side of a tile, a multiple of 16.
    mpp : float
        µm per pixel of level 0, kept in the resolution tags of every level.
    blank : tuple of 3 ints
        Colour of the background.
    jpeg_quality : int or None
        None writes lossless tiles (deflate).
    description : str
        ImageDescription of level 0, ASCII.
    """
    empty = _encode(np.full((tile_px, tile_px, 3), blank, dtype=np.uint8), jpeg_quality, small=True)
    jpeg = jpeg_quality is not None
    with (
        atomic_path(path) as temporary,
        tifffile.TiffWriter(temporary, bigtiff=_is_big(size, jpeg=jpeg)) as tiff,
        ExitStack() as files,
    ):
        source: _Source = _Drawn(draw, tile_px)
        for level, level_size in enumerate(_level_sizes(size, tile_px)):
            halves = _Halves(files.enter_context(tempfile.TemporaryFile(dir=path.parent)), tile_px, blank)
            tiff.write(
                _encoded(source, halves, level_size, tile_px, empty, jpeg_quality),
                shape=(level_size.height, level_size.width, 3),
                dtype=np.uint8,
                tile=(tile_px, tile_px),
                photometric="ycbcr" if jpeg else "rgb",
                compression="jpeg" if jpeg else "adobe_deflate",
                subsampling=(2, 2) if jpeg else None,
                subfiletype=1 if level else 0,
                resolution=(1e4 / (mpp * 2**level),) * 2,
                resolutionunit="CENTIMETER",
                description=description if level == 0 else None,
                metadata=None,
                software=False,
            )
            source = halves


def _level_sizes(size: Size, tile_px: int) -> list[Size]:
    """Return the sizes of all levels, down to that which fits into one tile."""
    sizes = [size]
    while max(sizes[-1].width, sizes[-1].height) > tile_px:
        sizes.append(Size((sizes[-1].width + 1) // 2, (sizes[-1].height + 1) // 2))
    return sizes


def _is_big(size: Size, *, jpeg: bool) -> bool:
    """Whether the file may need 64-bit offsets."""
    return size.width * size.height * (1 if jpeg else 3) > BIG_TIFF_BYTES


def _encoded(
    source: _Source, halves: _Halves, size: Size, tile_px: int, empty: bytes, jpeg_quality: int | None
) -> Iterator[bytes]:
    """Yield the tiles of one level row by row, encoded, and keep their halves."""
    for row in range(-(-size.height // tile_px)):
        for column in range(-(-size.width // tile_px)):
            tile = source.tile(row, column)
            if tile is None:
                yield empty
            else:
                halves.put(row, column, tile)
                yield _encode(tile, jpeg_quality)


def _encode(tile: RgbArray, jpeg_quality: int | None, *, small: bool = False) -> bytes:
    """Encode one tile; `small` spends time to save bytes."""
    if jpeg_quality is None:
        return bytes(imagecodecs.zlib_encode(tile.tobytes(), level=6))
    return bytes(
        imagecodecs.jpeg8_encode(
            tile,
            level=jpeg_quality,
            colorspace="rgb",
            outcolorspace="ycbcr",
            subsampling="420",
            optimize=small,
        )
    )
