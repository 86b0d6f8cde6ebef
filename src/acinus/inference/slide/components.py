"""The connected components of a slide's cleaned mask, found block by block.

Each block is labelled on its own, then the pieces that meet across a border between blocks are joined. Of the
pixels only the numbers along those borders are kept, so that memory grows with the number of glands and the
length of the borders, not with the slide.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from acinus.core.cache import LruCache
from acinus.core.geometry import Box
from acinus.core.image import BoolMask, LabelMap
from acinus.core.progress import Progress
from acinus.core.units import um2_to_px
from acinus.inference.instances import InstanceSettings
from acinus.inference.slide.pieces import Pieces, find_pieces
from acinus.inference.slide.source import ProbabilitySource, from_bytes

__all__ = ["SlideComponents", "find_components"]

_ORDER_CELL_PX = 2048  # components are sorted by cells of this side, so that neighbours follow each other
_CACHE_BYTES = 70_000_000  # four blocks of 2048 px


class SlideComponents:
    """The components of a slide's cleaned mask and, for any box, their pixels.

    Components are numbered 1..N by cells of 2048 px, then by row and column, always of their first pixel (the
    leftmost of the topmost row): the order does not depend on the blocks.

    Attributes
    ----------
    boxes : list of Box
        The bounding box of each.
    """

    def __init__(self, blocks: _Blocks, first_piece: NDArray[np.int64], joined: _Joined) -> None:
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
        """Return the component of every pixel of a block: it is labelled again, as it was the first time."""
        pieces = self._blocks.pieces(index)
        component_of = self._component_of[self._first_piece[index] : self._first_piece[index + 1] + 1].copy()
        assert len(component_of) == len(pieces.areas) + 1, "the source changed while it was read"
        component_of[0] = 0
        return component_of[pieces.numbers]


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
    found = _Found(blocks.grid.width)
    with progress.task("Finding glands", total=len(blocks)) as advance:
        for index in range(len(blocks)):
            found.add(blocks.pieces(index), blocks.box(index))
            advance()
    return SlideComponents(blocks, np.array(found.first_piece, dtype=np.int64), _join(found, blocks))


class _Blocks:
    """The blocks of a slide in rows, each labelled on demand."""

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
        return find_pieces(
            self._source.read(box) >= self._threshold,
            box,
            self.grid,
            max_hole_px=self.max_hole_px,
            min_area_px=self.min_area_px,
        )


def _least_byte(threshold: float) -> int:
    """Return the least byte that stands for a probability of at least `threshold`, 256 when none does."""
    probabilities = from_bytes(np.arange(256, dtype=np.uint8))
    return int(np.count_nonzero(probabilities < threshold))


class _Found:
    """Pieces of all blocks so far, numbered on from block to block, and which of them meet.

    Piece 0 is the background that is no hole.
    """

    def __init__(self, grid_width: int) -> None:
        self.first_piece = [0]
        self.is_gland = [np.zeros(1, dtype=bool)]
        self.areas = [np.zeros(1, dtype=np.int64)]
        self.boxes = [np.zeros((1, 4), dtype=np.int64)]
        self.first_x = [np.zeros(1, dtype=np.int64)]
        self.links = [np.zeros((0, 2), dtype=np.int64)]
        self._above = np.zeros(grid_width, dtype=np.int64)  # numbers along the last row of the blocks above
        self._left = np.zeros(0, dtype=np.int64)  # and along the last column of the block to the left

    def add(self, pieces: Pieces, block: Box) -> None:
        """Add a block; blocks come row by row."""
        first = self.first_piece[-1]
        self.first_piece.append(first + len(pieces.areas))
        self.is_gland.append(pieces.is_gland)
        self.areas.append(pieces.areas)
        self.boxes.append(pieces.boxes + np.array([block.x, block.y, block.x, block.y]))
        self.first_x.append(pieces.first_x + block.x)
        self.links.append(pieces.contacts + first)
        if block.x > 0:
            self._link(self._left, _numbered_on(pieces.numbers[:, 0], first))
        if block.y > 0:
            self._link(self._above[block.x : block.right], _numbered_on(pieces.numbers[0], first))
        self._left = _numbered_on(pieces.numbers[:, -1], first)
        self._above[block.x : block.right] = _numbered_on(pieces.numbers[-1], first)

    def _link(self, before: NDArray[np.int64], after: NDArray[np.int64]) -> None:
        """Note which pieces face each other along a border, each run of pixels once."""
        starts = np.ones(len(before), dtype=bool)
        starts[1:] = (before[1:] != before[:-1]) | (after[1:] != after[:-1])
        starts &= (before > 0) | (after > 0)
        self.links.append(np.stack([before[starts], after[starts]], axis=1))


def _numbered_on(numbers: NDArray[np.int32], first: int) -> NDArray[np.int64]:
    return np.where(numbers > 0, numbers + np.int64(first), 0)


@dataclass(frozen=True)
class _Joined:
    """Components in their order.

    Attributes
    ----------
    boxes : list of Box
    component_of : (pieces + 1,) int32
        The component, 1..N, that a piece belongs to; 0 for none.
    """

    boxes: list[Box]
    component_of: NDArray[np.int32]


def _join(found: _Found, blocks: _Blocks) -> _Joined:
    """Join the pieces of all blocks into components, holes filled and specks dropped."""
    is_gland, areas = np.concatenate(found.is_gland), np.concatenate(found.areas)
    boxes, first_x = np.concatenate(found.boxes), np.concatenate(found.first_x)
    links = np.concatenate(found.links)
    filled = _filled_holes(is_gland, areas, links, max_hole_px=blocks.max_hole_px)
    solid = is_gland | filled
    group = _groups(len(solid), links[solid[links].all(axis=1)])
    count = int(group.max()) + 1
    solid_group = group[solid]

    area = np.zeros(count, dtype=np.int64)
    np.add.at(area, solid_group, areas[solid])
    first_pixel = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(first_pixel, solid_group, boxes[solid, 1] * blocks.grid.width + first_x[solid])
    extent = np.tile(np.array([blocks.grid.width, blocks.grid.height, 0, 0]), (count, 1))
    np.minimum.at(extent[:, :2], solid_group, boxes[solid, :2])
    np.maximum.at(extent[:, 2:], solid_group, boxes[solid, 2:])

    kept = np.flatnonzero((area > 0) & (area >= blocks.min_area_px))
    y, x = np.divmod(first_pixel[kept], max(1, blocks.grid.width))
    kept = kept[np.lexsort((x, y, x // _ORDER_CELL_PX, y // _ORDER_CELL_PX))]
    number = np.zeros(count, dtype=np.int32)
    number[kept] = np.arange(1, len(kept) + 1)
    return _Joined(
        boxes=[
            Box(left, top, right - left, bottom - top) for left, top, right, bottom in extent[kept].tolist()
        ],
        component_of=np.where(solid, number[group], 0).astype(np.int32),
    )


def _filled_holes(
    is_gland: NDArray[np.bool_],
    areas: NDArray[np.int64],
    links: NDArray[np.int64],
    *,
    max_hole_px: float,
) -> NDArray[np.bool_]:
    """Say of each piece whether it is part of a hole to fill: small enough and cut off from piece 0."""
    group = _groups(len(is_gland), links[~is_gland[links].any(axis=1)])
    area = np.zeros(len(is_gland), dtype=np.int64)
    np.add.at(area, group, areas)
    filled = ~is_gland & (area[group] <= max_hole_px) & (group != group[0])
    return np.asarray(filled, dtype=bool)


def _groups(count: int, links: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return which of the `count` pieces hang together, one number per group."""
    graph = coo_array((np.ones(len(links), dtype=bool), (links[:, 0], links[:, 1])), shape=(count, count))
    groups: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return groups
