"""The connected components of a slide's cleaned mask, found block by block.

Each block is labelled on its own, then the pieces that meet across a border between blocks are joined. Of the
pixels only the numbers along those borders are kept, so that memory grows with the number of glands and the
length of the borders, not with the slide.
"""

from __future__ import annotations

from functools import partial

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from acinus.core.cache import LruCache
from acinus.core.geometry import Box
from acinus.core.image import BoolMask, LabelMap
from acinus.core.progress import Progress
from acinus.core.segmenter import from_bytes
from acinus.core.units import um2_to_px
from acinus.inference.instances import InstanceSettings
from acinus.inference.slide.joining import FoundPieces, Joined, join
from acinus.inference.slide.pieces import Pieces, find_pieces
from acinus.inference.slide.source import ProbabilitySource

__all__ = ["SlideComponents", "find_components"]

_CACHE_BYTES = 40_000_000  # nine blocks of 1024 px
_KEPT_BYTES = 32_000_000  # compressed, some hundred blocks full of glands
_ZSTD_LEVEL = 1


class SlideComponents:
    """The components of a slide's cleaned mask and, for any box, their pixels.

    Components are numbered 1..N by cells of 2048 px, then by row and column, always of their first pixel (the
    leftmost of the topmost row): the order does not depend on the blocks.

    Attributes
    ----------
    boxes : list of Box
        The bounding box of each.
    """

    def __init__(self, blocks: _Blocks, first_piece: NDArray[np.int64], joined: Joined) -> None:
        self.boxes = joined.boxes
        self._blocks = blocks
        self._first_piece = first_piece  # (blocks + 1,): pieces of block b are first_piece[b] + 1, ...
        self._component_of = joined.component_of
        self._cache = LruCache[int, LabelMap](limit=_CACHE_BYTES, weigh=lambda numbers: numbers.nbytes)

    def mask(self, number: int, box: Box) -> BoolMask:
        """Return the pixels of one component within a box of the working grid."""
        mask = np.zeros((box.height, box.width), dtype=bool)
        for index in self._blocks.meeting(box):
            if self._first_piece[index] == self._first_piece[index + 1]:
                continue
            block = self._blocks.box(index)
            part = box.intersection(block)
            numbers = self._cache.get_or_make(index, partial(self._numbers, index))[part.slices_in(block)]
            np.equal(numbers, number, out=mask[part.slices_in(box)])
        return mask

    def _numbers(self, index: int) -> LabelMap:
        """Return the component of every pixel of a block."""
        numbers = self._blocks.numbers(index)
        component_of = self._component_of[self._first_piece[index] : self._first_piece[index + 1] + 1].copy()
        assert len(component_of) > numbers.max(), "the source changed while it was read"
        component_of[0] = 0
        return component_of[numbers]


def find_components(
    source: ProbabilitySource,
    settings: InstanceSettings,
    *,
    mpp: float,
    block_px: int,
    progress: Progress,
) -> SlideComponents:
    """Read a slide once and find the components of its cleaned mask, `gland_mask` of the whole.

    Parameters
    ----------
    mpp : float
        µm per pixel of `source`.
    block_px : int
        Side of the blocks; it decides memory and speed, not the result.
    """
    blocks = _Blocks(source, settings, mpp=mpp, block_px=block_px)
    found = FoundPieces(blocks.grid.width)
    with progress.task("Finding glands", total=len(blocks)) as advance:
        for index in range(len(blocks)):
            found.add(blocks.pieces(index), blocks.box(index))
            advance()
    joined = join(found, blocks.grid, max_hole_px=blocks.max_hole_px, min_area_px=blocks.min_area_px)
    return SlideComponents(blocks, np.array(found.first_piece, dtype=np.int64), joined)


class _Blocks:
    """The blocks of a slide in rows, each labelled on demand.

    Which piece a pixel belongs to is kept of as many blocks as fit, the first ones.
    """

    def __init__(
        self, source: ProbabilitySource, settings: InstanceSettings, *, mpp: float, block_px: int
    ) -> None:
        self._source = source
        self._side = block_px
        self._columns = -(-source.size.width // block_px)
        self._rows = -(-source.size.height // block_px)
        self._threshold = _least_byte(settings.threshold)
        self.max_hole_px = um2_to_px(settings.max_hole_um2, mpp=mpp)
        self.min_area_px = um2_to_px(settings.min_area_um2, mpp=mpp)
        self.grid = Box(0, 0, source.size.width, source.size.height)
        self._kept: dict[int, bytes] = {}
        self._room = _KEPT_BYTES

    def __len__(self) -> int:
        return self._rows * self._columns

    def box(self, index: int) -> Box:
        row, column = divmod(index, self._columns)
        return Box(column * self._side, row * self._side, self._side, self._side).intersection(self.grid)

    def meeting(self, box: Box) -> list[int]:
        """Return the blocks that share pixels with a box inside the grid."""
        rows = range(box.y // self._side, -(-box.bottom // self._side))
        columns = range(box.x // self._side, -(-box.right // self._side))
        return [row * self._columns + column for row in rows for column in columns]

    def pieces(self, index: int) -> Pieces:
        box = self.box(index)
        pieces = find_pieces(
            self._source.read(box) >= self._threshold,
            box,
            self.grid,
            max_hole_px=self.max_hole_px,
            min_area_px=self.min_area_px,
        )
        if index not in self._kept and len(pieces.areas):
            packed = bytes(imagecodecs.zstd_encode(pieces.numbers.tobytes(), level=_ZSTD_LEVEL))
            if len(packed) <= self._room:
                self._kept[index] = packed
                self._room -= len(packed)
        return pieces

    def numbers(self, index: int) -> LabelMap:
        """Return the ``numbers`` of a block's pieces, kept from the first time or found again."""
        if index not in self._kept:
            return self.pieces(index).numbers
        box = self.box(index)
        values = np.frombuffer(imagecodecs.zstd_decode(self._kept[index]), np.int32)
        return values.reshape(box.height, box.width)


def _least_byte(threshold: float) -> int:
    """Return the least byte that stands for a probability of at least `threshold`, 256 when none does."""
    probabilities = from_bytes(np.arange(256, dtype=np.uint8))
    return int(np.count_nonzero(probabilities < threshold))
