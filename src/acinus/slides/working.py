"""A slide at one resolution that is cut like an array, read block by block as it is asked for."""

from __future__ import annotations

import numpy as np

from acinus.core.cache import LruCache
from acinus.core.errors import InputError
from acinus.core.geometry import Box, Size
from acinus.core.image import RgbArray
from acinus.slides.reader import SlideReader

__all__ = ["WorkingImage"]

_BLOCK_PX = 512
_CACHE_BLOCKS = 96  # 75 MB


class WorkingImage:
    """The pixels of a slide on the grid of `SlideReader.read_working`; blocks read lately are kept.

    Parameters
    ----------
    reader : SlideReader
    mpp : float
        µm per pixel of the grid.
    size : Size
        Of the grid in pixels; what lies outside the slide is white.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from acinus.slides import open_slide
    >>> path = Path(tempfile.mkdtemp()) / "pink.png"
    >>> Image.new("RGB", (80, 60), (230, 150, 190)).save(path)
    >>> with open_slide(path, mpp=0.5) as slide:
    ...     WorkingImage(slide, mpp=1.0, size=Size(40, 30))[10:12, 0:3][0, 0].tolist()
    [230, 150, 190]
    """

    def __init__(self, reader: SlideReader, *, mpp: float, size: Size) -> None:
        self._reader = reader
        self._mpp = mpp
        self._whole = Box(0, 0, size.width, size.height)
        self._blocks = LruCache[tuple[int, int], RgbArray](limit=_CACHE_BLOCKS)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, 3)."""
        return self._whole.height, self._whole.width, 3

    def __getitem__(self, window: tuple[slice, slice]) -> RgbArray:
        """Return rows and columns, given by first and last + 1, as uint8 RGB.

        Raises
        ------
        InputError
            When the file cannot be read.
        """
        rows, columns = window
        box = Box(columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start)
        result = np.empty((box.height, box.width, 3), np.uint8)
        for row in range(box.y // _BLOCK_PX, -(-box.bottom // _BLOCK_PX)):
            for column in range(box.x // _BLOCK_PX, -(-box.right // _BLOCK_PX)):
                here = Box(column * _BLOCK_PX, row * _BLOCK_PX, _BLOCK_PX, _BLOCK_PX)
                part = box.intersection(here)
                result[part.slices_in(box)] = self._block(row, column)[part.slices_in(here)]
        return result

    def _block(self, row: int, column: int) -> RgbArray:
        box = Box(column * _BLOCK_PX, row * _BLOCK_PX, _BLOCK_PX, _BLOCK_PX).intersection(self._whole)
        try:
            return self._blocks.get_or_make(
                (row, column), lambda: self._reader.read_working(box, mpp=self._mpp)
            )
        except OSError as error:  # the file went away: whoever writes results must not take it for theirs
            raise InputError(f"{self._reader.path.name} cannot be read ({error}); copy it again") from error
