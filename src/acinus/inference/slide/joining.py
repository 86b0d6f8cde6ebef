"""Pieces of many blocks joined into the components of a slide, across the borders between blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from acinus.core.geometry import Box
from acinus.inference.slide.pieces import Pieces

__all__ = ["FoundPieces", "Joined", "join"]

_ORDER_CELL_PX = 2048  # components are sorted by cells of this side, so that neighbours follow each other


class FoundPieces:
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
class Joined:
    """Components in their order.

    Attributes
    ----------
    boxes : list of Box
    component_of : (pieces + 1,) int32
        The component, 1..N, that a piece belongs to; 0 for none.
    """

    boxes: list[Box]
    component_of: NDArray[np.int32]


def join(found: FoundPieces, grid: Box, *, max_hole_px: float, min_area_px: float) -> Joined:
    """Join the pieces of all blocks into components, holes filled and specks dropped.

    Parameters
    ----------
    grid : Box
        The whole slide.
    max_hole_px, min_area_px : float
        As in `InstanceSettings`, in pixels.
    """
    is_gland, areas = np.concatenate(found.is_gland), np.concatenate(found.areas)
    boxes, first_x = np.concatenate(found.boxes), np.concatenate(found.first_x)
    links = np.concatenate(found.links)
    filled = _filled_holes(is_gland, areas, links, max_hole_px=max_hole_px)
    solid = is_gland | filled
    group = _groups(len(solid), links[solid[links].all(axis=1)])
    count = int(group.max()) + 1
    solid_group = group[solid]

    area = np.zeros(count, dtype=np.int64)
    np.add.at(area, solid_group, areas[solid])
    first_pixel = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(first_pixel, solid_group, boxes[solid, 1] * grid.width + first_x[solid])
    extent = np.tile(np.array([grid.width, grid.height, 0, 0]), (count, 1))
    np.minimum.at(extent[:, :2], solid_group, boxes[solid, :2])
    np.maximum.at(extent[:, 2:], solid_group, boxes[solid, 2:])

    kept = np.flatnonzero((area > 0) & (area >= min_area_px))
    y, x = np.divmod(first_pixel[kept], max(1, grid.width))
    kept = kept[np.lexsort((x, y, x // _ORDER_CELL_PX, y // _ORDER_CELL_PX))]
    number = np.zeros(count, dtype=np.int32)
    number[kept] = np.arange(1, len(kept) + 1)
    return Joined(
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
