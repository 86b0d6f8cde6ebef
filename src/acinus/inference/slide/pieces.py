"""What one block of a slide knows of its glands: the pieces of gland and of open holes that lie in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acinus.core.geometry import Box
from acinus.core.image import BoolMask, LabelMap
from acinus.inference.instances import Components, components_of, with_filled_holes

__all__ = ["Pieces", "find_pieces"]


@dataclass(frozen=True)
class Pieces:
    """Connected pieces of gland and of what may turn out to be a hole, in one block.

    Attributes
    ----------
    numbers : (h, w) int32
        1..N one number per piece; 0 for background that is no hole and for specks.
    is_gland : (N,) bool
        Gland, else part of a hole that may continue in other blocks.
    areas : (N,) int64
        Pixels of each.
    boxes : (N, 4) int64
        Left, top, right, bottom within the block; right and bottom are the first column and row after it.
    first_x : (N,) int64
        Column of each piece's first pixel: the leftmost of its topmost row.
    contacts : (M, 2) int64
        Numbers of gland pieces and of the hole pieces they touch within the block.
    """

    numbers: LabelMap
    is_gland: NDArray[np.bool_]
    areas: NDArray[np.int64]
    boxes: NDArray[np.int64]
    first_x: NDArray[np.int64]
    contacts: NDArray[np.int64]

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> Pieces:
        """Return those of a block of that shape in which nothing is gland and no hole can lie."""
        nothing = np.zeros(0, dtype=np.int64)
        return cls(
            numbers=np.zeros(shape, dtype=np.int32),
            is_gland=np.zeros(0, dtype=np.bool_),
            areas=nothing,
            boxes=nothing.reshape(0, 4),
            first_x=nothing,
            contacts=nothing.reshape(0, 2),
        )


def find_pieces(mask: BoolMask, block: Box, grid: Box, *, max_hole_px: float, min_area_px: float) -> Pieces:
    """Find the pieces of one block of the thresholded mask.

    Holes that lie whole within the block are filled at once and specks that do are dropped; what reaches the
    block's edge is kept until the neighbours are known.

    Parameters
    ----------
    mask : (h, w) bool
        Gland in the block.
    block, grid : Box
        Where the block lies, and the whole slide: background that touches the slide's edge encloses nothing.
    max_hole_px, min_area_px : float
        As in `InstanceSettings`, in pixels.
    """
    if mask.size > max_hole_px and not mask.any():  # most of a slide is bare background
        return Pieces.none(mask.shape)
    mask = with_filled_holes(mask, max_hole_px=max_hole_px)
    background, glands = components_of(~mask), components_of(mask)
    may_be_hole = (
        (background.areas <= max_hole_px) & background.at_edge() & ~_at_slide_edge(background, block, grid)
    )
    contacts = _contacts(glands, background, may_be_hole)
    stays = (glands.areas >= min_area_px) | glands.at_edge()
    stays[contacts[:, 0] - 1] = True
    return _kept_pieces(glands, stays, background, may_be_hole, contacts)


def _at_slide_edge(components: Components, block: Box, grid: Box) -> NDArray[np.bool_]:
    left, top, right, bottom = (components.boxes + np.array([block.x, block.y, block.x, block.y])).T
    at_edge = (left == grid.x) | (top == grid.y) | (right == grid.right) | (bottom == grid.bottom)
    return np.asarray(at_edge, dtype=bool)


def _contacts(
    glands: Components, background: Components, may_be_hole: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return each pair of a gland and a possible hole that share an edge, (M, 2) int64."""
    pairs = [np.zeros((0, 2), dtype=np.int64)]
    if may_be_hole.any():
        y, x = np.nonzero(background.mask_of(may_be_hole))
        framed = np.pad(glands.numbers, 1)
        for down, right in ((0, 1), (1, 0), (1, 2), (2, 1)):
            gland = framed[y + down, x + right]
            meets = gland > 0
            hole = background.numbers[y[meets], x[meets]]
            pairs.append(np.stack([gland[meets], hole], axis=1).astype(np.int64))
    return np.unique(np.concatenate(pairs), axis=0)


def _kept_pieces(
    glands: Components,
    gland_stays: NDArray[np.bool_],
    background: Components,
    may_be_hole: NDArray[np.bool_],
    contacts: NDArray[np.int64],
) -> Pieces:
    """Number glands that stay 1..G and possible holes G+1..N."""
    gland_numbers = _renumbered(gland_stays, start=1)
    hole_numbers = _renumbered(may_be_hole, start=1 + int(gland_stays.sum()))
    numbers = gland_numbers[glands.numbers]
    if may_be_hole.any():
        numbers += hole_numbers[background.numbers]
    boxes = np.concatenate([glands.boxes[gland_stays], background.boxes[may_be_hole]])
    return Pieces(
        numbers=numbers,
        is_gland=np.arange(len(boxes)) < gland_stays.sum(),
        areas=np.concatenate([glands.areas[gland_stays], background.areas[may_be_hole]]),
        boxes=boxes,
        first_x=_first_columns(numbers, boxes),
        contacts=np.stack([gland_numbers[contacts[:, 0]], hole_numbers[contacts[:, 1]]], axis=1).astype(
            np.int64
        ),
    )


def _renumbered(stays: NDArray[np.bool_], *, start: int) -> NDArray[np.int32]:
    """Return a table from old numbers to new ones; 0 and what does not stay become 0."""
    numbers = np.zeros(len(stays) + 1, dtype=np.int32)
    numbers[1:][stays] = np.arange(start, start + int(stays.sum()))
    return numbers


def _first_columns(numbers: LabelMap, boxes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the column of each piece's leftmost pixel in its topmost row."""
    columns = [
        left + int(np.argmax(numbers[top, left:right] == number))
        for number, (left, top, right, _) in enumerate(boxes.tolist(), start=1)
    ]
    return np.array(columns, dtype=np.int64)
