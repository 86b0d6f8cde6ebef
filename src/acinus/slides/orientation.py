"""Pictures stored lying or mirrored, with a tag that says how to turn them: turned on reading, box by box.

The eight values are those of TIFF's and Exif's Orientation tag, which says where the first row and the first
column of the stored picture belong. Each is a mirroring of columns, rows or both, then perhaps an exchange of
the two.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acinus.core.geometry import Box, Size
from acinus.core.image import RgbArray
from acinus.slides.pyramid import PixelSource, SlideFacts

__all__ = ["TURNED", "UprightSource", "turned", "upright"]

TURNED = "it is turned as its orientation tag says"

_COLUMNS_MIRRORED = (2, 3, 7, 8)
_ROWS_MIRRORED = (3, 4, 6, 7)
_EXCHANGED = (5, 6, 7, 8)


def turned(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return stored pixels, (H, W, ...), as they are to be seen; a view.

    Examples
    --------
    >>> turned(np.array([[1, 2], [3, 4]]), 6).tolist()  # the first row belongs at the right
    [[3, 1], [4, 2]]
    """
    if orientation in _COLUMNS_MIRRORED:
        pixels = pixels[:, ::-1]
    if orientation in _ROWS_MIRRORED:
        pixels = pixels[::-1]
    return pixels.swapaxes(0, 1) if orientation in _EXCHANGED else pixels


def upright(source: PixelSource) -> PixelSource:
    """Return the source itself, or one that turns its pictures where they are stored lying or mirrored."""
    return source if source.facts.orientation not in range(2, 9) else UprightSource(source)


class UprightSource:
    """A source of turned pictures; sizes and boxes are those of the turned ones."""

    def __init__(self, source: PixelSource) -> None:
        self._source = source
        self._orientation = source.facts.orientation
        self.backend = source.backend
        self.facts = self._turned_facts(source.facts)

    def read_level(self, level: int, box: Box) -> RgbArray:
        """Return a box of the turned picture."""
        pixels = self._source.read_level(level, self._stored(box, self._source.facts.levels[level].size))
        return np.ascontiguousarray(turned(pixels, self._orientation))

    def close(self) -> None:
        """Release the file."""
        self._source.close()

    def _stored(self, box: Box, size: Size) -> Box:
        """Return where a box of the turned picture lies in the stored one of that size."""
        if self._orientation in _EXCHANGED:
            box = Box(box.y, box.x, box.height, box.width)
        x = size.width - box.right if self._orientation in _COLUMNS_MIRRORED else box.x
        y = size.height - box.bottom if self._orientation in _ROWS_MIRRORED else box.y
        return Box(x, y, box.width, box.height)

    def _turned(self, size: Size) -> Size:
        return Size(size.height, size.width) if self._orientation in _EXCHANGED else size

    def _turned_facts(self, facts: SlideFacts) -> SlideFacts:
        levels = [
            replace(level, size=self._turned(level.size), tile=self._turned(level.tile))
            for level in facts.levels
        ]
        whole = levels[0].size
        return replace(
            facts,
            levels=levels,
            bounds=Box(0, 0, whole.width, whole.height),
            notes=(*facts.notes, TURNED),
            orientation=1,
        )
